"""The store in a versioned directory. What lies where, ``layout`` says."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    KeyTakenError,
    SourceChangedError,
    StoreError,
    VersionNotFoundError,
)
from cvfs.stores.durable import copy_all, make_directory, sync_directory, write_all, written_aside
from cvfs.stores.local.giving_way import make_room
from cvfs.stores.local.layout import Layout
from cvfs.stores.local.walking import current_files
from cvfs.stores.ranges import check_range, range_end
from cvfs.stores.source import md5_of, path_of, undone_on_failure
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning

#: How old a leftover of a killed upload must be before it is taken for one.
_ABANDONED_AFTER_S = 24 * 3600.0


class LocalStore:
    """Implements ``Store``. Any number of processes on one machine may use one directory at once.

    ``directory`` need not exist before the first ``put``.
    """

    def __init__(self, directory: str | Path) -> None:
        path = os.path.abspath(directory)
        self._url = f"file://{path}"
        self._layout = Layout(path, self._url)

    @property
    def url(self) -> str:
        """Name the directory, as a file URL."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the path of the key's current file."""
        return f"{self._url.removeprefix('file://')}/{key}"

    def check(self) -> None:
        """Look whether the directory is there."""
        if not os.path.isdir(self._layout.root):
            raise self._no_directory(self._url)

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, or the current file, as ``Store.read``."""
        check_range(start, length)
        what = self._layout.named(key, version_id)
        with self._mapped(what):
            path = self._layout.current(key) if version_id is None else self._layout.version(key, version_id)
            # Not blocking, because opening a FIFO would wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise VersionNotFoundError(f"{what} is not a file")
                size = found.st_size
                stop = range_end(size, start, length, what)
                data = _read_range(descriptor, start, stop)
            finally:
                os.close(descriptor)
        if len(data) != stop - start:
            raise IntegrityError(f"{what} has become shorter while it was read")
        return Piece(data, start, Stat(size, version_id, None))

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Describe one version, or the current file; of a file that no ``put`` made, the version id is None."""
        what = self._layout.named(key, version_id)
        with self._mapped(what):
            if version_id is not None:
                return Stat(os.stat(self._layout.version(key, version_id)).st_size, version_id, None)
            current = os.stat(self._layout.current(key))
            return Stat(current.st_size, self._layout.version_of(key, current), None)

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Add a version, durably, and then make it the current file, as ``Store.put``.

        A crash leaves the current file as it was, or as it is meant to be. Of two who put at once, the version with the
        later id becomes the current file.
        """
        what = self._layout.named(key)

        def fill(descriptor: int) -> None:
            _fill(descriptor, source, what)
            if md5 is not None and md5_of(descriptor) != md5:
                raise SourceChangedError(f"{what}: what was to be uploaded is not what its md5 says")

        return self._add(key, fill, create_only=create_only)

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Make a version's content a new version of ``target``, sharing blocks where the file system can."""
        what = self._layout.named(key, version_id)
        with self._mapped(what):
            version = os.open(self._layout.version(key, version_id), os.O_RDONLY)
        try:
            return self._add(target, lambda descriptor: copy_all(version, descriptor))
        finally:
            os.close(version)

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List the current files with their versions, as ``Store.listing``."""
        with self._mapped(self._layout.named(prefix)):
            os.stat(self._layout.root)  # or one that is missing would be taken for an empty one
            yield from current_files(self._layout, prefix, after)

    def versioning(self) -> Versioning:
        """Answer ON: versions are always kept."""
        return Versioning.ON

    def enable_versioning(self) -> None:
        """Do nothing: versions are always kept."""

    def close(self) -> None:
        """Do nothing: no file stays open between calls."""

    def _add(self, key: str, fill: Callable[[int], None], *, create_only: bool = False) -> Stat:
        with self._mapped(self._layout.named(key), writing=True):
            current = self._layout.current(key)
            if create_only:
                self._check_free(key, current)
            make_directory(self._layout.incoming)
            self._sweep()
            with written_aside(self._layout.incoming, 0o444) as (path, descriptor):
                fill(descriptor)
                size = os.fstat(descriptor).st_size
                make_room(self._layout, key)
                make_directory(os.path.dirname(current))
                with self._layout.locked(key):
                    if create_only:
                        self._check_free(key, current)
                    version_id = self._add_version(key, path, descriptor)
                    self._replace_current(current, descriptor)
        return Stat(size, version_id, None)

    def _check_free(self, key: str, current: bytes) -> None:
        if os.path.lexists(current) and not os.path.isdir(current):
            raise KeyTakenError(f"{self._layout.named(key)}: a file is there already")

    def _add_version(self, key: str, path: bytes, descriptor: int) -> str:
        version_id, moment = self._layout.next_version(key)
        # The same time on version and current file tells, later, that the one is a copy of the other.
        os.utime(descriptor, ns=(moment, moment))
        os.fsync(descriptor)
        os.rename(path, self._layout.version(key, version_id))
        sync_directory(self._layout.folder(key))
        return version_id

    def _replace_current(self, current: bytes, version: int) -> None:
        with written_aside(self._layout.incoming, 0o666) as (path, descriptor):
            copy_all(version, descriptor)
            moment = os.fstat(version).st_mtime_ns
            os.utime(descriptor, ns=(moment, moment))
            os.fsync(descriptor)
            os.rename(path, current)
        sync_directory(os.path.dirname(current))

    def _sweep(self) -> None:
        """Remove what uploads that were killed long ago have left."""
        for entry in os.scandir(self._layout.incoming):
            with suppress(FileNotFoundError):  # another process removed or renamed it
                if entry.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
                    os.unlink(entry.path)

    def _no_directory(self, what: str) -> VersionNotFoundError:
        return VersionNotFoundError(f"{what}: the directory does not exist", hint="is its volume mounted?")

    @contextmanager
    def _mapped(self, what: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AccessDeniedError(f"{what}: {_explain(error)}") from error
        except OSError as error:
            if writing or not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise StoreError(f"{what}: {_explain(error)}") from error
            if not os.path.isdir(self._layout.root):
                raise self._no_directory(what) from error
            raise VersionNotFoundError(f"{what}: no such file or version") from error


def _explain(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f"{reason}: {os.fsdecode(error.filename)!r}"


def _fill(descriptor: int, source: Uploadable, what: str) -> None:
    if isinstance(source, bytes):
        write_all(descriptor, source)
        return
    path, progress = path_of(source)
    with open(path, "rb") as file, undone_on_failure(progress) as counted:
        announced = os.fstat(file.fileno()).st_size
        copy_all(file.fileno(), descriptor, counted)
        if {announced, os.fstat(file.fileno()).st_size, os.fstat(descriptor).st_size} != {announced}:
            raise SourceChangedError(f"{what}: what was to be uploaded changed while it was read: its size changed")


def _read_range(descriptor: int, start: int, stop: int) -> bytes:
    pieces = []
    while start < stop and (piece := os.pread(descriptor, stop - start, start)):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)
