"""A large content while it is being filled."""

from __future__ import annotations

import os

import pytest
from cache_contents import content, key_of

from cvfs.errors import CacheFullError

BLOCK = 4096
DATA = content(2, 5 * BLOCK + 77)
KEY = key_of(DATA)


@pytest.fixture
def cache(make_cache):
    return make_cache()


def test_it_is_filled_in_any_order_and_then_complete(cache):
    partial = cache.partial(KEY, len(DATA))
    assert partial.missing(0, len(DATA)) == [(0, len(DATA))]
    assert partial.first_missing() == 0
    partial.write(4 * BLOCK, DATA[4 * BLOCK :])
    partial.write(0, DATA[: 2 * BLOCK])
    assert partial.missing(0, len(DATA)) == [(2 * BLOCK, 4 * BLOCK)]
    assert partial.first_missing() == 2
    assert not partial.complete
    partial.write(2 * BLOCK, DATA[2 * BLOCK : 4 * BLOCK])
    assert partial.complete
    assert partial.first_missing() is None
    assert cache.read(KEY, 0, 1) is None, "nobody has verified it yet"


def test_it_becomes_whole_with_the_checksums_that_were_hashed(cache, make_cache):
    partial = cache.partial(KEY, len(DATA))
    partial.write(0, DATA)
    found = [partial.read_block(number) for number in range(6)]
    assert b"".join(data for data, _ in found) == DATA
    assert partial.read_block(6) is None
    assert cache.state(KEY) == "partial"
    assert cache.read(KEY, 0, 1) is None
    assert not partial.mark_whole([0] * 6)
    assert partial.mark_whole([checksum for _, checksum in found])
    assert cache.state(KEY) == "whole"
    assert make_cache().state(KEY) == "whole"
    assert cache.read(KEY, 0, len(DATA)) == make_cache().read(KEY, 0, len(DATA)) == DATA


@pytest.mark.parametrize(("start", "stop"), [(1, BLOCK + 1), (0, BLOCK - 1), (0, 10), (5 * BLOCK, 5 * BLOCK + 76)])
def test_only_whole_blocks_are_taken(cache, start, stop):
    partial = cache.partial(KEY, len(DATA))
    with pytest.raises(ValueError, match="whole blocks"):
        partial.write(start, DATA[start:stop])


def test_dropped_it_can_be_filled_again(cache):
    partial = cache.partial(KEY, len(DATA))
    partial.write(0, DATA)
    partial.drop()
    assert cache.state(KEY) == "none"
    assert cache.read(KEY, 0, 1) is None
    assert partial.missing(0, 1) == [(0, BLOCK)]
    partial.write(0, DATA[:BLOCK])
    assert cache.read(KEY, 0, BLOCK) == DATA[:BLOCK]


def test_deleted_by_another_process_it_is_empty_again(cache, make_cache):
    partial = cache.partial(KEY, len(DATA))
    partial.write(0, DATA)
    make_cache().partial(KEY, len(DATA)).drop()
    assert not partial.complete
    partial.write(0, DATA[:BLOCK])
    assert cache.read(KEY, 0, BLOCK) == DATA[:BLOCK]


def test_two_processes_fill_one_file(cache, make_cache):
    first, second = cache.partial(KEY, len(DATA)), make_cache().partial(KEY, len(DATA))
    first.write(0, DATA[: 3 * BLOCK])
    second.write(2 * BLOCK, DATA[2 * BLOCK :])
    assert first.complete
    assert second.complete


def test_one_that_is_larger_than_the_limit_keeps_its_latest_part(make_cache):
    cache = make_cache(max_size=64 * 1024)
    data = content(3, 200 * 1024)
    key = key_of(data)
    partial = cache.partial(key, len(data))
    for start in range(0, len(data), BLOCK):
        partial.write(start, data[start : start + BLOCK])
        assert cache.read(key, start, BLOCK) == data[start : start + BLOCK]
    cache.flush()
    assert 0 < cache.usage().bytes <= 64 * 1024
    assert not partial.complete


def test_without_any_room_it_says_so(make_cache):
    cache = make_cache(max_size=1000)
    with pytest.raises(CacheFullError) as caught:
        cache.partial(KEY, len(DATA)).write(0, DATA[:BLOCK])
    assert "--max-cache-size" in caught.value.hint


def test_a_directory_that_was_deleted_is_made_again(cache, tmp_path):
    partial = cache.partial(KEY, len(DATA))
    partial.write(0, DATA[:BLOCK])
    cache.flush()
    os.rename(tmp_path / "cache", tmp_path / "away")
    assert cache.read(KEY, 0, BLOCK) is not None
    partial.write(BLOCK, DATA[BLOCK : 2 * BLOCK])
