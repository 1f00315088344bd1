"""Threads for questions that change nothing, so that nobody has to wait for their ends.

A pool of the standard library is waited for when the process ends, and a store that does not answer can hold it up for
a minute after Ctrl-C.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Workers(Generic[T]):
    """``count`` threads that call what they are given, in that order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._calls: SimpleQueue[tuple[Callable[[], T], Future[T]] | None] = SimpleQueue()
        self._stopped = threading.Event()
        for number in range(count):
            threading.Thread(target=self._work, name=f"check-{number}", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Have a thread make a call. What it returns or raises is in the future."""
        future: Future[T] = Future()
        self._calls.put((call, future))
        return future

    def stop(self) -> None:
        """End the threads, each after the call that it is making. Others are not made any more."""
        self._stopped.set()
        for _ in range(self._count):
            self._calls.put(None)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            call, future = given
            if self._stopped.is_set():
                future.cancel()
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
                future.set_exception(error)
