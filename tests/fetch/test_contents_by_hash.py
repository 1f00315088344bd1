"""What is read from where DVC keeps contents by their hash, and when."""

from __future__ import annotations

import hashlib

import pytest
from fakes.stores import FakeRemotes, FaultyStore
from fetch_bytes import some_bytes

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    NotPushedError,
    RemoteError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch.identity import cache_key
from cvfs.fetch.sources import Sources
from cvfs.model import Addressing, Content, Version
from cvfs.stores.memory import MemoryStore

DATA = some_bytes(1000)
TEXT = b"one\r\ntwo\r\n"
MD5 = hashlib.md5(DATA).hexdigest()
TEXT_MD5 = hashlib.md5(TEXT.replace(b"\r\n", b"\n")).hexdigest()
NEW, LEGACY = f"files/md5/{MD5[:2]}/{MD5[2:]}", f"{TEXT_MD5[:2]}/{TEXT_MD5[2:]}"
BY_HASH = Content(len(DATA), MD5, None, None, out_remote="up")


@pytest.fixture
def stores():
    return {name: FaultyStore(MemoryStore(name)) for name in ("up", "default")}


def sources(stores, up=Addressing.HASHES, default=Addressing.HASHES):
    return Sources(FakeRemotes(stores, "default", {"up": up, "default": default}))


def asked(stores):
    return [(name, request.key, request.version_id) for name, store in stores.items() for request in store.requests]


def test_a_hash_without_a_version_is_the_name_of_the_current_object(stores):
    stores["up"].put(NEW, DATA)
    piece, key = sources(stores).read_start(BY_HASH, 5000)
    assert (piece.data, key) == (DATA, f"md5-{MD5}")
    assert sources(stores).read_range(BY_HASH, 10, 20) == DATA[10:20]
    assert asked(stores) == [("up", NEW, None)] * 2


def test_a_legacy_hash_has_the_old_layout_and_verifies_text(stores):
    stores["up"].put(LEGACY, TEXT)
    content = Content(len(TEXT), None, TEXT_MD5, None, out_remote="up")
    of_sources = sources(stores)
    piece, key = of_sources.read_start(content, 5000)
    assert piece.data == TEXT
    assert key == cache_key(content, "memory://up")
    assert key != cache_key(content, "memory://default")
    assert key in of_sources.known_keys(content)


@pytest.mark.parametrize("content", [BY_HASH, Content(None, MD5, None, None, out_remote="up")])
def test_an_object_that_is_not_what_its_name_says_is_refused(stores, content):
    stores["up"].put(NEW, DATA[:-1] + b"!")
    stores["default"].put(NEW, DATA)
    with pytest.raises(IntegrityError, match="md5"):
        sources(stores).read_start(content, 5000)
    assert asked(stores) == [("up", NEW, None)] * 2


def test_a_worktree_remote_has_them_below_dvc(stores):
    stores["up"].put(f".dvc/{NEW}", DATA)
    assert (
        sources(stores, up=Addressing.WORKTREE, default=Addressing.WORKTREE).read_start(BY_HASH, 5000)[0].data == DATA
    )
    assert asked(stores) == [("up", f".dvc/{NEW}", None)]


def test_an_ordinary_remote_is_asked_before_one_that_was_made_version_aware(stores):
    stores["up"].put(NEW, DATA)
    assert sources(stores, up=Addressing.VERSIONS).read_start(BY_HASH, 5000)[0].data == DATA
    assert asked(stores) == [("up", NEW, None), ("default", NEW, None)]
    assert stores["default"].requests[0].start == 0


def test_which_remote_had_it_is_remembered(stores):
    stores["default"].put(NEW, DATA)
    of_sources = sources(stores)
    for start in range(3):
        assert of_sources.read_range(BY_HASH, start, 100) == DATA[start:100]
    assert [name for name, _, _ in asked(stores)] == ["up", "default", "default", "default"]


def test_what_has_a_version_is_never_the_current_object_of_its_name(stores):
    for store in stores.values():
        store.put("data/a", DATA)
    content = Content(len(DATA), MD5, None, Version("up", "data/a", "v999", None))
    with pytest.raises(VersionNotFoundError):
        sources(stores, up=Addressing.VERSIONS, default=Addressing.VERSIONS).read_start(content, 5000)
    assert asked(stores) == [("up", "data/a", "v999"), ("default", "data/a", "v999")]


def test_a_version_that_is_gone_may_still_lie_on_an_ordinary_remote(stores):
    stores["default"].put(NEW, DATA)
    content = Content(len(DATA), MD5, None, Version("up", "data/a", "v999", "another etag"))
    of_sources = sources(stores, up=Addressing.VERSIONS)
    assert of_sources.read_start(content, 5000)[0].data == DATA
    assert of_sources.read_range(content, 1, 5) == DATA[1:5]
    assert NEW in of_sources.describe(content)


def test_a_legacy_hash_does_not_prove_the_bytes_of_a_version(stores):
    stores["default"].put(LEGACY, TEXT)
    content = Content(None, None, TEXT_MD5, Version("up", "data/a", "v999", None))
    with pytest.raises(VersionNotFoundError):
        sources(stores, up=Addressing.VERSIONS).read_start(content, 5000)
    assert LEGACY not in [key for _, key, _ in asked(stores)]


def test_what_no_remote_has_was_not_pushed(stores):
    with pytest.raises(NotPushedError, match=f"memory://up: key '{NEW}'; memory://default: key '{NEW}'"):
        sources(stores).read_start(BY_HASH, 5000)
    with pytest.raises(NotPushedError, match="no remote is configured"):
        Sources(FakeRemotes({})).read_start(BY_HASH, 10)


@pytest.mark.parametrize("error", [AccessDeniedError("refused"), RemoteError("unusable"), UnavailableError("down")])
def test_an_ordinary_remote_that_did_not_say_is_not_taken_for_one_that_has_nothing(stores, error):
    stores["up"].fail_next(error)
    with pytest.raises(type(error), match=error.message):
        sources(stores).read_start(BY_HASH, 5000)


def test_a_version_aware_remote_that_refuses_has_nothing_by_the_hash(stores):
    for store in stores.values():
        store.fail_next(AccessDeniedError("without ListBucket this is how S3 says so"))
    with pytest.raises(NotPushedError):
        sources(stores, up=Addressing.VERSIONS, default=Addressing.VERSIONS).read_start(BY_HASH, 5000)
