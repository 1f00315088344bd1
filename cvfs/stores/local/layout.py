"""Where things lie in a versioned directory.

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
from contextlib import contextmanager

from cvfs.errors import StoreError, VersionNotFoundError
from cvfs.stores.durable import make_directory, write_all

HIDDEN = b".cvfs-versions"

#: Nanoseconds since 1970 when the version was added, so that ids sort by time; then chance, so that copies of one
#: store that went on separately never use the same id for different content.
_VERSION_ID = re.compile(r"\d{19}-[0-9a-f]{8}")


class Layout:
    """The paths of one store. ``name`` is how messages call it."""

    def __init__(self, root: str, name: str) -> None:
        self._name = name
        self.root = encode(root)
        self.incoming = os.path.join(self.root, HIDDEN, b"incoming")

    def folder(self, key: str) -> bytes:
        """Return the directory of a key's versions."""
        return os.path.join(self.root, HIDDEN, hashlib.sha256(encode(key)).hexdigest().encode("ascii"))

    def version(self, key: str, version_id: str) -> bytes:
        """Return the path of one version. VersionNotFoundError: no id that this store gives looks so."""
        # An id comes from a metafile, and must not lead anywhere else.
        if _VERSION_ID.fullmatch(version_id) is None:
            raise VersionNotFoundError(f"{self.named(key, version_id)}: this store gives no such version ids")
        return os.path.join(self.folder(key), version_id.encode("ascii"))

    def current(self, key: str) -> bytes:
        """Return the path of a key's current file. StoreError: it would be none, or lie elsewhere."""
        path = encode(key)
        parts = path.split(b"/")
        if parts[0] == HIDDEN or b"\0" in path or any(part in {b"", b".", b".."} for part in parts):
            raise StoreError(f"{self._name}: {key!r} cannot be the name of a file there")
        return os.path.join(self.root, path)

    def version_ids(self, key: str) -> list[str]:
        """List the ids of a key's versions, in no order."""
        try:
            names = os.listdir(self.folder(key))
        except FileNotFoundError:
            return []
        return [name for name in map(os.fsdecode, names) if _VERSION_ID.fullmatch(name)]

    def version_of(self, key: str, current: os.stat_result) -> str | None:
        """Say which version the current file is a copy of; None if it is of none."""
        for version_id in sorted(self.version_ids(key), reverse=True):
            try:
                version = os.stat(self.version(key, version_id))
            except FileNotFoundError:
                continue  # removed since
            if (version.st_size, version.st_mtime_ns) == (current.st_size, current.st_mtime_ns):
                return version_id
        return None

    def next_version(self, key: str) -> tuple[str, int]:
        """Return an id for a new version that sorts behind all others, and its time in ns. Hold ``locked``."""
        newest = max(self.version_ids(key), default="0" * 19)
        moment = max(time.time_ns(), int(newest[:19]) + 1)
        return f"{moment:019}-{secrets.token_hex(4)}", moment

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Be the only one, on this machine, that adds versions of a key or replaces its current file."""
        make_directory(self.folder(key))
        descriptor = os.open(os.path.join(self.folder(key), b"key"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size == 0:
                write_all(descriptor, encode(key))
                os.fsync(descriptor)
            yield
        finally:
            os.close(descriptor)

    def named(self, key: str, version_id: str | None = None) -> str:
        """Name a key or one version of it, for messages."""
        return f"{self._name}: {key!r}" + ("" if version_id is None else f", version {version_id!r}")


def encode(key: str) -> bytes:
    """Return a key, or a path, as the file system has it."""
    return key.encode("utf-8", "surrogateescape")


def decode(key: bytes) -> str:
    """Return a name that the file system has as a key."""
    return key.decode("utf-8", "surrogateescape")
