"""A directory that keeps every version of every file put into it: the store that needs no service.

The current content of each key is an ordinary file at that path. Versions lie beside them, in a hidden folder::

    DIRECTORY/data/a.csv                                   the current content, a file like any other
    DIRECTORY/.cvfs-versions/SHA256-OF-KEY/key             the key; whoever adds a version holds a lock on it
    DIRECTORY/.cvfs-versions/SHA256-OF-KEY/VERSION-ID      one version, read-only
    DIRECTORY/.cvfs-versions/incoming/                     what is being written

The hash gives every key a folder of its own, whatever characters it has and however keys are nested. Reads use versions
alone, so that nothing done to the ordinary files can change what a commit recorded. For the same reason the current
file is a copy (sharing blocks where the file system can), never a hard link that an editor could write through.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cvfs.errors import AccessDeniedError, IntegrityError, StoreError, VersionNotFoundError
from cvfs.stores.durable import copy_all, make_directory, sync_directory, write_all, written_aside
from cvfs.stores.ranges import check_range, range_end
from cvfs.stores.store import Piece, Stat, Versioning

HIDDEN = b".cvfs-versions"

#: Nanoseconds since 1970 when the version was added, so that ids sort by time; then chance, so that copies of one
#: store that went on separately never use the same id for different content.
_VERSION_ID = re.compile(r"\d{19}-[0-9a-f]{8}")

#: How old a leftover of a killed upload must be before it is taken for one.
_ABANDONED_AFTER_S = 24 * 3600.0


class LocalStore:
    """Implements ``Store``. Any number of processes on one machine may use one directory at once.

    ``directory`` need not exist before the first ``put``.
    """

    def __init__(self, directory: str | Path) -> None:
        path = os.path.abspath(directory)
        self._url = f"file://{path}"
        self._root = path.encode("utf-8", "surrogateescape")
        self._incoming = os.path.join(self._root, HIDDEN, b"incoming")

    @property
    def url(self) -> str:
        """Name the directory, as a file URL."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the path of the key's current file."""
        return f"{self._url.removeprefix('file://')}/{key}"

    def check(self) -> None:
        """Look whether the directory is there."""
        if not os.path.isdir(self._root):
            raise self._no_directory(self._url)

    def read(self, key: str, version_id: str, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, as ``Store.read``."""
        check_range(start, length)
        what = self._name(key, version_id)
        with self._mapped(what):
            descriptor = os.open(self._version_path(key, version_id, what), os.O_RDONLY)
            try:
                size = os.fstat(descriptor).st_size
                stop = range_end(size, start, length, what)
                data = _read_range(descriptor, start, stop)
            finally:
                os.close(descriptor)
        if len(data) != stop - start:
            raise IntegrityError(f"{what} has become shorter while it was read")
        return Piece(data, start, Stat(size, version_id, None))

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Describe one version, or the current file; of a file that no ``put`` made, the version id is None."""
        what = self._name(key, version_id)
        with self._mapped(what):
            if version_id is not None:
                return Stat(os.stat(self._version_path(key, version_id, what)).st_size, version_id, None)
            current = os.stat(self._current_path(key))
            return Stat(current.st_size, self._version_of(key, current), None)

    def put(self, key: str, source: bytes | Path) -> Stat:
        """Add a version, durably, and then make it the current file.

        A crash leaves the current file as it was, or as it is meant to be. Of two who put at once, the version with the
        later id becomes the current file.
        """
        with self._mapped(self._name(key, None), writing=True):
            current = self._current_path(key)
            if os.path.isdir(current):
                raise StoreError(f"{self._name(key, None)}: a directory of this name is there")
            make_directory(self._incoming)
            self._sweep()
            make_directory(self._folder(key))
            make_directory(os.path.dirname(current))
            with written_aside(self._incoming, 0o444) as (path, descriptor):
                _fill(descriptor, source)
                size = os.fstat(descriptor).st_size
                with self._locked(key):
                    version_id = self._add_version(key, path, descriptor)
                    self._replace_current(current, descriptor)
        return Stat(size, version_id, None)

    def versioning(self) -> Versioning:
        """Answer ON: versions are always kept."""
        return Versioning.ON

    def enable_versioning(self) -> None:
        """Do nothing: versions are always kept."""

    def close(self) -> None:
        """Do nothing: no file stays open between calls."""

    def _add_version(self, key: str, path: bytes, descriptor: int) -> str:
        newest = max(self._version_ids(key), default="0" * 19)
        moment = max(time.time_ns(), int(newest[:19]) + 1)
        version_id = f"{moment:019}-{secrets.token_hex(4)}"
        # The same time on version and current file tells, later, that the one is a copy of the other.
        os.utime(descriptor, ns=(moment, moment))
        os.fsync(descriptor)
        os.rename(path, os.path.join(self._folder(key), version_id.encode("ascii")))
        sync_directory(self._folder(key))
        return version_id

    def _replace_current(self, current: bytes, version: int) -> None:
        with written_aside(self._incoming, 0o666) as (path, descriptor):
            copy_all(version, descriptor)
            moment = os.fstat(version).st_mtime_ns
            os.utime(descriptor, ns=(moment, moment))
            os.fsync(descriptor)
            os.rename(path, current)
        sync_directory(os.path.dirname(current))

    def _version_of(self, key: str, current: os.stat_result) -> str | None:
        for version_id in sorted(self._version_ids(key), reverse=True):
            version = os.stat(os.path.join(self._folder(key), version_id.encode("ascii")))
            if (version.st_size, version.st_mtime_ns) == (current.st_size, current.st_mtime_ns):
                return version_id
        return None

    def _version_ids(self, key: str) -> list[str]:
        try:
            names = os.listdir(self._folder(key))
        except FileNotFoundError:
            return []
        return [name for name in map(os.fsdecode, names) if _VERSION_ID.fullmatch(name)]

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        descriptor = os.open(os.path.join(self._folder(key), b"key"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size == 0:
                write_all(descriptor, _encode(key))
                os.fsync(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what uploads that were killed long ago have left."""
        for entry in os.scandir(self._incoming):
            with suppress(FileNotFoundError):  # another process removed or renamed it
                if entry.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
                    os.unlink(entry.path)

    def _folder(self, key: str) -> bytes:
        return os.path.join(self._root, HIDDEN, hashlib.sha256(_encode(key)).hexdigest().encode("ascii"))

    def _version_path(self, key: str, version_id: str, what: str) -> bytes:
        # An id comes from a metafile, and must not lead anywhere else.
        if _VERSION_ID.fullmatch(version_id) is None:
            raise VersionNotFoundError(f"{what}: this store gives no such version ids")
        return os.path.join(self._folder(key), version_id.encode("ascii"))

    def _current_path(self, key: str) -> bytes:
        path = _encode(key)
        parts = path.split(b"/")
        if parts[0] == HIDDEN or b"\0" in path or any(part in {b"", b".", b".."} for part in parts):
            raise StoreError(f"{self._url}: {key!r} cannot be the name of a file there")
        return os.path.join(self._root, path)

    def _name(self, key: str, version_id: str | None) -> str:
        return f"{self._url}: {key!r}" + ("" if version_id is None else f", version {version_id!r}")

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
            if not os.path.isdir(self._root):
                raise self._no_directory(what) from error
            raise VersionNotFoundError(f"{what}: no such file or version") from error


def _explain(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f"{reason}: {os.fsdecode(error.filename)!r}"


def _encode(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _fill(descriptor: int, source: bytes | Path) -> None:
    if isinstance(source, bytes):
        write_all(descriptor, source)
        return
    with open(source, "rb") as file:
        copy_all(file.fileno(), descriptor)


def _read_range(descriptor: int, start: int, stop: int) -> bytes:
    pieces = []
    while start < stop and (piece := os.pread(descriptor, stop - start, start)):
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)
