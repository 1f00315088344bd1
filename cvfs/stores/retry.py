"""A store that tries again: the one place where failures that may pass are waited out, for all stores alike."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cvfs.errors import IntegrityError, StoreError, UnavailableError
from cvfs.stores.store import Listed, Piece, Stat, Store, Uploadable, Versioning

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long. Times are in seconds.

    Before try n + 1 comes a pause between 0 and ``first_pause`` * 2 ** n, and never more than ``longest_pause``: chance
    spreads clients that failed together. No try begins later than ``total_time`` after the first one did. The defaults
    outlast what a store needs to divide a hot prefix or to replace a server, and end before people take it for a hang.
    """

    attempts: int = 6
    first_pause: float = 0.2
    longest_pause: float = 10.0
    total_time: float = 60.0


class Retries:
    """Try an action again after UnavailableError, as the policy says. Safe to use from several threads.

    The error that ends it says how often it was tried and has the last cause as its cause. ``close`` ends all pauses,
    and no try follows them.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy or RetryPolicy()
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._chance = chance
        self._clock = clock

    def run(self, action: Callable[[], T]) -> T:
        """Run ``action`` until it does not raise UnavailableError, or has been tried enough."""
        began = self._clock()
        attempt = 1
        while True:
            try:
                return action()
            except UnavailableError as error:
                pause = self._pause(attempt)
                elapsed = self._clock() - began
                if attempt >= self._policy.attempts or elapsed + pause > self._policy.total_time:
                    raise _given_up(error, attempt, elapsed) from error
                log.info("try %d failed, the next one follows in %.1f s: %s", attempt, pause, error.message)
                self._sleep(pause)
                if self._closed.is_set():
                    raise _given_up(error, attempt, elapsed) from error
                attempt += 1

    def close(self) -> None:
        """End all pauses, and have no try follow them."""
        self._closed.set()

    def _pause(self, attempt: int) -> float:
        longest = min(self._policy.longest_pause, self._policy.first_pause * 2.0 ** (attempt - 1))
        return longest * self._chance()


class RetryingStore:
    """Wrap any store: try again after UnavailableError and, once, after an IntegrityError.

    A put or copy whose answer was lost, and which was then tried again, may leave a version that nobody knows of.
    """

    def __init__(
        self,
        store: Store,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._retries = Retries(policy, sleep=sleep, chance=chance, clock=clock)

    @property
    def url(self) -> str:
        """Name the wrapped store."""
        return self._store.url

    def full_key(self, key: str) -> str:
        """Prefix as the wrapped store does."""
        return self._store.full_key(key)

    def check(self) -> None:
        """Check the wrapped store, once: this asks nobody who may be busy."""
        self._store.check()

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read as the wrapped store does, more than once if need be."""
        return self._twice(lambda: self._store.read(key, version_id, start, length))

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Ask as the wrapped store does, more than once if need be."""
        return self._retries.run(lambda: self._store.stat(key, version_id))

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Upload as the wrapped store does, more than once if need be."""
        return self._twice(lambda: self._store.put(key, source, md5=md5, create_only=create_only))

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Copy as the wrapped store does, more than once if need be."""
        return self._twice(lambda: self._store.copy(key, version_id, target))

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List as the wrapped store does; after a failure, from behind the last key that was listed."""
        rest = self._store.listing(prefix, after)

        def following() -> Listed | None:
            nonlocal rest
            try:
                return next(rest, None)
            except UnavailableError:
                # An iterator that has failed is at its end.
                rest = self._store.listing(prefix, after)
                raise

        while (listed := self._retries.run(following)) is not None:
            after = listed.key
            yield listed

    def versioning(self) -> Versioning:
        """Ask as the wrapped store does, more than once if need be."""
        return self._retries.run(self._store.versioning)

    def enable_versioning(self) -> None:
        """Do as the wrapped store does, more than once if need be."""
        self._retries.run(self._store.enable_versioning)

    def close(self) -> None:
        """End all pauses and close the wrapped store."""
        self._retries.close()
        self._store.close()

    def _twice(self, action: Callable[[], T]) -> T:
        """Run ``action`` as ``Retries`` does, and once more right away where bytes were damaged on their way."""

        def twice() -> T:
            try:
                return action()
            except IntegrityError as error:
                log.info("once more: %s", error.message)
                return action()

        return self._retries.run(twice)


def _given_up(error: StoreError, attempts: int, elapsed: float) -> UnavailableError:
    tries = "1 try" if attempts == 1 else f"{attempts} tries"
    return UnavailableError(f"{error.message} (given up after {tries} in {elapsed:.0f} s)", hint=error.hint)
