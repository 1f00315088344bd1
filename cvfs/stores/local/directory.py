"""A directory that DVC uses as an ordinary remote: read, and never written to."""

from __future__ import annotations

from pathlib import Path

from cvfs.stores.local.store import LocalStore
from cvfs.stores.read_only import ReadOnlyStore
from cvfs.stores.store import Piece, Stat


class DirectoryStore(ReadOnlyStore):
    """The files of a directory by their paths. Implements ``Store``, but for all that writes."""

    def __init__(self, directory: str | Path) -> None:
        self._files = LocalStore(directory)

    @property
    def url(self) -> str:
        """Name the directory, as a file URL."""
        return self._files.url

    def full_key(self, key: str) -> str:
        """Return the path of a file."""
        return self._files.full_key(key)

    def check(self) -> None:
        """Look whether the directory is there."""
        self._files.check()

    def read_current(self, key: str, start: int, length: int | None) -> Piece:
        """Read a file."""
        return self._files.read(key, None, start, length)

    def stat_current(self, key: str) -> Stat:
        """Describe a file."""
        return Stat(self._files.stat(key).size, None, None)

    def close(self) -> None:
        """Do nothing: no file stays open between calls."""
