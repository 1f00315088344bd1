"""The arithmetic of ranges that all stores share."""

from __future__ import annotations

from cvfs.errors import IntegrityError


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
