"""One large content while it is being read: blocks fetched once, by range, ahead of sequential readers.

A ``Run`` is one request for adjacent blocks. Readers wait for the runs that hold what they need; the runs belong to
the fetcher and go on when a reader gives up. Bytes are handed over from the run itself, so a cache without room, or
one that evicts them at once, costs requests and nothing else.

Threading: everything here belongs to the trio thread; what blocks is handed to the lanes.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import trio

from cvfs.cache.block_file import BLOCK
from cvfs.cache.cache import Cache
from cvfs.cache.partial_file import PartialFile
from cvfs.errors import CacheError, CvfsError, IntegrityError, UnavailableError
from cvfs.fetch.failures import again
from cvfs.fetch.lanes import Lanes, Ticket
from cvfs.fetch.read_ahead import ReadAhead
from cvfs.fetch.sources import Sources
from cvfs.fetch.whole_check import WholeCheck
from cvfs.model import Content

_log = logging.getLogger(__name__)

#: Bytes a request: enough that its start-up costs little, few enough that several share a line. Whole blocks.
RUN = 8 * 1024 * 1024
#: Times that a reader asks again when blocks vanish between their arrival and its turn.
_ATTEMPTS = 4
#: Runs remembered that could not be cached. Without room there is no read-ahead, so each is a block or a few.
_UNKEPT = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a large content needs of its fetcher.

    ``spawn`` starts a task that outlives the reader; ``found_wrong`` is told when the bytes prove wrong together.
    """

    cache: Cache
    sources: Sources
    lanes: Lanes
    spawn: Callable[..., None]
    found_wrong: Callable[[Content, IntegrityError], None]


class Run:
    """One request for the bytes from ``start`` to ``stop``, and what came of it."""

    def __init__(self, start: int, stop: int, *, urgent: bool) -> None:
        self.start = start
        self.stop = stop
        self.ticket = Ticket(urgent=urgent)
        self.done = trio.Event()
        self.data: bytes | None = None
        self.kept = False
        self.error: Exception | None = None


