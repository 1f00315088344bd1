"""The bytes of any content: from the cache, from DVC's own, or from a store; each download happens once.

A download belongs to the fetcher, not to the reader who asked first: others who ask for the same content wait for the
same download, and go on when that reader is killed. Contents up to ``SMALL`` are fetched whole and verified before a
byte is served; larger ones by range (``large.py``).

Threading: ``read_now`` from any thread; the rest from the trio thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import trio
from cachetools import LRUCache

from cvfs.cache.block_file import BLOCK
from cvfs.cache.cache import Cache
from cvfs.errors import CacheError, CvfsError, UnavailableError
from cvfs.fetch.failures import Failures, again
from cvfs.fetch.identity import flight_key
from cvfs.fetch.lanes import Lanes, Limits, Ticket
from cvfs.fetch.large import LargeContent, Surroundings
from cvfs.fetch.local_copies import LocalCopies
from cvfs.fetch.sources import Remotes, Sources
from cvfs.model import Content
from cvfs.stores.store import Piece

_log = logging.getLogger(__name__)

#: Fetched in one request: at 100 MB/s that takes 40 ms, little more than a round trip, and all of it is verified first.
SMALL = 4 * 1024 * 1024
#: Large contents kept in mind; those that nobody reads are forgotten first, which costs them their read-ahead.
_LARGE = 256
#: Sizes kept in mind that nobody recorded.
_SIZES = 4096
#: Times that a reader looks again when what was there a moment ago has been evicted.
_ATTEMPTS = 4


class _Flight:
    """One look for a content that is not at hand. It ends with bytes, or with a better place to look."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.landed = trio.Event()
        self.data: bytes | None = None
        self.error: Exception | None = None


