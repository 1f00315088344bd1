"""Failures that are remembered for a moment: the kernel asks twice for what it could not read ahead."""

from __future__ import annotations

import copy
from collections.abc import Callable

from cachetools import TLRUCache

from cvfs.errors import CvfsError, IntegrityError
from cvfs.model import Content

#: Seconds. Long enough for the kernel's second question (milliseconds later), short enough for a user who fixed it.
_SHORT = 1.0
#: Wrong bytes have been fetched twice, of a large content all of them: that is not repeated for each program that asks.
_WRONG_BYTES = 60.0
_MOST = 4096


class Failures:
    """The latest failures by content. Not thread-safe. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._errors: TLRUCache[Content, CvfsError] = TLRUCache(_MOST, ttu=_until, timer=clock)

    def remember(self, content: Content, error: CvfsError) -> None:
        """Have ``check`` raise this error for a while."""
        self._errors[content] = error

    def check(self, content: Content) -> None:
        """Raise the error that reading this content ended with a moment ago, if it did."""
        error = self._errors.get(content)
        if error is not None:
            raise again(error)


def again(error: CvfsError) -> CvfsError:
    """Make an error to raise that says the same: each task adds its own traceback to the object it raises."""
    fresh = copy.copy(error)
    fresh.__cause__ = error
    return fresh


def _until(_content: Content, error: CvfsError, now: float) -> float:
    return now + (_WRONG_BYTES if isinstance(error, IntegrityError) else _SHORT)
