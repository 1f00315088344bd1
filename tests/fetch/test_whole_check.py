"""The hash of a content whose blocks come in any order."""

from __future__ import annotations

import hashlib

import pytest
from fetch_bytes import some_bytes

from cvfs.cache.cache import Cache, Geometry
from cvfs.cache.limits import Limits, Size
from cvfs.errors import IntegrityError
from cvfs.fetch import whole_check as module
from cvfs.fetch.whole_check import WholeCheck
from cvfs.model import Content

BLOCK = 4096
DATA = some_bytes(5 * BLOCK + 9)
MD5 = hashlib.md5(DATA).hexdigest()
KEY = f"md5-{MD5}"


@pytest.fixture
def cache(tmp_path):
    cache = Cache(str(tmp_path), Limits(None, Size(0)), geometry=Geometry(1024, 65536, BLOCK))
    yield cache
    cache.close()


@pytest.fixture
def partial(cache):
    return cache.partial(KEY, len(DATA))


def check_of(partial, md5=MD5, text_md5=None):
    return WholeCheck(Content(len(DATA), md5, text_md5, None), partial, "the place")


def write(partial, *blocks):
    for number in blocks:
        partial.write(number * BLOCK, DATA[number * BLOCK : (number + 1) * BLOCK])


def test_it_hashes_as_far_as_the_blocks_go(partial, cache):
    check = check_of(partial)
    assert not check.advance()
    write(partial, 0, 1, 3)
    assert not check.advance()
    assert check.blocks == 2
    assert not check.conclude()
    assert check.blocks == 0, "what was compared cannot go on"
    write(partial, 2, 4, 5)
    assert check.conclude()
    assert cache.state(KEY) == "whole"


def test_it_takes_small_steps(partial, monkeypatch):
    monkeypatch.setattr(module, "_STEP", 2)
    check = check_of(partial)
    write(partial, *range(6))
    assert [check.advance() for _ in range(3)] == [True] * 3
    assert not check.advance()
    assert check.conclude()


@pytest.mark.parametrize("wrong", [{"md5": "0" * 32}, {"md5": None, "text_md5": "0" * 32}])
def test_a_wrong_hash_drops_everything_and_names_both(partial, cache, wrong):
    write(partial, *range(6))
    with pytest.raises(IntegrityError, match="0" * 32) as caught:
        check_of(partial, **wrong).conclude()
    assert caught.value.message.startswith("the place: ")
    if "text_md5" not in wrong:
        assert MD5 in caught.value.message
    assert cache.state(KEY) == "none"


def test_without_a_hash_it_is_enough_that_all_is_here(partial, cache):
    check = check_of(partial, md5=None)
    write(partial, 0)
    assert not check.advance()
    assert not check.conclude()
    write(partial, *range(1, 6))
    assert check.conclude()
    assert cache.state(KEY) == "whole"


def test_blocks_that_were_replaced_since_are_hashed_again(partial, cache):
    check = check_of(partial)
    partial.write(0, bytes(BLOCK))
    write(partial, 1, 2)
    assert not check.advance()
    assert check.blocks == 3
    # Another process found them wrong and fetched them again.
    partial.drop()
    write(partial, *range(6))
    assert check.conclude()
    assert cache.state(KEY) == "whole"
