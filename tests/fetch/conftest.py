"""A fetcher over an in-memory store that misbehaves on demand, with a cache and a clock of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from fakes.stores import FakeRemotes, FaultyStore

from cvfs.cache.cache import Cache
from cvfs.cache.limits import Limits, Size
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.local_copies import LocalCopies
from cvfs.model import Content, Version
from cvfs.stores.memory import MemoryStore

#: A bound on each test's waiting, in seconds of trio's clock.
BOUND = 60


@dataclass
class Clock:
    """Seconds that pass when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """One fetcher and what is around it."""

    def __init__(self, directory, cache: Cache) -> None:
        self.cache = cache
        self.clock = Clock()
        self.dvc_cache = directory / "dvc-cache"
        self.stores = {name: FaultyStore(MemoryStore(name)) for name in ("up", "other")}
        self.store = self.stores["up"]
        self.remotes = FakeRemotes(self.stores, default="up")
        self.fetcher = self.another()

    def another(self) -> Fetcher:
        """Make a fetcher that knows nothing yet, on the same cache and stores."""
        return Fetcher(self.cache, self.remotes, LocalCopies([str(self.dvc_cache)]), clock=self.clock)

    def put(self, data: bytes, key: str = "data/file", *, md5: bool = True, remote: str = "up") -> Content:
        """Store bytes and return their record."""
        stat = self.stores[remote].put(key, data)
        digest = hashlib.md5(data).hexdigest() if md5 else None
        return Content(len(data), digest, None, Version(remote, key, stat.version_id, stat.etag))

    def run(self, work: Callable[[], Awaitable[Any]], fetcher: Fetcher | None = None) -> Any:
        """Run something inside of the fetcher."""

        async def main() -> Any:
            with trio.fail_after(BOUND):
                async with (fetcher or self.fetcher).running():
                    try:
                        return await work()
                    except Exception as error:
                        return error

        result = trio.run(main)
        if isinstance(result, Exception):
            raise result
        return result

    def read(self, content: Content, offset: int = 0, size: int | None = None) -> bytes:
        """Read as one reader does who comes alone."""
        length = (content.size or 1 << 30) if size is None else size
        return self.run(lambda: self.fetcher.read(content, offset, length))


@pytest.fixture
def make_world(tmp_path):
    caches = []

    def make(max_size: int | None = None) -> World:
        caches.append(Cache(str(tmp_path / "cache"), Limits(max_size and Size(max_size), Size(0))))
        return World(tmp_path, caches[-1])

    yield make
    for cache in caches:
        cache.close()


@pytest.fixture
def world(make_world) -> World:
    return make_world()
