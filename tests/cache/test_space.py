"""The cache stays within its limits, and gives up first what has not been used for longest."""

from __future__ import annotations

import logging
import os
import sqlite3

import pytest
from cache_contents import content, key_of, some_key

from cvfs.cache import space as module
from cvfs.cache.cache import Geometry
from cvfs.cache.index import Index
from cvfs.cache.open_files import OpenFiles
from cvfs.cache.volume import Room
from cvfs.errors import CacheFullError

LIMIT = 256 * 1024
#: Larger than a pack takes: a file each.
OBJECT = 8 * 1024


def put(cache, number, size=OBJECT):
    data = content(number, size)
    cache.put(key_of(data), data)
    return key_of(data)


def on_disk(tmp_path):
    found = 0
    for folder in ("packs", "objects"):
        for path, _, names in os.walk(tmp_path / "cache/v1" / folder):
            found += sum(os.stat(os.path.join(path, name)).st_blocks * 512 for name in names)
    return found


def test_large_contents_are_evicted_in_the_order_of_their_last_use(make_cache, tmp_path):
    cache = make_cache(max_size=LIMIT)
    keys = []
    for number in range(60):
        keys.append(put(cache, number))
        cache.flush()
        assert cache.read(keys[0], 0, 1) is not None, f"the one that is always read went with number {number}"
    cache.flush()
    assert cache.usage().bytes <= LIMIT
    assert on_disk(tmp_path) <= LIMIT
    here = [cache.state(key) == "whole" for key in keys]
    assert here[0]
    assert here[-1]
    assert here[1:] == sorted(here[1:])
    assert 10 < sum(here) < 40
    assert cache.usage().evicted_bytes > 0


def test_packs_are_evicted_whole_and_the_one_being_written_last(make_cache, tmp_path):
    cache = make_cache(max_size=LIMIT)
    keys = [put(cache, number, 1000) for number in range(1000)]
    cache.flush()
    assert cache.usage().bytes <= LIMIT
    # Files take up whole pages, which counts for something with packs as small as these.
    assert on_disk(tmp_path) <= LIMIT * 1.3
    here = [cache.state(key) == "whole" for key in keys]
    assert here == sorted(here)
    assert 100 < sum(here) < 256


def test_packs_and_large_contents_share_the_limit(make_cache):
    cache = make_cache(max_size=LIMIT)
    small = [put(cache, number, 1000) for number in range(100)]
    cache.flush()
    for number in range(100):
        put(cache, number)
    cache.flush()
    assert cache.usage().bytes <= LIMIT
    # But for the pack that is still being written, with less than twenty in it.
    assert all(cache.state(key) == "none" for key in small[:-20])


def test_a_second_process_keeps_the_limit_too(make_cache):
    first, second = make_cache(max_size=LIMIT), make_cache(max_size=LIMIT)
    for number in range(0, 100, 2):
        put(first, number)
        put(second, number + 1)
    first.flush()
    second.flush()
    assert first.usage().bytes == second.usage().bytes <= LIMIT


def test_a_content_larger_than_the_cache_is_not_kept_and_evicts_nothing(make_cache):
    cache = make_cache(max_size=LIMIT)
    key = put(cache, 1)
    big = content(2, LIMIT + 1)
    assert cache.put(key_of(big), big) is False
    assert cache.state(key_of(big)) == "none"
    assert cache.state(key) == "whole"


def test_nothing_at_all_may_be_kept(make_cache):
    cache = make_cache(max_size=0)
    assert cache.put(some_key(1), b"x") is False
    assert cache.read(some_key(1), 0, 1) is None


class Volume:
    """A volume of a megabyte, of which other programs use what the test says."""

    def __init__(self, tmp_path):
        self.tmp_path = tmp_path
        self.others = 0

    def room(self, path):
        return Room(1_000_000, 1_000_000 - self.others - on_disk(self.tmp_path))


@pytest.fixture
def volume(monkeypatch, tmp_path):
    volume = Volume(tmp_path)
    monkeypatch.setattr(module, "room", volume.room)
    return volume


def test_free_space_is_kept(make_cache, volume, monkeypatch):
    monkeypatch.setattr(module, "_PERIOD", 0.0)
    cache = make_cache(min_free=100_000)
    keys = [put(cache, number) for number in range(10)]
    cache.flush()
    volume.others = 860_000
    keys.append(put(cache, 10))
    here = [cache.state(key) == "whole" for key in keys]
    assert not here[0]
    assert here[-1]
    assert here == sorted(here)
    assert volume.room("").free >= 100_000


def test_where_others_fill_the_volume_the_cache_says_so_and_keeps_nothing(make_cache, volume):
    cache = make_cache(min_free=100_000)
    volume.others = 950_000
    data = content(1, OBJECT)
    with pytest.raises(CacheFullError) as caught:
        cache.put(key_of(data), data)
    assert "--min-free-space" in caught.value.hint
    assert cache.state(key_of(data)) == "none"


def test_what_is_being_read_is_passed_over(make_cache, monkeypatch):
    cache = make_cache(max_size=LIMIT)
    first = put(cache, 0)
    cache.flush()
    real = OpenFiles.in_use
    monkeypatch.setattr(OpenFiles, "in_use", lambda files, name: name == first or real(files, name))
    for number in range(1, 80):
        put(cache, number)
    assert cache.state(first) == "whole"


def test_a_pack_of_a_living_writer_is_passed_over(make_cache):
    geometry = Geometry(pack_limit=1024, pack=1024 * 1024, block=4096)
    writer, other = make_cache(), make_cache(max_size=LIMIT, geometry=geometry)
    small = [put(writer, number, 1000) for number in range(5)]
    writer.flush()
    for number in range(100):
        put(other, number)
    other.flush()
    assert all(writer.state(key) == "whole" for key in small)
    writer.close()
    for number in range(100, 200):
        put(other, number)
    other.flush()
    assert all(other.state(key) == "none" for key in small)


def test_the_sum_is_not_asked_for_on_each_addition(make_cache, monkeypatch):
    monkeypatch.setattr(module, "_PERIOD", 3600.0)
    cache = make_cache(max_size=10**9)
    put(cache, 0)
    asked = []
    monkeypatch.setattr(module, "room", lambda path: asked.append(path) or Room(10**12, 10**12))
    monkeypatch.setattr(module.Space, "limit", lambda self: 10**9)
    for number in range(1, 200):
        put(cache, number, 1000)
    assert asked == []


def test_an_index_that_cannot_be_written_does_not_stop_eviction(make_cache, tmp_path, monkeypatch, caplog):
    cache = make_cache(max_size=LIMIT)
    keys = [put(cache, number) for number in range(20)]
    cache.flush()

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    before = on_disk(tmp_path)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Index, "remove", full)
        cache._space.evict(50_000)
        cache._space.evict(50_000)
    assert on_disk(tmp_path) <= before - 100_000
    assert caplog.text.count("evicting by date") == 1
    here = [cache.read(key, 0, 1) is not None for key in keys]
    assert 0 < sum(here) < 20
    assert here == sorted(here)


def test_files_that_were_evicted_are_closed(make_cache):
    cache = make_cache(max_size=LIMIT)
    key = put(cache, 1)
    assert cache.read(key, 0, 1) is not None
    held = len(os.listdir("/proc/self/fd"))
    cache._space.evict(LIMIT)
    assert cache.state(key) == "none"
    assert len(os.listdir("/proc/self/fd")) < held
