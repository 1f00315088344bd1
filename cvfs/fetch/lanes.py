"""How many threads may wait for what: the network and the disk apart, each remote apart, readers before read-ahead.

A lane that is full holds up only those who want the same: 200 readers of a store that hangs wait in its lane, while
other stores' readers, and everybody's disk reads, go on.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import trio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Threads at work at once.

    ``foreground``: downloads somebody waits for, for each remote. Measured over 20 ms: 64 give 17 times what one gives,
    and each may hold 8 MiB. ``background``: read-ahead, for each remote. ``disk_reads``, ``disk_writes``, ``hashes``:
    apart, because a write may have to evict and a hash reads gigabytes.
    """

    foreground: int = 64
    background: int = 16
    disk_reads: int = 8
    disk_writes: int = 4
    hashes: int = 2


class Ticket:
    """One download's place in a lane. ``hurry`` moves it to the front lane when a reader turns up for it."""

    def __init__(self, *, urgent: bool) -> None:
        self.urgent = urgent
        self.waiting: trio.CancelScope | None = None

    def hurry(self) -> None:
        """Wait no longer behind other read-ahead."""
        self.urgent = True
        if self.waiting is not None:
            self.waiting.cancel()


class Lanes:
    """The thread limits of one fetcher."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reads = trio.CapacityLimiter(limits.disk_reads)
        self._writes = trio.CapacityLimiter(limits.disk_writes)
        self._hashes = trio.CapacityLimiter(limits.hashes)
        self._networks: dict[Hashable, tuple[trio.CapacityLimiter, trio.CapacityLimiter]] = {}
        self._counted = trio.CapacityLimiter(math.inf)

    async def read(self, action: Callable[..., T], *arguments: object) -> T:
        """Run a read of the local disk in a thread."""
        return await trio.to_thread.run_sync(partial(action, *arguments), limiter=self._reads)

    async def write(self, action: Callable[..., T], *arguments: object) -> T:
        """Run a write to the local disk in a thread."""
        return await trio.to_thread.run_sync(partial(action, *arguments), limiter=self._writes)

    async def hash(self, action: Callable[..., T], *arguments: object) -> T:
        """Run something that reads and hashes a lot in a thread."""
        return await trio.to_thread.run_sync(partial(action, *arguments), limiter=self._hashes)

    @asynccontextmanager
    async def place(self, remote: Hashable, ticket: Ticket) -> AsyncIterator[None]:
        """Hold a place among the downloads from one remote."""
        limiter = await self._enter(remote, ticket)
        try:
            yield
        finally:
            limiter.release_on_behalf_of(ticket)

    async def download(self, action: Callable[..., T], *arguments: object) -> T:
        """Run a network call in a thread, with a place held. Cancelled, it is left behind: a stalled store may hang."""
        return await trio.to_thread.run_sync(partial(action, *arguments), limiter=self._counted, abandon_on_cancel=True)

    async def _enter(self, remote: Hashable, ticket: Ticket) -> trio.CapacityLimiter:
        if remote not in self._networks:
            self._networks[remote] = (
                trio.CapacityLimiter(self._limits.foreground),
                trio.CapacityLimiter(self._limits.background),
            )
        foreground, background = self._networks[remote]
        if not ticket.urgent:
            with trio.CancelScope() as ticket.waiting:
                await background.acquire_on_behalf_of(ticket)
                ticket.waiting = None
                return background
            ticket.waiting = None
        await foreground.acquire_on_behalf_of(ticket)
        return foreground
