"""Files that are being written, under names by which scans know them and leftovers of a kill are found."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TEMPORARY_PREFIX = b".cvfs-tmp-"


def temporary_name() -> bytes:
    """Return a name that no other process uses."""
    return TEMPORARY_PREFIX + secrets.token_hex(12).encode("ascii")


@contextmanager
def written_aside(directory: int, mode: int) -> Iterator[tuple[bytes, int]]:
    """Make a file in the directory open at ``directory``: gives its name there and its descriptor.

    It is to be renamed or linked away within the ``with``; what is left at the end is removed. ``mode`` is subject to
    the umask.
    """
    name = temporary_name()
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=directory)
    try:
        yield name, descriptor
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
