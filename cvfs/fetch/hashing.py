"""DVC's hashes, computed piece by piece: the md5 of bytes, and the md5 of text whose CRLF became LF.

The second one is what DVC 2 recorded ("md5-dos2unix"). It reads 1 MiB at a time and replaces within each piece only;
DVC 2 decides by the file's first 512 bytes whether it is text, DVC 3 does so for each piece. Either is accepted.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from cvfs.model import Content

_PIECE = 1024 * 1024
_SAMPLE = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"


class ContentHash(Protocol):
    """A hash that is fed piece by piece."""

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""

    def matches(self, recorded: str) -> bool:
        """Tell whether the bytes so far are what was recorded. No update may follow."""

    def __str__(self) -> str:
        """Show the value for a message. No update may follow."""


class Md5:
    """The md5 of the bytes."""

    def __init__(self) -> None:
        self._digest = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        self._digest.update(data)

    def matches(self, recorded: str) -> bool:
        """Tell whether this is the recorded value."""
        return self._digest.hexdigest() == recorded

    def __str__(self) -> str:
        return f"md5 {self._digest.hexdigest()}"


class TextMd5:
    """DVC 2's "md5-dos2unix", as either version of DVC computes it."""

    def __init__(self) -> None:
        self._per_file = hashlib.md5(usedforsecurity=False)
        self._per_piece = hashlib.md5(usedforsecurity=False)
        self._is_text: bool | None = None
        self._rest = bytearray()

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        self._rest += data
        while len(self._rest) >= _PIECE:
            self._take(bytes(self._rest[:_PIECE]))
            del self._rest[:_PIECE]

    def matches(self, recorded: str) -> bool:
        """Tell whether either way of computing it gives the recorded value."""
        self._finish()
        return recorded in {self._per_file.hexdigest(), self._per_piece.hexdigest()}

    def hexdigest(self) -> str:
        """Return the value as DVC 3 computes it. No update may follow."""
        self._finish()
        return self._per_piece.hexdigest()

    def __str__(self) -> str:
        return f"md5-dos2unix {self.hexdigest()}"

    def _finish(self) -> None:
        if self._rest:
            self._take(bytes(self._rest))
            self._rest.clear()

    def _take(self, piece: bytes) -> None:
        text = is_text(piece[:_SAMPLE])
        if self._is_text is None:
            self._is_text = text
        unix = piece.replace(b"\r\n", b"\n") if text or self._is_text else piece
        self._per_file.update(unix if self._is_text else piece)
        self._per_piece.update(unix if text else piece)


def is_text(sample: bytes) -> bool:
    """Decide as DVC does (dvc_data/hashfile/istextfile.py): no NUL, and at most 30 % bytes that no text has."""
    if not sample:
        return True
    return b"\0" not in sample and len(sample.translate(None, _TEXT)) / len(sample) <= 0.30


def recorded_hash(content: Content) -> str | None:
    """Give the value that was recorded, of whichever kind."""
    return content.md5 or content.text_md5


def hash_for(content: Content) -> ContentHash | None:
    """Begin the kind of hash that was recorded of this content; None if none was."""
    if content.md5 is not None:
        return Md5()
    return None if content.text_md5 is None else TextMd5()