class LargeContent:
    """One large content, open for reading. ``content.size`` is known."""

    def __init__(self, content: Content, key: str, lane: Hashable, surroundings: Surroundings) -> None:
        assert content.size is not None
        self.content = content
        self.size = content.size
        self.key = key
        #: Set when everything is here and verified, or known to be wrong: another object must be used from then on.
        self.whole = False
        self.wrong: IntegrityError | None = None
        self._lane = lane
        self._cache = surroundings.cache
        self._sources = surroundings.sources
        self._lanes = surroundings.lanes
        self._spawn = surroundings.spawn
        self._found_wrong = surroundings.found_wrong
        self._partial: PartialFile = self._cache.partial(key, self.size)
        self._check = WholeCheck(content, self._partial, self._sources.describe(content))
        self._checking = trio.Lock()
        self._ahead = ReadAhead(self.size)
        self._runs: dict[int, Run] = {}
        #: Runs whose bytes the cache had no room for: the next reads are likely to want the rest of their blocks.
        self._unkept: deque[Run] = deque()
        self._finished = 0
        self._full = False

    @property
    def idle(self) -> bool:
        """Tell whether nothing is under way."""
        return all(run.done.is_set() for run in self._runs.values())

    def note(self, offset: int, length: int) -> None:
        """Take in a read, whoever answered it, and fetch ahead if it is part of a sequence. Never blocks."""
        plan = self._ahead.note(offset, length)
        if plan is not None and not self._full and not self.whole:
            # The block in which the read ends is the reader's own, who need not wait for a long request then.
            start, stop = -(-plan[0] // BLOCK) * BLOCK, plan[1]
            if start < stop:
                self._spawn(self._fetch_ahead, start, stop)

    async def read(self, offset: int, length: int) -> bytes:
        """Read bytes that lie within the content.

        Raises:
            CvfsError: as the store; IntegrityError also if the bytes proved wrong together.
        """
        stop = offset + length
        self.note(offset, length)
        for _ in range(_ATTEMPTS):
            if self.wrong is not None:
                raise again(self.wrong)
            data = await self._lanes.read(self._read_cached, offset, length)
            if data is not None:
                return data
            try:
                runs = await self._runs_for(offset, stop, urgent=True)
            except CacheError as error:
                self._note_full(error)
                break
            if not runs:
                # All is here, and must be verified first: by this reader if whoever brought the last block was killed.
                await self._conclude()
            for run in runs:
                await run.done.wait()
                if run.error is not None:
                    raise again(run.error) if isinstance(run.error, CvfsError) else run.error
            data = _assembled(offset, stop, runs)
            if data is not None:
                return data
        return await self._read_through(offset, stop)

    def _read_cached(self, offset: int, length: int) -> bytes | None:
        return self._cache.read(self.key, offset, length, size=self.size)

    async def _read_through(self, offset: int, stop: int) -> bytes:
        """Fetch exactly what was asked for, and keep nothing."""
        async with self._lanes.place(self._lane, Ticket(urgent=True)):
            return await self._lanes.download(self._sources.read_range, self.content, offset, stop)

    async def _fetch_ahead(self, start: int, stop: int) -> None:
        try:
            await self._runs_for(start, stop, urgent=False)
        except CacheError as error:
            self._note_full(error)

    async def _runs_for(self, start: int, stop: int, *, urgent: bool) -> list[Run]:
        """Find or start the requests that bring what is missing of these bytes."""
        while True:
            finished = self._finished
            missing = await self._lanes.read(self._partial.missing, start, stop - start)
            if finished == self._finished:
                break
        found: dict[Run, None] = {}
        for first, last in missing:
            for free, run in self._split(first, last):
                if run is None:
                    run = Run(*free, urgent=urgent)
                    self._spawn(self._work, run)
                    self._runs.update(dict.fromkeys(_blocks(run), run))
                elif urgent:
                    run.ticket.hurry()
                found[run] = None
        return list(found)

    def _split(self, start: int, stop: int) -> Iterator[tuple[tuple[int, int], Run | None]]:
        """Cut missing bytes into those that a request is under way for, and pieces for new requests."""
        at = start
        while at < stop:
            run = self._runs.get(at // BLOCK)
            if run is not None:
                yield (at, run.stop), run
                at = run.stop
                continue
            end = at
            while end < stop and end - at < RUN and end // BLOCK not in self._runs:
                end = min(end + BLOCK, stop)
            yield (at, end), None
            at = end

    async def _work(self, run: Run) -> None:
        try:
            # The place is held until the bytes are on disk: that bounds the memory of all downloads together.
            async with self._lanes.place(self._lane, run.ticket):
                run.data = await self._lanes.download(self._sources.read_range, self.content, run.start, run.stop)
                await self._store(run)
            if await self._lanes.read(self._is_complete):
                await self._conclude()
        except IntegrityError as error:
            run.data, run.error = None, error
        except Exception as error:  # noqa: BLE001 it is raised in the readers, who know what they were reading
            run.error = error
        finally:
            self._finish(run)
        if run.error is None and not self.whole and run.start <= self._check.blocks * BLOCK < run.stop:
            await self._hash_along()

    def _finish(self, run: Run) -> None:
        if run.data is None and run.error is None:
            run.error = UnavailableError("the download was given up, because reading has ended")
        gone = [run]
        if run.error is None and not run.kept:
            self._unkept.append(run)
            gone = [self._unkept.popleft()] if len(self._unkept) > _UNKEPT else []
        for old in gone:
            for block in _blocks(old):
                if self._runs.get(block) is old:
                    del self._runs[block]
        self._finished += 1
        run.done.set()

    async def _store(self, run: Run) -> None:
        assert run.data is not None
        try:
            await self._lanes.write(self._partial.write, run.start, run.data)
        except CacheError as error:
            self._note_full(error)
        else:
            run.kept = True
            self._full = False

    def _is_complete(self) -> bool:
        try:
            return self._partial.complete
        except CacheError:
            return False

    async def _conclude(self) -> None:
        """Check the whole. Whoever waits for the last block waits for this, so no copy of wrong bytes ever succeeds."""
        async with self._checking:
            if self.whole:
                return
            try:
                self.whole = await self._lanes.hash(self._check.conclude)
            except CacheError as error:
                self._note_full(error)
            except IntegrityError as error:
                self.wrong = error
                self._found_wrong(self.content, error)
                raise

    async def _hash_along(self) -> None:
        """Hash what has just arrived, while it is still in memory, if it continues what has been hashed."""
        if self._checking.locked():
            return
        async with self._checking:
            try:
                while not self.whole and await self._lanes.hash(self._check.advance):
                    pass
            except CacheError as error:
                _log.debug("hashing along: %s", error.message)

    def _note_full(self, error: CacheError) -> None:
        if not self._full:
            _log.warning("reading without the cache: %s", error.message)
        self._full = True


def _blocks(run: Run) -> range:
    return range(run.start // BLOCK, -(-run.stop // BLOCK))


def _assembled(start: int, stop: int, runs: list[Run]) -> bytes | None:
    """Put bytes together from requests; None if they do not hold all of them."""
    parts = []
    at = start
    for run in sorted(runs, key=lambda run: run.start):
        if run.data is None or not run.start <= at < run.stop:
            continue
        end = min(run.stop, stop)
        parts.append(memoryview(run.data)[at - run.start : end - run.start])
        at = end
    return b"".join(parts) if at >= stop else None
