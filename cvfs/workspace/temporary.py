"""Files that are being written, under names by which scans know them and leftovers of a kill are found."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cvfs.workspace.file_state import to_bytes

TEMPORARY_PREFIX = b".cvfs-tmp-"


def temporary_name() -> bytes:
    """Return a name that no other process uses."""
    return TEMPORARY_PREFIX + secrets.token_hex(12).encode("ascii")


@contextmanager
def written_aside(directory: int, mode: int) -> Iterator[tuple[bytes, int]]:
    """Make a file in the directory open at ``directory``: gives its name there and its descriptor.

    It is to be renamed or linked away within the ``with``; what is left at the end is removed. ``mode`` is subject to
    the umask. A lock (flock) on it tells that somebody is writing to it, for as long as that is so.
    """
    name = temporary_name()
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=directory)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield name, descriptor
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


def remove_leftovers(directory: str) -> None:
    """Remove from a directory what a killed command has left half-written. Blocking."""
    with suppress(OSError), os.scandir(to_bytes(directory)) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY_PREFIX) and is_abandoned(entry.path):
                with suppress(OSError):
                    os.unlink(entry.path)


def is_abandoned(path: bytes) -> bool:
    """Tell whether a temporary file is what a killed command left: nobody has it locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
