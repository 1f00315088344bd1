"""Bytes to fetch."""

from __future__ import annotations

import random


def some_bytes(size: int, seed: int = 0) -> bytes:
    """Make bytes that no block shares with another."""
    return random.Random(seed).randbytes(size)
