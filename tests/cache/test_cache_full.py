"""A volume that is really full: a small tmpfs, which only root can mount."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

import pytest
from cache_contents import content, key_of

from cvfs.cache.cache import Cache, Geometry
from cvfs.cache.limits import Limits, Size
from cvfs.errors import CacheFullError

VOLUME = 2 * 1024 * 1024
GEOMETRY = Geometry(pack_limit=8 * 1024, pack=128 * 1024, block=16 * 1024)


@pytest.fixture
def volume(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    place = tmp_path / "volume"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={VOLUME},mode=0700", "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def open_cache(volume):
    opened = []

    def make(min_free=0):
        opened.append(Cache(str(volume / "cache"), Limits(None, Size(min_free)), geometry=GEOMETRY))
        return opened[-1]

    yield make
    for cache in opened:
        cache.close()


def fill_up(path):
    """Take all that is left of the volume, as other programs do."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass


def put_and_read(cache, numbers):
    kept = 0
    for number in numbers:
        data = content(number, 5000 if number % 2 else 60_000)
        with suppress(CacheFullError):
            cache.put(key_of(data), data)
        found = cache.read(key_of(data), 0, len(data))
        assert found in {None, data}
        kept += found is not None
    return kept


def test_more_than_fits_goes_through_a_full_volume(open_cache):
    cache = open_cache()
    assert put_and_read(cache, range(150)) >= 140
    assert cache.usage().evicted_bytes > 0


def test_a_volume_that_others_filled_costs_the_cache_and_no_error_but_its_own(open_cache, volume):
    cache = open_cache()
    put_and_read(cache, range(20))
    fill_up(volume / "others")
    put_and_read(cache, range(20, 40))
    (volume / "others").unlink()
    assert put_and_read(cache, range(40, 60)) == 20


def test_a_partly_written_large_content_goes_on_when_there_is_room_again(open_cache, volume):
    cache = open_cache()
    data = content(1, 400_000)
    partial = cache.partial(key_of(data), len(data))
    partial.write(0, data[: 4 * GEOMETRY.block])
    fill_up(volume / "others")
    refused = content(2, 60_000)
    with pytest.raises(CacheFullError) as caught:
        cache.put(key_of(refused), refused)
    assert caught.value.hint
    (volume / "others").unlink()
    for start in range(0, len(data), GEOMETRY.block):
        partial.write(start, data[start : start + GEOMETRY.block])
    assert partial.complete
    assert b"".join(partial.read_block(number)[0] for number in range(25)) == data


def test_free_space_is_kept_on_a_real_volume(open_cache, volume):
    cache = open_cache(min_free=VOLUME // 2)
    put_and_read(cache, range(100))
    found = os.statvfs(volume)
    assert found.f_bavail * found.f_frsize >= VOLUME // 2 - 200_000
