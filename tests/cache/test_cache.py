"""The cache as the fetcher uses it."""

from __future__ import annotations

import glob
import logging
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cache_contents import content, key_of, some_key

from cvfs.cache.cache import Cache
from cvfs.cache.limits import Limits, parse_size
from cvfs.errors import CacheError, CacheFullError

SMALL = content(1, 700)
LARGE = content(2, 10_000)
BOTH = pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])


@pytest.fixture
def cache(make_cache):
    return make_cache()


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 4096, 4097, 12_288, 50_000])
def test_what_was_put_is_read(cache, make_cache, size):
    data = content(3, size)
    assert cache.put(key_of(data), data) is True
    cache.flush()
    for reader in (cache, make_cache()):
        assert reader.state(key_of(data)) == "whole"
        assert reader.read(key_of(data), 0, size) == data
        assert reader.read(key_of(data), 0, size + 10, size=size) == data
        assert reader.read(key_of(data), size // 2, 7) == data[size // 2 : size // 2 + 7]
        assert reader.read(key_of(data), size, 10) == b""


@BOTH
def test_an_unknown_content_is_a_miss(cache, data):
    assert cache.read(some_key(1), 0, 10) is None
    assert cache.read(some_key(1), 0, 10, size=len(data)) is None
    assert cache.state(some_key(1)) == "none"


@BOTH
def test_a_content_of_another_size_than_recorded_is_a_miss(cache, data):
    cache.put(key_of(data), data)
    for size in (0, len(data) - 1, len(data) + 1, 10**12):
        assert cache.read(key_of(data), 0, 10, size=size) is None
    assert cache.read(key_of(data), 0, 10, size=len(data)) == data[:10]


@BOTH
def test_putting_again_changes_nothing(cache, make_cache, data):
    for writer in (cache, cache, make_cache()):
        assert writer.put(key_of(data), data) is True
        writer.flush()
    assert cache.usage().entries == 1


@BOTH
def test_it_survives_a_restart(make_cache, data):
    first = make_cache()
    first.put(key_of(data), data)
    first.close()
    assert make_cache().read(key_of(data), 0, len(data)) == data


@pytest.mark.parametrize("key", ["", "md5-", "md5-" + "A" * 32, "../../etc/passwd", "md5-" + "a" * 31 + "/", "x" * 36])
def test_only_keys_make_file_names(cache, key):
    for use in (
        lambda: cache.read(key, 0, 1),
        lambda: cache.put(key, b""),
        lambda: cache.state(key),
        lambda: cache.partial(key, 1),
    ):
        with pytest.raises(ValueError, match="cache key"):
            use()


def flip_every_byte(path):
    with open(path, "r+b") as file:
        data = file.read()
        file.seek(0)
        file.write(bytes(byte ^ 0xFF for byte in data))


@BOTH
def test_damaged_bytes_are_never_returned_and_can_be_put_again(make_cache, tmp_path, data):
    first = make_cache()
    first.put(key_of(data), data)
    first.close()
    for path in glob.glob(f"{tmp_path}/cache/v1/packs/*") + glob.glob(f"{tmp_path}/cache/v1/objects/*/*"):
        flip_every_byte(path)
    cache = make_cache()
    assert cache.read(key_of(data), 0, len(data)) is None
    assert cache.state(key_of(data)) == "none"
    cache.put(key_of(data), data)
    assert cache.read(key_of(data), 0, len(data)) == data
    cache.close()
    assert make_cache().read(key_of(data), 0, len(data)) == data


@BOTH
def test_deleting_everything_while_in_use_costs_downloads_only(cache, make_cache, tmp_path, data, caplog):
    cache.put(key_of(data), data)
    cache.flush()
    shutil.rmtree(tmp_path / "cache/v1")
    with caplog.at_level(logging.WARNING):
        found = cache.read(key_of(data), 0, len(data))
        assert found in {None, data}
        other = content(9, len(data))
        cache.put(key_of(other), other)
        assert cache.read(key_of(other), 0, len(other)) == other
        cache.flush()
    assert make_cache().read(key_of(other), 0, len(other)) == other


@BOTH
def test_a_read_only_directory_is_a_cache_error(cache, monkeypatch, data):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(CacheError, match="Read-only") as caught:
        cache.put(key_of(data), data)
    assert not isinstance(caught.value, CacheFullError)
    assert cache.read(key_of(data), 0, 1) is None


class FullVolume:
    """Refuses the next writes, as a full volume does."""

    def __init__(self, monkeypatch, times):
        self.left = times
        self.write = os.pwrite
        monkeypatch.setattr(os, "pwrite", self)

    def __call__(self, descriptor, data, offset):
        if self.left:
            self.left -= 1
            raise OSError(28, "No space left on device")
        return self.write(descriptor, data, offset)


@BOTH
def test_a_full_volume_evicts_and_tries_once_more(cache, monkeypatch, data):
    old = content(7, 20_000)
    cache.put(key_of(old), old)
    cache.flush()
    FullVolume(monkeypatch, times=1)
    cache.put(key_of(data), data)
    assert cache.read(key_of(data), 0, len(data)) == data
    assert cache.state(key_of(old)) == "none"


@BOTH
def test_a_volume_that_stays_full_is_told(cache, monkeypatch, data):
    FullVolume(monkeypatch, times=2)
    with pytest.raises(CacheFullError) as caught:
        cache.put(key_of(data), data)
    assert "--cache-dir" in caught.value.hint
    assert cache.read(key_of(data), 0, 1) is None


def test_usage(make_cache):
    cache = make_cache(max_size=10**6)
    cache.put(key_of(SMALL), SMALL)
    cache.put(key_of(LARGE), LARGE)
    cache.flush()
    cache.read(key_of(SMALL), 0, 1)
    cache.read(some_key(1), 0, 1)
    usage = cache.usage()
    assert (usage.limit, usage.entries, usage.hits, usage.misses, usage.evicted_bytes) == (10**6, 2, 1, 1, 0)
    assert len(SMALL) + len(LARGE) <= usage.bytes <= len(SMALL) + len(LARGE) + 8192
    assert make_cache().usage().limit is None


def test_a_share_of_the_volume_is_a_limit(tmp_path):
    cache = Cache(str(tmp_path), Limits(max_size=parse_size("10%")))
    found = os.statvfs(tmp_path)
    assert cache.usage().limit == found.f_blocks * found.f_frsize // 10
    cache.close()


def test_made_and_closed_it_has_started_nothing(tmp_path):
    before = threading.active_count()
    cache = Cache(str(tmp_path))
    assert threading.active_count() == before
    assert glob.glob(str(tmp_path / "v1/index*")) == []
    cache.close()


def test_a_process_may_fork_after_making_it(make_cache):
    cache = make_cache()
    child = os.fork()
    if child == 0:
        cache.put(key_of(SMALL), SMALL)
        cache.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert cache.read(key_of(SMALL), 0, len(SMALL)) == SMALL


def test_threads_put_and_read_together(make_cache):
    cache = make_cache(max_size=200_000)
    contents = [content(number, (number * 397) % 6000) for number in range(120)]

    def work(seed):
        for step in range(150):
            data = contents[(seed * 31 + step * 7) % len(contents)]
            found = cache.read(key_of(data), 0, len(data))
            assert found in {None, data}
            if found is None:
                cache.put(key_of(data), data)
        return True

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(6)))
    cache.flush()
    # Six writers may each be one content ahead of the sum.
    assert cache.usage().bytes <= 200_000 + 6 * (6000 + 8192)