class Fetcher:
    """Reads contents; made once for a mount or a command, and used inside ``running()``.

    ``clock`` counts the seconds for which failures are remembered.
    """

    def __init__(
        self,
        cache: Cache,
        remotes: Remotes,
        local_copies: LocalCopies,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._sources = Sources(remotes)
        self._local_copies = local_copies
        self._lanes = Lanes(limits or Limits())
        self._failures = Failures(clock)
        self._flights: dict[Hashable, _Flight] = {}
        self._large: dict[Hashable, LargeContent] = {}
        self._sizes: LRUCache[Hashable, int] = LRUCache(_SIZES)
        self._nursery: trio.Nursery | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = 0
        self._uncached = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run downloads while inside. On leaving they are given up; a store that hangs does not hold this up."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._token = trio.lowlevel.current_trio_token()
            self._thread = threading.get_ident()
            try:
                yield
            finally:
                self._nursery = None
                nursery.cancel_scope.cancel()

    def read_now(self, content: Content, offset: int, size: int) -> bytes | None:
        """Read what is on this machine and verified, fewer bytes at the end; None if that is not all of it.

        Never blocks on the network, nor behind anybody who does; reads the local disk.
        """
        for key in self._sources.known_keys(content):
            data = self._cache.read(key, offset, size, size=content.size)
            if data is not None:
                self._note(content, offset, len(data))
                return data
        return self._local_copies.read(content, offset, size)

    async def read(self, content: Content, offset: int, size: int) -> bytes:
        """Read up to ``size`` bytes, fewer at the end only, and wait for the store where that is needed.

        Raises:
            NotPushedError: there is no version to ask for, and nothing on this machine.
            CredentialsError, AccessDeniedError, VersionNotFoundError, ArchivedError, UnavailableError: as the store.
            IntegrityError: the bytes are not those recorded, after a second try.
            RemoteError: no usable remote.
        """
        self._failures.check(content)
        key = flight_key(content)
        try:
            for _ in range(_ATTEMPTS):
                large = self._large_content(key)
                if large is not None:
                    length = min(size, large.size - offset)
                    return await large.read(offset, length) if length > 0 else b""
                if key not in self._flights:
                    data = await self._lanes.read(self.read_now, content, offset, size)
                    if data is not None:
                        return data
                flight = self._flights.get(key) or self._start(key, content)
                await flight.landed.wait()
                if flight.data is not None:
                    return flight.data[offset : offset + size]
                if flight.error is not None and flight.content == content:
                    raise again(flight.error) if isinstance(flight.error, CvfsError) else flight.error
        except CvfsError as error:
            self._failures.remember(content, error)
            raise
        raise UnavailableError(
            "the content was evicted from the cache each time before it could be read",
            hint="give the cache more room: --max-cache-size, --min-free-space",
        )

    def size_now(self, content: Content) -> int | None:
        """Tell the size of a content in bytes where it was recorded or can be told from what is on this machine.

        Never blocks on the network; reads the local disk.
        """
        if content.size is not None:
            return content.size
        learnt = self._sizes.get(flight_key(content))
        if learnt is not None:
            return learnt
        for key in self._sources.known_keys(content):
            size = self._cache.size(key)
            if size is not None:
                return size
        return self._local_copies.size(content)

    async def size(self, content: Content) -> int:
        """Tell the size of a content in bytes; where nobody knows it, begin to fetch the content as a reader would.

        Raises:
            CvfsError: as ``read``.
        """
        for _ in range(_ATTEMPTS):
            size = await self._lanes.read(self.size_now, content)
            if size is not None:
                return size
            await self.read(content, 0, 1)
        raise UnavailableError("the content was evicted from the cache each time before its size could be told")

    def has(self, content: Content) -> bool:
        """Tell whether a content need not be fetched, as far as can be told without reading all of it.

        Blocking: local disk.
        """
        return self._is_here(content) or self._local_copies.unverified(content)

    def _is_here(self, content: Content) -> bool:
        """Tell whether all of a content can be read on this machine."""
        whole = any(self._cache.state(key) == "whole" for key in self._sources.known_keys(content))
        return whole or self._local_copies.read(content, 0, 1) is not None

    def _large_content(self, key: Hashable) -> LargeContent | None:
        large = self._large.get(key)
        if large is not None and (large.whole or large.wrong is not None):
            del self._large[key]
            return None
        return large

    def _start(self, key: Hashable, content: Content) -> _Flight:
        flight = _Flight(content)
        self._spawn(self._fly, key, flight)
        self._flights[key] = flight
        return flight

    def _spawn(self, task: Callable[..., Awaitable[None]], *arguments: object) -> None:
        if self._nursery is None:
            raise UnavailableError("reading has ended")
        self._nursery.start_soon(_guarded, task, *arguments)

    async def _fly(self, key: Hashable, flight: _Flight) -> None:
        content = flight.content
        try:
            # Another flight may have landed between this reader's look and its start.
            if key in self._large or await self._lanes.read(self._is_here, content):
                return
            if await self._lanes.read(self._local_copies.unverified, content):
                await self._lanes.hash(self._local_copies.verify, content)
                if await self._lanes.read(self._is_here, content):
                    return
            async with self._lanes.place(self._sources.lane(content), Ticket(urgent=True)):
                await self._ask(key, flight)
        except Exception as error:  # noqa: BLE001 it is raised in the readers, who know what they were reading
            flight.error = error
        finally:
            flight.landed.set()
            del self._flights[key]

    async def _ask(self, key: Hashable, flight: _Flight) -> None:
        """Fetch a small content, or make out that it is a large one."""
        content = flight.content
        if not self._sources.known_keys(content):
            await self._lanes.download(self._sources.make_stores, content)
            if await self._lanes.read(self._is_here, content):
                return
        if content.size is not None and content.size > SMALL:
            self._open_large(key, content)
            return
        piece, cache_key = await self._lanes.download(self._sources.read_start, content, SMALL)
        if content.size is None:
            self._sizes[key] = piece.stat.size
        if piece.stat.size > len(piece.data):
            await self._lanes.write(self._keep_start, cache_key, piece)
            self._open_large(key, replace(content, size=piece.stat.size))
            return
        flight.data = piece.data
        # Readers go on at once; the flight stays until the cache has it, so that nobody starts another.
        flight.landed.set()
        await self._keep(cache_key, piece.data)

    def _keep_start(self, cache_key: str, piece: Piece) -> None:
        """Keep the first blocks of what turned out to be large: nobody has verified them, and nobody need ask again."""
        whole_blocks = len(piece.data) // BLOCK * BLOCK
        with suppress(CacheError):
            self._cache.partial(cache_key, piece.stat.size).write(0, piece.data[:whole_blocks])

    async def _keep(self, cache_key: str, data: bytes) -> None:
        try:
            await self._lanes.write(self._cache.put, cache_key, data)
        except CacheError as error:
            if not self._uncached:
                _log.warning("reading without the cache: %s", error.message)
            self._uncached = True
        else:
            self._uncached = False

    def _open_large(self, key: Hashable, content: Content) -> None:
        if len(self._large) >= _LARGE:
            idle = next((name for name, large in self._large.items() if large.idle), None)
            self._large.pop(idle, None)
        surroundings = Surroundings(self._cache, self._sources, self._lanes, self._spawn, self._failures.remember)
        cache_key = self._sources.known_keys(content)[0]
        self._large[key] = LargeContent(content, cache_key, self._sources.lane(content), surroundings)

    def _note(self, content: Content, offset: int, length: int) -> None:
        """Tell a large content that is being fetched what was read of it from the cache, for its read-ahead."""
        large = self._large.get(flight_key(content)) if self._large else None
        if large is None or self._token is None:
            return
        if threading.get_ident() == self._thread:
            self._note_here(large, offset, length)
        else:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._note_here, large, offset, length)

    def _note_here(self, large: LargeContent, offset: int, length: int) -> None:
        if self._nursery is not None:
            large.note(offset, length)


async def _guarded(task: Callable[..., Awaitable[None]], *arguments: object) -> None:
    """Run a task whose failure must end neither the others nor the mount."""
    try:
        await task(*arguments)
    except UnavailableError as error:
        _log.debug("given up: %s", error.message)
    except Exception:  # noqa: BLE001 - logged whole; the readers that wait for this get their own error
        _log.exception("an unexpected error while fetching")
