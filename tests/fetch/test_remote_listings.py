"""Listings fetched from remotes: the right bytes, or a reason."""

from __future__ import annotations

import hashlib

import pytest
from fakes.stores import FakeRemotes, FaultyStore

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    IntegrityError,
    RemoteError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch import listings as module
from cvfs.fetch.listings import RemoteListings
from cvfs.model import Addressing
from cvfs.stores.memory import MemoryStore

TEXT = b'[{"md5": "0123456789abcdef0123456789abcdef", "relpath": "a"}]' * 100
MD5 = hashlib.md5(TEXT).hexdigest()
NAME = f"{MD5[:2]}/{MD5[2:]}.dir"


@pytest.fixture
def stores():
    return {name: FaultyStore(MemoryStore(name)) for name in ("up", "default")}


def fetch(stores, directory, *, legacy=False, addressing=Addressing.HASHES):
    remotes = FakeRemotes(stores, "default", dict.fromkeys(stores, addressing))
    with RemoteListings(remotes, str(directory)).fetch("", "up", MD5, legacy=legacy) as file:
        return file.read()


@pytest.mark.parametrize(
    ("key", "legacy", "addressing"),
    [
        (f"files/md5/{NAME}", False, Addressing.HASHES),
        (f"files/md5/{NAME}", False, Addressing.VERSIONS),
        (f".dvc/files/md5/{NAME}", False, Addressing.WORKTREE),
        (f"files/md5/{NAME}", False, Addressing.WORKTREE),
        (NAME, True, Addressing.HASHES),
        (NAME, True, Addressing.VERSIONS),
    ],
)
@pytest.mark.parametrize("where", ["up", "default"])
def test_listing_is_read_from_where_dvc_puts_it(stores, tmp_path, key, legacy, addressing, where):
    stores[where].put(key, TEXT)
    assert fetch(stores, tmp_path, legacy=legacy, addressing=addressing) == TEXT
    assert list(tmp_path.iterdir()) == []


def test_large_listing_comes_in_pieces(stores, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 1000)
    stores["up"].put(f"files/md5/{NAME}", TEXT)
    assert fetch(stores, tmp_path) == TEXT
    assert [request.start for request in stores["up"].requests] == list(range(0, len(TEXT), 1000))


@pytest.mark.parametrize("text", [b"", TEXT[:-1], TEXT + b" "])
def test_bytes_that_are_not_what_the_name_says_are_refused(stores, tmp_path, text):
    stores["up"].put(f"files/md5/{NAME}", text)
    with pytest.raises(IntegrityError):
        fetch(stores, tmp_path)


def test_a_listing_too_large_to_be_one_is_not_fetched(stores, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", len(TEXT) - 1)
    monkeypatch.setattr(module, "_PIECE", 10)
    stores["up"].put(f"files/md5/{NAME}", TEXT)
    with pytest.raises(IntegrityError, match="no listing"):
        fetch(stores, tmp_path)
    assert len(stores["up"].requests) == 1


def test_no_remote_has_it(stores, tmp_path):
    with pytest.raises(VersionNotFoundError):
        fetch(stores, tmp_path)
    assert [len(store.requests) for store in stores.values()] == [1, 1]


def test_a_refusal_is_told_rather_than_that_another_remote_has_nothing(stores, tmp_path):
    stores["default"].fail_next(AccessDeniedError("refused"))
    with pytest.raises(AccessDeniedError, match="refused"):
        fetch(stores, tmp_path)


@pytest.mark.parametrize("error", [UnavailableError("down"), CredentialsError("none"), RemoteError("unusable")])
def test_a_remote_that_gave_no_answer_is_not_asked_again(stores, tmp_path, error):
    stores["up"].fail_next(error)
    remote_listings = RemoteListings(FakeRemotes({"up": stores["up"]}), str(tmp_path))
    for _ in range(3):
        with pytest.raises(type(error), match=error.message):
            remote_listings.fetch("", None, MD5, legacy=False)
    assert len(stores["up"].requests) == 1
