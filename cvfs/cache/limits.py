"""How large the cache may grow: sizes as people write them, and the two limits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cvfs.errors import CacheError

_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) *(?:(?P<unit>[kmgtp])(?:i?b)?|b|(?P<percent>%))?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


@dataclass(frozen=True, slots=True)
class Size:
    """An amount of disk: bytes, or a share of the volume that holds the cache."""

    number: float
    percent: bool = False

    def of(self, total: int) -> int:
        """Give the bytes that are meant on a volume of ``total`` bytes."""
        return int(total * self.number / 100) if self.percent else int(self.number)

    def __str__(self) -> str:
        return f"{self.number:g}%" if self.percent else f"{int(self.number)} bytes"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the cache keeps to. ``max_size`` None: as large as ``min_free`` allows.

    ``min_free`` is 5 %, what ext4 reserves for root: below it file systems slow down and other programs begin to fail.
    """

    max_size: Size | None = None
    min_free: Size = Size(5, percent=True)


def parse_size(text: str) -> Size:
    """Read a size such as ``10G``, ``1.5TiB``, ``500 MB``, ``4096`` or ``80%``.

    K, M, G, T and P are powers of 1024, with or without ``B`` or ``iB``, in either case; a plain number is bytes.

    Raises:
        CacheError: the text is no size, or a percentage above 100.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise CacheError(f"'{text}' is not a size", hint="write a number with K, M, G or T, or a percentage: 20G, 80%")
    number = float(match["number"])
    if match["percent"]:
        if number > 100:
            raise CacheError(f"'{text}' is more than the whole volume", hint="a percentage goes from 0% to 100%")
        return Size(number, percent=True)
    return Size(float(int(number * 1024 ** _POWERS.get((match["unit"] or "").lower(), 0))))
