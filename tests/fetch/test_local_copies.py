"""What DVC has on this machine already is read from there, after a look at every byte."""

from __future__ import annotations

import hashlib
import os

import pytest

from cvfs.errors import NotPushedError
from cvfs.fetch.local_copies import LocalCopies
from cvfs.model import Content, Version

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


def legacy_content(world, data, *, pushed, size=...):
    value = hashlib.md5(data.replace(b"\r\n", b"\n")).hexdigest()
    stat = world.store.put("data/text", data)
    version = Version("up", "data/text", stat.version_id) if pushed else None
    return value, Content(len(data) if size is ... else size, None, value, version)


def test_a_legacy_copy_that_can_only_be_the_pushed_bytes_is_served(world):
    text = b"one\ntwo\n"
    value, content = legacy_content(world, text, pushed=True)
    keep(world, f"{value[:2]}/{value[2:]}", text)
    assert world.read(content) == text
    assert world.store.requests == []


def test_a_legacy_copy_whose_line_ends_may_lie_elsewhere_is_not(world):
    pushed, elsewhere = b"one\r\ntwo\n", b"one\ntwo\r\n"
    value, content = legacy_content(world, pushed, pushed=True)
    keep(world, f"{value[:2]}/{value[2:]}", elsewhere)
    assert world.read(content) == pushed
    assert len(world.store.requests) == 1


def test_a_legacy_copy_of_unknown_size_is_served_only_where_nothing_was_pushed(world):
    text = b"one\ntwo\n"
    value, content = legacy_content(world, text, pushed=True, size=None)
    keep(world, f"{value[:2]}/{value[2:]}", text)
    world.read(content, 0, 100)
    assert len(world.store.requests) == 1
    _, content = legacy_content(world, text, pushed=False, size=None)
    assert world.read(content, 0, 100) == text
    assert len(world.store.requests) == 1


@pytest.mark.parametrize("kind", ["fifo", "directory", "link to nothing", "unreadable name"])
def test_what_is_no_file_is_passed_over(world, kind):
    content = world.put(DATA)
    path = world.dvc_cache / f"files/md5/{MD5[:2]}/{MD5[2:]}"
    path.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link to nothing":
        path.symlink_to("missing")
    else:
        content = Content(len(DATA), "../../" + "0" * 26, None, None)
        with pytest.raises(NotPushedError):
            world.read(content)
        return
    assert world.read(content) == DATA


def test_each_copy_is_hashed_once(world, monkeypatch):
    keep(world, f"files/md5/{MD5[:2]}/{MD5[2:]}", DATA)
    hashed = []
    real = LocalCopies._hash
    monkeypatch.setattr(LocalCopies, "_hash", lambda self, *rest: hashed.append(1) or real(self, *rest))
    content = Content(len(DATA), MD5, None, None)
    for _ in range(3):
        assert world.read(content) == DATA
    assert hashed == [1]
