"""Sends the pieces of one large upload side by side, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from cvfs.stores.source import Source

T = TypeVar("T")


class PieceSender(Generic[T]):
    """Threads that send pieces; no more than ``at_once`` of all uploads together are in memory. Thread-safe."""

    def __init__(self, at_once: int, name: str) -> None:
        self._room = threading.BoundedSemaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, name)

    def send(self, content: Source, size: int, send: Callable[[int, bytes], T]) -> list[T]:
        """Call ``send`` with number (from 0) and bytes of each piece of ``content``, and return what it returned.

        After the first failure no further piece is begun. Whatever happens, none is under way when this returns.

        Raises:
            What ``send`` raised first, or SourceChangedError.
        """
        failed = threading.Event()
        sent: list[Future[T]] = []

        def done(future: Future[T]) -> None:
            self._room.release()
            if not future.cancelled() and future.exception() is not None:
                failed.set()

        try:
            for number in range(-(-content.size // size)):
                if failed.is_set():
                    break
                sent.append(self._start(number, content, size, send))
                sent[-1].add_done_callback(done)
            wait(sent, return_when=FIRST_EXCEPTION)
        finally:
            for future in sent:
                future.cancel()
            wait(sent)
        for future in sent:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
        return [future.result() for future in sent]

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _start(self, number: int, content: Source, size: int, send: Callable[[int, bytes], T]) -> Future[T]:
        self._room.acquire()
        try:
            return self._threads.submit(send, number, content.read(size))
        except BaseException:
            self._room.release()
            raise
