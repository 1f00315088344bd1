"""How a use case tells what it is doing, without knowing of a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One thing that lasts. Thread-safe."""

    def advance(self, size: int) -> None:
        """Count bytes that are done; a negative number where an attempt begins anew."""

    def finished(self, path: str) -> None:
        """Count one file that is done, and name it."""


class Progress(Protocol):
    """Watches tasks. ``task`` opens one: a verb such as ``hashing``, and what there is to do as far as it is known."""

    def task(self, verb: str, files: int | None = None, size: int | None = None) -> AbstractContextManager[Task]:
        """Show a task until the context ends."""


class _Unseen:
    def advance(self, size: int) -> None:
        """Tell nobody."""

    def finished(self, path: str) -> None:
        """Tell nobody."""


class Silence:
    """A ``Progress`` that shows nothing."""

    @contextmanager
    def task(self, verb: str, files: int | None = None, size: int | None = None) -> Iterator[Task]:  # noqa: ARG002
        """Open a task that nobody sees."""
        yield _Unseen()
