"""Which remote is asked for what."""

from __future__ import annotations

import pytest
from fakes.stores import FakeRemotes, FaultyStore
from fetch_bytes import some_bytes

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    IntegrityError,
    NotPushedError,
    RemoteError,
    TrustError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch.identity import cache_key
from cvfs.fetch.sources import Sources
from cvfs.model import Content, Version
from cvfs.stores.memory import MemoryStore

DATA = some_bytes(1000)


@pytest.fixture
def stores():
    return {name: FaultyStore(MemoryStore(name)) for name in ("recorded", "of-out", "default")}


@pytest.fixture
def sources(stores):
    return Sources(FakeRemotes(stores, default="default"))


def record(stores, where, *, remote="recorded", out_remote="of-out"):
    stat = stores[where].put("key", DATA)
    return Content(len(DATA), None, None, Version(remote, "key", stat.version_id, stat.etag), out_remote=out_remote)


def asked(stores):
    return [name for name, store in stores.items() for _ in store.requests]


def test_the_recorded_remote_is_asked_first(sources, stores):
    content = record(stores, "recorded")
    piece, key = sources.read_start(content, 5000)
    assert piece.data == DATA
    assert key == cache_key(content, "memory://recorded")
    assert asked(stores) == ["recorded"]
    assert sources.lane(content) == ("", "recorded")


@pytest.mark.parametrize("where", ["of-out", "default"])
def test_then_the_others_and_the_one_that_had_it_first_from_then_on(sources, stores, where):
    content = record(stores, where)
    assert sources.read_range(content, 10, 20) == DATA[10:20]
    before = len(asked(stores))
    assert sources.read_range(content, 20, 30) == DATA[20:30]
    assert asked(stores).count(where) == 2
    assert len(asked(stores)) == before + 1


@pytest.mark.parametrize("error", [VersionNotFoundError("gone"), AccessDeniedError("refused")])
def test_errors_after_which_another_remote_may_have_it(sources, stores, error):
    content = record(stores, "default")
    stores["recorded"].fail_next(error)
    stores["of-out"].fail_next(error)
    assert sources.read_start(content, 5000)[0].data == DATA


@pytest.mark.parametrize("error", [UnavailableError("down"), CredentialsError("none")])
def test_errors_that_end_the_search(sources, stores, error):
    content = record(stores, "default")
    stores["recorded"].fail_next(error)
    with pytest.raises(type(error)):
        sources.read_start(content, 5000)
    assert asked(stores) == ["recorded"]


def test_a_remote_that_cannot_be_used_is_passed_over(stores):
    content = record(stores, "default")
    remotes = FakeRemotes({**stores, "recorded": TrustError("not trusted")}, default="default")
    assert Sources(remotes).read_start(content, 5000)[0].data == DATA


def test_when_no_remote_has_it_the_first_one_is_quoted(sources, stores):
    content = record(stores, "default")
    stores["recorded"].fail_next(AccessDeniedError("refused"))
    stores["of-out"].fail_next(VersionNotFoundError("gone"))
    stores["default"].fail_next(VersionNotFoundError("gone, too"))
    with pytest.raises(AccessDeniedError, match="refused"):
        sources.read_start(content, 5000)


def test_a_failure_is_logged_with_store_key_and_version(sources, stores, caplog):
    content = record(stores, "recorded")
    stores["recorded"].fail_next(UnavailableError("down"))
    with caplog.at_level("DEBUG"), pytest.raises(UnavailableError):
        sources.read_start(content, 5000)
    text = caplog.text
    assert "memory://recorded" in text
    assert "'key'" in text
    assert content.version.version_id in text


def test_wrong_bytes_are_asked_for_twice_and_not_elsewhere(sources, stores):
    content = record(stores, "recorded")
    stores["recorded"].fail_next(IntegrityError("short"), times=2)
    with pytest.raises(IntegrityError):
        sources.read_start(content, 5000)
    assert asked(stores) == ["recorded"] * 2


def test_only_so_much_is_asked_for(sources, stores):
    content = record(stores, "recorded")
    piece, _ = sources.read_start(Content(None, None, None, content.version), 100)
    assert (len(piece.data), piece.stat.size) == (100, 1000)
    with pytest.raises(IntegrityError, match="1000 bytes, and 50 were recorded"):
        sources.read_start(Content(50, None, None, content.version), 100)
    assert {request.length for request in stores["recorded"].requests} == {100}


def test_never_pushed(sources, stores):
    content = Content(1, "a" * 32, None, None)
    with pytest.raises(NotPushedError, match=r"records no version of this file, .* by the hash") as caught:
        sources.read_start(content, 10)
    assert "push" in caught.value.hint
    assert "memory://default: key 'files/md5/aa/" + "a" * 30 in caught.value.message
    assert sources.known_keys(content) == ["md5-" + "a" * 32]
    assert asked(stores) == ["of-out", "default"][1:]


def test_nothing_recorded_that_could_be_asked_for(sources, stores):
    content = Content(1, None, None, None)
    for ask in (sources.lane, sources.make_stores, lambda content: sources.read_start(content, 10)):
        with pytest.raises(NotPushedError, match="records no version"):
            ask(content)
    assert asked(stores) == []


def test_keys_of_versions_are_known_once_the_stores_are_made(sources, stores):
    content = record(stores, "recorded")
    assert sources.known_keys(content) == []
    sources.make_stores(content)
    urls = [f"memory://{name}" for name in ("recorded", "of-out", "default")]
    assert sources.known_keys(content) == [cache_key(content, url) for url in urls]
    assert asked(stores) == []
    assert "memory://recorded" in sources.describe(content)


def test_without_any_usable_remote_the_first_ones_reason_is_given():
    remotes = FakeRemotes({"a": TrustError("first"), "b": RemoteError("second")}, default="b")
    content = Content(1, None, None, Version("a", "key", "1"))
    with pytest.raises(TrustError, match="first"):
        Sources(remotes).make_stores(content)
    with pytest.raises(TrustError, match="first"):
        Sources(remotes).read_start(content, 10)
    assert Sources(FakeRemotes({})).known_keys(content) == []
