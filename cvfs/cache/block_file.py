"""One large content in one sparse file: its bytes, then what says which blocks are here and what they should sum to.

::

    bytes of the content, at their own offsets    holes where a block is missing
    from the next multiple of 64 KiB:             8 bytes a block: crc32, and its complement; anything else is "missing"
    the last 64 bytes:                            magic, size, block size, 1 if the whole was verified, crc32 of these

Integers are little-endian. Every crc32 begins with the key (and the block's number), so that a file under a wrong name
is damage, too. Several processes may fill one file: a block's bytes are written before its slot, under the file's
flock, and never again while its slot is filled. To drop everything, the file is unlinked and another made, never
emptied: whoever has it open goes on reading what was verified.

Threading: a ``BlockFile`` may be used from any thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cvfs.cache.damage import DamagedFileError

#: The blocks of large files. Smaller ones cost more requests and checks, larger ones more bytes for a random read.
BLOCK = 256 * 1024
#: What a file takes up beyond its bytes, nearly: the page of the slots, and one that is partly used.
OVERHEAD = 8192
_ALIGNMENT = 64 * 1024
_SLOT = struct.Struct("<II")
_FOOTER = struct.Struct("<8sQIII")
_FOOTER_ROOM = 64
_MAGIC = b"cvfsblk1"
_FULL_WORD = 0xFFFFFFFF


class BlockFile:
    """An open file of blocks. Blocks that this object has once found right are not checked again."""

    def __init__(self, path: str, key: str) -> None:
        """Open an existing file. Raises OSError, DamagedFileError."""
        self._seed = key.encode()
        self._lock = threading.Lock()
        self._descriptor = os.open(path, os.O_RDWR)
        try:
            self.size, self.block, self._whole = self._read_footer()
        except BaseException:
            os.close(self._descriptor)
            raise
        self.blocks = -(-self.size // self.block)
        self._verified = bytearray(self.blocks)
        self._gap = 0

    def read(self, offset: int, length: int) -> bytes | None:
        """Read checked bytes, fewer at the end; None if one of the blocks is missing or damaged. Raises OSError.

        None also when all blocks are here and were not verified together yet: so whoever reads everything, in whatever
        order, never gets the last bytes of a content whose hash is wrong.
        """
        if self.is_unverified():
            return None
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        first, last = offset // self.block, (end - 1) // self.block
        if 0 not in self._verified[first : last + 1]:
            data = os.pread(self._descriptor, end - offset, offset)
            return data if len(data) == end - offset else None
        parts = []
        for number in range(first, last + 1):
            found = self.read_block(number)
            if found is None:
                return None
            base = number * self.block
            parts.append(memoryview(found[0])[max(offset - base, 0) : end - base])
        return b"".join(parts)

    def read_block(self, number: int) -> tuple[bytes, int] | None:
        """Read one block and its checksum, checked now; None if missing. A damaged block is dropped. Raises OSError."""
        crc = self._slots(number, 1)[0]
        if crc is None:
            # Another process may have dropped it since.
            self._gap = min(self._gap, number)
            return None
        data = os.pread(self._descriptor, self._length(number), number * self.block)
        if self._checksum(number, data) == crc:
            self._verified[number] = 1
            return data, crc
        self._drop(number, crc)
        return None

    def missing(self, offset: int, length: int) -> list[tuple[int, int]]:
        """List the runs of missing blocks that these bytes touch, as (start, stop) in bytes. Raises OSError."""
        end = min(offset + length, self.size)
        if offset >= end:
            return []
        first, last = offset // self.block, (end - 1) // self.block
        runs: list[tuple[int, int]] = []
        for number, crc in enumerate(self._slots(first, last + 1 - first), first):
            if crc is None:
                start, stop = number * self.block, min((number + 1) * self.block, self.size)
                if runs and runs[-1][1] == start:
                    start = runs.pop()[0]
                runs.append((start, stop))
        return runs

    def write(self, number: int, data: bytes | memoryview) -> None:
        """Add one whole block, unless it is here already. Raises OSError: the block is then missing."""
        if len(data) != self._length(number):
            raise ValueError(f"block {number} has {self._length(number)} bytes, not {len(data)}")
        if self._slots(number, 1)[0] is not None:
            return
        crc = self._checksum(number, data)
        with self._locked():
            # Another process may have filled it meanwhile, and may be serving it: those bytes stay.
            if self._slots(number, 1)[0] is None:
                _write(self._descriptor, data, number * self.block)
                _write(self._descriptor, _SLOT.pack(crc, crc ^ _FULL_WORD), self._slot_offset(number))
                self._verified[number] = 1

    def first_missing(self) -> int:
        """Give the number of the first missing block, ``blocks`` if there is none. Raises OSError."""
        # One slot at first: usually nothing has changed, and this is asked with every read.
        step = 1
        while self._gap < self.blocks:
            for crc in self._slots(self._gap, min(step, self.blocks - self._gap)):
                if crc is None:
                    return self._gap
                self._gap += 1
            step = min(2 * step, 4096)
        # A block that another process dropped since is behind the pointer: ``mark_whole`` finds out.
        return self._gap

    @property
    def whole(self) -> bool:
        """Tell whether all blocks were here and verified together. Raises OSError, DamagedFileError."""
        self._whole = self._read_footer()[2]
        return self._whole

    def is_unverified(self) -> bool:
        """Tell whether all blocks are here, and nobody has verified them together yet. Raises OSError."""
        if self._whole:
            return False
        if self.first_missing() < self.blocks:
            return False
        return not self.whole

    def checksums(self) -> list[int | None]:
        """List the blocks' checksums as they are recorded now, None for a missing block. Raises OSError."""
        return self._slots(0, self.blocks)

    def mark_whole(self, checksums: Sequence[int | None]) -> bool:
        """Record that the content was verified; False if a block is no longer the one of these checksums.

        Raises:
            OSError
        """
        with self._locked():
            for start in range(0, self.blocks, 4096):
                found = self._slots(start, min(4096, self.blocks - start))
                if None in found or found != list(checksums[start : start + 4096]):
                    self._gap = 0
                    return False
            self._write_footer(whole=True)
            self._whole = True
        return True

    @property
    def descriptor(self) -> int:
        """Give the open file, which begins with the bytes of the content."""
        return self._descriptor

    def is_unlinked(self) -> bool:
        """Tell whether the file has been evicted or dropped since it was opened."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _drop(self, number: int, crc: int) -> None:
        with self._locked():
            if self._slots(number, 1)[0] == crc:
                self._write_footer(whole=False)
                self._whole = False
                _write(self._descriptor, bytes(_SLOT.size), self._slot_offset(number))
            self._verified[number] = 0
            self._gap = min(self._gap, number)

    def _slots(self, first: int, count: int) -> list[int | None]:
        raw = os.pread(self._descriptor, count * _SLOT.size, self._slot_offset(first))
        raw += bytes(count * _SLOT.size - len(raw))
        return [crc if crc ^ check == _FULL_WORD else None for crc, check in _SLOT.iter_unpack(raw)]

    def _length(self, number: int) -> int:
        if not 0 <= number < self.blocks:
            raise ValueError(f"there is no block {number}")
        return min(self.block, self.size - number * self.block)

    def _checksum(self, number: int, data: bytes | memoryview) -> int:
        return zlib.crc32(data, zlib.crc32(number.to_bytes(8, "little"), zlib.crc32(self._seed)))

    def _slot_offset(self, number: int) -> int:
        return _aligned(self.size) + number * _SLOT.size

    def _read_footer(self) -> tuple[int, int, bool]:
        end = os.fstat(self._descriptor).st_size
        raw = os.pread(self._descriptor, _FOOTER.size, max(end - _FOOTER_ROOM, 0))
        if len(raw) < _FOOTER.size or end < _FOOTER_ROOM:
            raise DamagedFileError("too short")
        magic, size, block, whole, crc = _FOOTER.unpack(raw)
        if magic != _MAGIC or crc != zlib.crc32(raw[:-4], zlib.crc32(self._seed)) or end != _file_size(size, block):
            raise DamagedFileError("damaged at its end")
        return size, block, bool(whole)

    def _write_footer(self, *, whole: bool) -> None:
        footer = _footer(self._seed, self.size, self.block, whole=whole)
        _write(self._descriptor, footer, _file_size(self.size, self.block) - _FOOTER_ROOM)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def write_empty(descriptor: int, key: str, size: int, block: int) -> None:
    """Give a new file the form of a content of which nothing is here yet. Raises OSError."""
    os.ftruncate(descriptor, _file_size(size, block))
    _write(descriptor, _footer(key.encode(), size, block, whole=False), _file_size(size, block) - _FOOTER_ROOM)


def _footer(seed: bytes, size: int, block: int, *, whole: bool) -> bytes:
    start = _FOOTER.pack(_MAGIC, size, block, whole, 0)[:-4]
    return start + zlib.crc32(start, zlib.crc32(seed)).to_bytes(4, "little")


def _file_size(size: int, block: int) -> int:
    if block <= 0:
        raise DamagedFileError("a block size of zero")
    return _aligned(size) + _SLOT.size * -(-size // block) + _FOOTER_ROOM


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _write(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest, offset = rest[written:], offset + written
