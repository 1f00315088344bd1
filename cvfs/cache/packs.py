"""Small contents, one after another in append-only files: one write each instead of a file each.

A pack is written by the one process that holds its flock, and never changed again once the lock is gone; a later
process may take it over and append. What lies in it where, only the index knows: bytes that a killed process wrote and
did not commit are dead weight until the pack is evicted.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
import zlib
from collections.abc import Callable, Iterable

from cvfs.cache.damage import DamagedFileError
from cvfs.cache.directory import Layout, create_private, try_lock
from cvfs.cache.index import Index, Location
from cvfs.cache.open_files import OpenFiles

#: Packs looked at for taking over; more are only there if many processes write at once.
_TAKE_OVER = 8


def checksum(key: str, data: bytes) -> int:
    """Compute the crc32 of key and bytes: a row of the index that names another content's place is damage, too."""
    return zlib.crc32(data, zlib.crc32(key.encode()))


class PackFile:
    """A pack open for reading."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def read(self, start: int, length: int) -> bytes:
        """Read so many bytes from there, fewer at the end of the file. Raises OSError."""
        return os.pread(self._descriptor, length, start)

    def is_unlinked(self) -> bool:
        """Tell whether the pack has been evicted since it was opened."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


class PackReader:
    """Reads from any pack of a cache. May be used from any thread."""

    def __init__(self, layout: Layout, open_files: OpenFiles[PackFile]) -> None:
        self._layout = layout
        self._open_files = open_files

    def read(self, key: str, at: Location) -> bytes:
        """Read one content whole. Blocking: local disk.

        Raises:
            OSError: the pack cannot be read now, or is gone.
            DamagedFileError: what is there is not what was written.
        """
        try:
            with self._open_files.use(at.pack, lambda: PackFile(self._layout.pack(at.pack))) as pack:
                data = pack.read(at.start, at.length)
        except (TypeError, ValueError, OverflowError) as error:
            # A row of a damaged database can hold anything.
            raise DamagedFileError("not a place in a pack") from error
        if len(data) != at.length or checksum(key, data) != at.crc:
            raise DamagedFileError(f"pack {at.pack:016x} at {at.start}")
        return data


class PackWriter:
    """Appends contents to this process's pack, and begins another when it is full. May be used from any thread.

    Threads append one after another: the copy into the page cache takes less time than agreeing on who writes where.
    """

    def __init__(self, layout: Layout, index: Index, size: Callable[[], int]) -> None:
        self._layout = layout
        self._index = index
        self._size = size
        self._lock = threading.Lock()
        self._number: int | None = None
        self._descriptor = -1
        self._end = 0
        self._full: list[int] = []

    def append(self, key: str, data: bytes) -> Location:
        """Write one content and return where. Blocking. Raises OSError: nothing is promised to be there."""
        crc = checksum(key, data)
        with self._lock:
            if self._number is None or os.fstat(self._descriptor).st_nlink == 0:
                self._begin()
            assert self._number is not None
            start = self._end
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, memoryview(data)[written:], start + written)
            self._end = start + len(data)
            at = Location(self._number, start, len(data), crc)
            if self._end >= self._size():
                self._seal()
            return at

    def seal(self) -> None:
        """Append no more to the current pack; the next content begins another."""
        with self._lock:
            self._seal()

    def take_full(self) -> list[int]:
        """Take the descriptors of the packs that are full and still locked."""
        with self._lock:
            full, self._full = self._full, []
            return full

    def give_back(self, descriptors: Iterable[int]) -> None:
        """Keep packs locked that were taken with ``take_full``."""
        with self._lock:
            self._full.extend(descriptors)

    def let_go(self, descriptors: Iterable[int]) -> None:
        """Unlock packs that were taken with ``take_full``; all that is in them has been committed."""
        for descriptor in descriptors:
            os.close(descriptor)

    def close(self) -> None:
        """Unlock everything. To be called after the last commit."""
        self.seal()
        self.let_go(self.take_full())

    def _seal(self) -> None:
        if self._number is not None:
            self._full.append(self._descriptor)
            self._number, self._descriptor = None, -1

    def _begin(self) -> None:
        self._seal()
        for number in self._index.unfilled_packs(self._size(), _TAKE_OVER):
            if self._take_over(number):
                return
        number = secrets.randbits(62)
        path = self._layout.temporary()
        descriptor = create_private(path)
        try:
            # Locked before it gets its name: whoever finds a pack unlocked may take it for one that nobody owns.
            if not try_lock(descriptor):
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), path)
            os.rename(path, self._layout.pack(number))
        except OSError:
            os.close(descriptor)
            raise
        self._number, self._descriptor, self._end = number, descriptor, 0

    def _take_over(self, number: int) -> bool:
        try:
            descriptor = os.open(self._layout.pack(number), os.O_RDWR)
        except OSError:
            return False
        found = os.fstat(descriptor)
        if try_lock(descriptor) and os.fstat(descriptor).st_nlink and found.st_size < self._size():
            self._number, self._descriptor, self._end = number, descriptor, os.fstat(descriptor).st_size
            return True
        os.close(descriptor)
        return False