def test_files_that_another_process_evicted_are_closed(make_cache, tmp_path):
    cache, other = make_cache(), make_cache()
    for data in (SMALL, LARGE):
        cache.put(key_of(data), data)
    cache.flush()
    for data in (SMALL, LARGE):
        assert cache.read(key_of(data), 0, 1) is not None
    other._space.evict(10**6)
    cache._writer.seal()
    cache.flush()
    other._space.evict(10**6)
    cache._sweep()
    held = [os.readlink(path) for path in glob.glob("/proc/self/fd/*") if os.path.islink(path)]
    assert [path for path in held if str(tmp_path) in path and "(deleted)" in path] == []


def test_the_file_of_a_whole_large_content_begins_with_its_bytes(cache, make_cache):
    cache.put(key_of(SMALL), SMALL)
    cache.put(key_of(LARGE), LARGE)
    with cache.opened(key_of(LARGE)) as (descriptor, size):
        shutil.rmtree(cache.directory)
        assert os.pread(descriptor, size, 0) == LARGE
    for key in (key_of(SMALL), some_key(1)):
        with cache.opened(key) as found:
            assert found is None


def test_a_large_content_that_is_not_whole_is_not_opened(cache):
    partial = cache.partial(some_key(1), 10_000)
    partial.write(0, LARGE[: partial.missing(0, 10_000)[0][1]])
    with cache.opened(some_key(1)) as found:
        assert found is None
