"""Writing to a local disk so that a crash at any moment leaves what was there before or what was meant to be there."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_COPY_CHUNK = 8 << 20
#: What copy_file_range answers where two files cannot share blocks or the kernel has no such call.
_CANNOT_SHARE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


def sync_directory(path: bytes) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: bytes) -> None:
    """Make a directory and its parents, each durably. That it is there already is fine.

    NotADirectoryError: a file is in its place.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_directory(parent)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
    sync_directory(parent)


@contextmanager
def written_aside(directory: bytes, mode: int) -> Iterator[tuple[bytes, int]]:
    """Give a new file in ``directory``, as path and descriptor, to be renamed away; it is removed if it is not.

    ``mode`` is subject to the umask.
    """
    path = os.path.join(directory, secrets.token_hex(16).encode("ascii"))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        yield path, descriptor
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(path)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def copy_all(source: int, target: int, progress: Callable[[int], object] = lambda _count: None) -> None:
    """Copy from one descriptor's start to another's, sharing blocks where the file system can.

    ``progress`` is told how many bytes were copied since the last call.
    """
    position = 0
    try:
        while count := os.copy_file_range(source, target, _COPY_CHUNK, position, position):
            position += count
            progress(count)
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        # What was copied until then is written once more: simpler, and rare.
        os.lseek(target, 0, os.SEEK_SET)
        progress(-position)
        position = 0
        while data := os.pread(source, _COPY_CHUNK, position):
            write_all(target, data)
            position += len(data)
            progress(len(data))
