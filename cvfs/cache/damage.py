"""What the parts of the cache tell each other when a file is not what was written."""

from __future__ import annotations


class DamagedFileError(Exception):
    """The bytes on disk are not those that were written. Never leaves the cache: it becomes a miss."""
