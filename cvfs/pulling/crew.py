"""Work through all files at once: many small ones, few large ones, and none of them in vain.

A file that fails stops no other. But a full disk, or a store that has not answered once for a while, is not the fault
of a file: then the rest is not tried.

Threading: all of it belongs to the trio thread; files are brought in worker threads.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import trio

from cvfs.errors import CredentialsError, CvfsError, UnavailableError
from cvfs.fetch.fetcher import Fetcher
from cvfs.pulling.delivery import is_large
from cvfs.pulling.orders import Order

#: Each of them reads ahead by itself and holds several pieces in memory.
_LARGE_AT_ONCE = 8
#: So many files in a row that a store did not answer for: it will not answer for the others either.
_PATIENCE = 20
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


class Report(Protocol):
    """Is told how each file ended."""

    def done(self, order: Order, *, fetched: bool) -> None:
        """Take in that a file is in place."""

    def failed(self, order: Order, error: CvfsError) -> None:
        """Take in that a file is not."""


class Crew:
    """Up to ``workers`` files at a time. ``bring`` places one, in a worker thread, or raises CvfsError."""

    def __init__(self, fetcher: Fetcher, bring: Callable[[Order], bool], report: Report, workers: int) -> None:
        self._fetcher = fetcher
        self._bring = bring
        self._report = report
        self._workers = workers
        self._small: deque[Order] = deque()
        self._large: deque[Order] = deque()
        self._large_running = 0
        self._unanswered = 0
        self._reason: CvfsError | None = None

    def work(self, orders: Iterable[Order]) -> tuple[int, CvfsError | None]:
        """Bring all files. Blocking. Returns how many were not tried, and the error that says why.

        Raises:
            KeyboardInterrupt: what was begun is undone, what was done stays.
        """
        for order in orders:
            (self._large if is_large(order.content) else self._small).append(order)
        interrupted = False
        try:
            trio.run(self._run)
        except* KeyboardInterrupt:
            interrupted = True
        if interrupted:
            raise KeyboardInterrupt
        return len(self._small) + len(self._large), self._reason

    async def _run(self) -> None:
        threads = trio.CapacityLimiter(self._workers)
        async with self._fetcher.running():
            async with trio.open_nursery() as nursery:
                for _ in range(min(self._workers, len(self._small) + len(self._large))):
                    nursery.start_soon(self._worker, threads)

    async def _worker(self, threads: trio.CapacityLimiter) -> None:
        while self._reason is None and (order := self._next()) is not None:
            try:
                fetched = await trio.to_thread.run_sync(self._bring, order, limiter=threads)
            except CvfsError as error:
                self._report.failed(order, error)
                self._judge(error)
            else:
                self._report.done(order, fetched=fetched)
                self._unanswered = 0
            finally:
                self._large_running -= is_large(order.content)

    def _next(self) -> Order | None:
        """Take the next file; None if none is left, or only large ones while enough of them are under way."""
        if self._large and self._large_running < _LARGE_AT_ONCE:
            self._large_running += 1
            return self._large.popleft()
        return self._small.popleft() if self._small else None

    def _judge(self, error: CvfsError) -> None:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            self._reason = error
        elif isinstance(error, UnavailableError | CredentialsError):
            self._unanswered += 1
            if self._unanswered >= _PATIENCE:
                self._reason = error
        else:
            self._unanswered = 0
