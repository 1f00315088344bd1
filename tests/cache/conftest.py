"""Caches that are closed at the end of a test, and a clock that goes only when told to."""

from __future__ import annotations

import pytest
from cache_contents import Clock

from cvfs.cache.cache import Cache, Geometry
from cvfs.cache.limits import Limits, Size

#: Everything a hundredth: the same paths as with real sizes, on a few kilobytes.
SMALL_GEOMETRY = Geometry(pack_limit=1024, pack=16 * 1024, block=4096)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_cache(tmp_path, clock):
    """Open a cache in the test's directory; each call is another process, as far as the cache can tell."""
    made = []

    def make(directory="cache", max_size=None, min_free=0, geometry=SMALL_GEOMETRY):
        limits = Limits(None if max_size is None else Size(max_size), Size(min_free))
        cache = Cache(str(tmp_path / directory), limits, geometry=geometry, clock=clock)
        made.append(cache)
        return cache

    yield make
    for cache in made:
        cache.close()
