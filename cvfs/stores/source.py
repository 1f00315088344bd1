"""What an upload reads from, held to what was announced: a file must not change its size, nor differ from its md5."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

from cvfs.errors import SourceChangedError

_CHUNK = 1 << 20


class Source:
    """The content of one upload, read once from its start. ``size`` is what it had when it was opened.

    ``what`` names the upload in messages; ``expected`` is the md5 of the whole in hex, or None for any.
    """

    def __init__(self, file: IO[bytes], what: str, expected: str | None) -> None:
        self._file = file
        self._what = what
        self._expected = expected
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
def opened(source: bytes | Path, what: str, md5: str | None) -> Iterator[Source]:
    """Open bytes or a file for one upload. OSError: the file cannot be opened or read."""
    with BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        yield Source(file, what, md5)


def md5_of(descriptor: int) -> str:
    """Return the md5 of a file's whole content, in hex."""
    found = hashlib.md5(usedforsecurity=False)
    position = 0
    while data := os.pread(descriptor, _CHUNK, position):
        found.update(data)
        position += len(data)
    return found.hexdigest()
