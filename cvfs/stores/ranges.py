"""The arithmetic of ranges that all stores share."""

from __future__ import annotations

from collections.abc import Callable

from cvfs.errors import IntegrityError
from cvfs.stores.store import Piece


class BeyondEndError(IntegrityError):
    """The store says that the range begins beyond the end: of an empty object, each does."""


def read_or_empty(read: Callable[[int, int | None], Piece], start: int, length: int | None) -> Piece:
    """Have ``read`` read a range from a store that refuses any range of an empty object, and give its nothing."""
    try:
        return read(start, length)
    except BeyondEndError:
        # Whether the object is empty, only the whole of it tells.
        if start > 0 or length is None:
            raise
        whole = read(0, None)
        if whole.data:
            raise
        return whole


def range_end(size: int, start: int, length: int | None, what: str) -> int:
    """Return where a read from ``start`` ends in an object of ``size`` bytes.

    ``what`` names the version in messages.

    Raises:
        ValueError: the caller asks for a range that no request can express (negative, or no bytes at all).
        IntegrityError: the range begins at or beyond the end; only an empty object can be read from there, from 0.
    """
    check_range(start, length)
    if start >= size and (start, size) != (0, 0):
        raise IntegrityError(f"{what} has {size} bytes, but bytes from {start} on were asked for")
    return size if length is None else min(size, start + length)


def check_range(start: int, length: int | None) -> None:
    """Refuse, with ValueError, what is a mistake of the caller and not an answer of the store."""
    if start < 0 or (length is not None and length < 1):
        raise ValueError(f"not a range: start {start}, length {length}")
