"""The container of all index files: sections behind a header, written once, checked whole when opened.

Layout, little-endian: magic, CRC-32 of everything behind it, format version, kind, size of the file, number of
sections, then offset and length of each section, then the sections. The checksum is over the whole file: it costs about
half a second per gigabyte, and a file that a crash or a bad disk damaged is built anew instead of believed.
"""

from __future__ import annotations

import logging
import mmap
import os
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from cvfs.errors import SnapshotError

log = logging.getLogger(__name__)

#: Raise it when the layout changes, or what is made of a metafile. It is a part of every key, too.
FORMAT_VERSION = 3

_MAGIC = b"cvfsidx\n"
_HEADER = struct.Struct("<8sII4sQI")
_SECTION = struct.Struct("<QQ")
_CHECKED_FROM = 12  # magic and checksum come first

#: Files below this size are read into memory: a mapping keeps a file descriptor, and a commit can have many small ones.
MAPPED_FROM = 1 << 17

CHUNK = 1 << 20


class IndexFile:
    """An index file's bytes and where its sections begin and end. Safe to read from several threads."""

    def __init__(self, data: bytes | mmap.mmap, sections: list[tuple[int, int]]) -> None:
        self.data = data
        self.sections = sections

    def section(self, number: int) -> bytes:
        """Return a copy of a section."""
        start, length = self.sections[number]
        return self.data[start : start + length]


def open_index(path: str, kind: bytes) -> IndexFile | None:
    """Open an index file, or return None where it does not exist, is damaged, or was put there by another user."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("index file %s cannot be opened (%s) and is built anew", path, error.strerror)
        return None
    try:
        data = _content(descriptor)
    except OSError as error:
        log.warning("index file %s cannot be read (%s) and is built anew", path, error.strerror)
        return None
    finally:
        os.close(descriptor)
    sections = None if data is None else _check(data, kind)
    if data is None or sections is None:
        log.warning("index file %s is damaged and is built anew", path)
        return None
    return IndexFile(data, sections)


def _content(descriptor: int) -> bytes | mmap.mmap | None:
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode) or status.st_size < _HEADER.size:
        return None
    with suppress(OSError):
        os.utime(descriptor)  # what is in use is the last to be removed
    if status.st_size >= MAPPED_FROM:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read()


def _check(data: bytes | mmap.mmap, kind: bytes) -> list[tuple[int, int]] | None:
    magic, checksum, version, found, size, count = _HEADER.unpack_from(data)
    if (magic, version, found, size) != (_MAGIC, FORMAT_VERSION, kind, len(data)):
        return None
    with memoryview(data) as view, view[_CHECKED_FROM:] as checked:
        if zlib.crc32(checked) != checksum:
            return None
    return [_SECTION.unpack_from(data, _HEADER.size + number * _SECTION.size) for number in range(count)]


class IndexWriter:
    """Writes an index file aside, and puts it in its place when the ``with`` block ends without an error.

    Whoever writes the same file at the same time does no harm: what is in place is always one whole file.
    """

    def __init__(self, path: str, kind: bytes, sections: int) -> None:
        self._path = path
        self._kind = kind
        self._expected = sections
        self._sections: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        descriptor, self._temporary = tempfile.mkstemp(prefix=".new-", dir=os.path.dirname(self._path))
        self._file = open(descriptor, "w+b", buffering=CHUNK)
        self._file.write(bytes(_HEADER.size + self._expected * _SECTION.size))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._file:
                if error is None:
                    self._finish()
            if error is None:
                os.rename(self._temporary, self._path)
                return
        except BaseException:
            os.unlink(self._temporary)
            raise
        os.unlink(self._temporary)

    def write_section(self, chunks: Iterable[bytes]) -> int:
        """Write the next section and return its offset in the file."""
        start = self._file.tell()
        for chunk in chunks:
            self._file.write(chunk)
        self._sections.append((start, self._file.tell() - start))
        return start

    def patch(self, offset: int, data: bytes) -> None:
        """Overwrite bytes of a section that has been written."""
        self._file.flush()
        os.pwrite(self._file.fileno(), data, offset)

    def _finish(self) -> None:
        size = self._file.tell()
        count = len(self._sections)
        assert count == self._expected
        table = b"".join(_SECTION.pack(*section) for section in self._sections)
        self._file.seek(0)
        self._file.write(_HEADER.pack(_MAGIC, 0, FORMAT_VERSION, self._kind, size, count) + table)
        self._file.seek(_CHECKED_FROM)
        checksum = 0
        while chunk := self._file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
        self.patch(len(_MAGIC), struct.pack("<I", checksum))
        os.fsync(self._file.fileno())


def make_directory(path: str) -> None:
    """Make a directory for index files, private whatever the umask. An existing one stays as it is.

    Raises:
        SnapshotError: it cannot be made.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
    except FileExistsError:
        if os.path.isdir(path):
            return
        raise SnapshotError(f"{path} is in the way of the directory for index files", hint="use --cache-dir") from None
    except OSError as error:
        raise SnapshotError(
            f"the directory for index files cannot be made: {path}: {error.strerror}",
            hint="use --cache-dir to name one that can be written",
        ) from error
