"""Contents for the tests of the cache: bytes that follow from a number, and their keys."""

from __future__ import annotations

import hashlib
import random


class Clock:
    """Seconds since the epoch, as far as the test says: later than the times that the system gives to files."""

    def __init__(self, now=5_000_000_000.0):
        self.now = now

    def __call__(self):
        self.now += 0.001
        return self.now


def content(number, size):
    """Make the bytes of one content; different numbers have different bytes."""
    return random.Random(number * 1_000_003 + size).randbytes(size)


def key_of(data):
    """Name bytes as the fetcher does."""
    return f"md5-{hashlib.md5(data).hexdigest()}"


def some_key(number):
    """Make a key that no content of these tests has."""
    return f"ver-{number:064x}"
