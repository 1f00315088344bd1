"""What tells that a file is still the one that was looked at, without reading it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileState:
    """Size in bytes, times in nanoseconds since 1970, and inode of a file.

    Whatever changes the content changes one of them, but for a change within one tick of the file system's clock.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> FileState:
        """Take the state from what the system said about a file."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def is_executable(stat: os.stat_result) -> bool:
    """Tell whether anybody may execute the file, which is what DVC records as ``isexec``."""
    return bool(stat.st_mode & 0o111)


def to_bytes(path: str) -> bytes:
    """Return a path as the system has it, whatever the locale says."""
    return path.encode("utf-8", "surrogateescape")


def to_text(path: bytes) -> str:
    """Return a path as text; bytes that are not UTF-8 become lone surrogates."""
    return path.decode("utf-8", "surrogateescape")
