"""One large content while it is being filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from cvfs.cache.block_file import BlockFile
from cvfs.cache.objects import Objects

T = TypeVar("T")


class Adding(Protocol):
    """Make room for bytes, then write them."""

    def __call__(self, need: int, write: Callable[[], T], /) -> T:
        """Call ``write``, again after eviction if the volume is full. Raises CacheError, CacheFullError."""


class Guarded(Protocol):
    """Do something with files."""

    def __call__(self, action: Callable[[], T], /) -> T:
        """Call ``action``, and turn OSError into CacheError."""


class PartialFile:
    """A large content that is being filled, by this process and maybe others. Holds nothing open between calls.

    If what is here is evicted meanwhile, all blocks are missing again. ``adding`` makes room for so many bytes and then
    writes them; ``guarded`` turns the system's errors into CacheError: every method may raise that.
    """

    def __init__(self, objects: Objects, key: str, size: int, adding: Adding, guarded: Guarded) -> None:
        self._objects = objects
        self._adding = adding
        self._guarded = guarded
        self.key = key
        self.size = size

    def missing(self, offset: int, length: int) -> list[tuple[int, int]]:
        """List the missing parts of these bytes as (start, stop), widened to whole blocks."""
        return self._with(lambda file: file.missing(offset, length))

    def write(self, start: int, data: bytes) -> None:
        """Add whole blocks from ``start``, where a block begins, to a block's end. What is already here is left alone.

        Raises:
            CacheFullError: there is no room, even after eviction.
            ValueError: these are not whole blocks.
        """
        block = self._with(lambda file: file.block)
        end = start + len(data)
        if start % block or (end % block and end != self.size):
            raise ValueError(f"{start} to {end} are not whole blocks of {block} bytes")
        for first in range(0, len(data), block):
            piece = memoryview(data)[first : first + block]
            self._adding(len(piece), partial(self._write, (start + first) // block, piece))

    def first_missing(self) -> int | None:
        """Give the number of the first missing block, None if all are here."""

        def look(file: BlockFile) -> int | None:
            found = file.first_missing()
            return None if found == file.blocks else found

        return self._with(look)

    @property
    def complete(self) -> bool:
        """Tell whether all blocks are here; whether they are the right ones is for a hash to say."""
        return self.first_missing() is None

    def read_block(self, number: int) -> tuple[bytes, int] | None:
        """Read one block and its checksum; None if it is missing, damaged, or beyond the end."""
        return self._with(lambda file: file.read_block(number) if number < file.blocks else None)

    def checksums(self) -> list[int | None]:
        """List the blocks' checksums as recorded, None for a missing one."""
        return self._with(BlockFile.checksums)

    def mark_whole(self, checksums: Sequence[int | None]) -> bool:
        """Make this a whole content: its blocks, having these checksums, had the right hash together.

        False if a block has been dropped since, or is another than the one hashed: then nothing has changed.
        """
        return self._with(lambda file: file.mark_whole(checksums))

    def drop(self) -> None:
        """Delete all that is here of this content."""
        self._guarded(lambda: self._objects.drop(self.key))

    def _write(self, number: int, piece: memoryview) -> None:
        with self._objects.use(self.key, self._open) as file:
            file.write(number, piece)
        self._objects.changed(self.key)

    def _with(self, action: Callable[[BlockFile], T]) -> T:
        def run() -> T:
            with self._objects.use(self.key, self._open) as file:
                return action(file)

        return self._guarded(run)

    def _open(self) -> BlockFile:
        return self._objects.open_or_create(self.key, self.size)
