"""What DVC has on this machine already is read from there, after a look at every byte."""

from __future__ import annotations

import hashlib

import pytest

from cvfs.errors import NotPushedError
from cvfs.model import Content

DATA = b"in DVC's own cache\n"
MD5 = hashlib.md5(DATA).hexdigest()


def keep(world, path, data):
    file = world.dvc_cache / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def test_a_copy_in_dvcs_cache_costs_no_request_and_no_place_in_ours(world):
    content = world.put(DATA)
    keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", DATA)
    assert world.read(content) == DATA
    assert world.fetcher.read_now(content, 3, 4) == DATA[3:7]
    assert world.store.requests == []
    assert world.cache.usage().entries == 0


def test_a_file_that_was_never_pushed_is_read_from_dvcs_cache(world):
    keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", DATA)
    assert world.read(Content(len(DATA), MD5, None, None)) == DATA


@pytest.mark.parametrize("damaged", [b"x" * len(DATA), DATA[:-1], b""])
def test_a_damaged_copy_is_passed_over(world, damaged):
    content = world.put(DATA)
    keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", damaged)
    assert world.read(content) == DATA
    assert len(world.store.requests) == 1


def test_a_copy_that_changes_after_it_was_verified_is_not_served(world):
    content = Content(len(DATA), MD5, None, None)
    file = keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", DATA)
    assert world.read(content) == DATA
    file.unlink()
    keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", b"y" * len(DATA))
    assert world.fetcher.read_now(content, 0, 5) is None
    with pytest.raises(NotPushedError):
        world.read(content)


def test_dvc_2s_layout_and_hash_are_known(world):
    text = b"one\r\ntwo\r\n"
    legacy = hashlib.md5(b"one\ntwo\n").hexdigest()
    keep(world, f"{legacy[:2]}/{legacy[2:]}", text)
    assert world.read(Content(len(text), None, legacy, None)) == text
