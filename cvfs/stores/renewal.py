"""What talks to a store with one set of credentials, replaced when they are refused and others can be found.

So a mount goes on working after its user has signed in anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

from cvfs.errors import CredentialsError

#: How long refused credentials are taken as final. Then files and environment are read again. Long enough that a
#: thousand failing reads do not sign in a thousand times.
INTERVAL_S = 10.0

log = logging.getLogger(__name__)


class Link(Protocol):
    """One session with a store and what was made for it."""

    def has_other_secrets_than(self, other: Self) -> bool:
        """Tell whether there are credentials, and not the ones that ``other`` used last."""


L = TypeVar("L", bound=Link)
T = TypeVar("T")


class Renewable(Generic[L]):
    """The link in use. Safe to use from several threads.

    ``make`` makes another one, which reads the configuration anew. ``label`` names the remote in the log.
    """

    def __init__(self, make: Callable[[], L], label: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._label = label
        self._clock = clock
        self._lock = threading.Lock()
        self._next_renewal = clock() + INTERVAL_S
        self.current = make()

    def run(self, action: Callable[[L], T]) -> T:
        """Run ``action``, and once more if its credentials are refused and others are found."""
        link = self.current
        try:
            return action(link)
        except CredentialsError:
            other = self._renew(link)
            if other is None:
                raise
        return action(other)

    def replace(self, stale: L, make: Callable[[], L]) -> L:
        """Use what ``make`` makes from now on, in place of ``stale``, unless somebody else has replaced that."""
        with self._lock:
            if self.current is stale:
                self._make = make
                self.current = make()
            return self.current

    def _renew(self, stale: L) -> L | None:
        with self._lock:
            if self.current is not stale:
                return self.current
            if self._clock() < self._next_renewal:
                return None
            self._next_renewal = self._clock() + INTERVAL_S
            fresh = self._make()
            if not fresh.has_other_secrets_than(stale):
                return None
            log.info("%s: found other credentials and will use them", self._label)
            self.current = fresh
            return fresh
