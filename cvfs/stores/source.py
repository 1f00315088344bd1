"""What an upload reads from, held to what was announced: a file must not change its size, nor differ from its md5."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

from cvfs.errors import SourceChangedError
from cvfs.stores.store import Uploadable, WatchedFile

_CHUNK = 1 << 20


class Source:
    """The content of one upload, read once from its start. ``size`` is what it had when it was opened.

    ``what`` names the upload in messages; ``expected`` is the md5 of the whole in hex, or None for any. ``progress`` is
    told how many bytes were read.
    """

    def __init__(
        self,
        file: IO[bytes],
        what: str,
        expected: str | None,
        progress: Callable[[int], object] = lambda _count: None,
    ) -> None:
        self._file = file
        self._what = what
        self._expected = expected
        self._progress = progress
        self._hash = hashlib.md5(usedforsecurity=False)
        self.size = file.seek(0, os.SEEK_END)
        self._left = self.size
        file.seek(0)

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes, or what is left of the announced size.

        Raises:
            SourceChangedError: the file has become shorter.
        """
        wanted = min(count, self._left)
        data = self._file.read(wanted)
        if len(data) != wanted:
            raise self._changed("it has become shorter")
        self._left -= wanted
        if self._expected is not None:
            self._hash.update(data)
        self._progress(wanted)
        return data

    def verify(self) -> None:
        """Make sure, after the last byte was read, that these were the bytes announced.

        Raises:
            SourceChangedError: the size at the end is not the one at the start, or the md5 is another.
        """
        if self._file.seek(0, os.SEEK_END) != self.size:
            raise self._changed("its size changed")
        if self._expected is not None and self._hash.hexdigest() != self._expected:
            raise self._changed("its md5 is not the one expected")

    def _changed(self, how: str) -> SourceChangedError:
        return SourceChangedError(f"{self._what}: what was to be uploaded changed while it was read: {how}")


@contextmanager
def opened(source: Uploadable, what: str, md5: str | None) -> Iterator[Source]:
    """Open bytes or a file for one upload. OSError: the file cannot be opened or read."""
    if isinstance(source, bytes):
        yield Source(BytesIO(source), what, md5)
        return
    path, progress = path_of(source)
    with open(path, "rb") as file, undone_on_failure(progress) as counted:
        yield Source(file, what, md5, counted)


def path_of(source: Path | WatchedFile) -> tuple[Path, Callable[[int], object]]:
    """Return the path of a file to be uploaded, and whom to tell of what was read."""
    return (source.path, source.progress) if isinstance(source, WatchedFile) else (source, lambda _count: None)


@contextmanager
def undone_on_failure(progress: Callable[[int], object]) -> Iterator[Callable[[int], object]]:
    """Pass on what is told within the context, and take all of it back if the attempt fails."""
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        told += count
        progress(count)

    try:
        yield tell
    except BaseException:
        progress(-told)
        raise


def md5_of(descriptor: int) -> str:
    """Return the md5 of a file's whole content, in hex."""
    found = hashlib.md5(usedforsecurity=False)
    position = 0
    while data := os.pread(descriptor, _CHUNK, position):
        found.update(data)
        position += len(data)
    return found.hexdigest()
