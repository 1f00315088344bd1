"""Every way in which an answer can be another than the one recorded."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from cvfs.errors import IntegrityError
from cvfs.fetch.checks import check_range, check_whole, describe_object
from cvfs.model import Content, Version
from cvfs.stores.memory import MemoryStore
from cvfs.stores.store import Piece, Stat

DATA = b"0123456789"
MD5 = hashlib.md5(DATA).hexdigest()
CONTENT = Content(10, MD5, None, Version("up", "a", "v1", "tag"))
NO_HASH = replace(CONTENT, md5=None)
WHOLE = Piece(DATA, 0, Stat(10, "v1", "tag"))
RANGE = Piece(DATA[2:5], 2, Stat(10, "v1", "tag"))


def with_stat(piece, **changes):
    return replace(piece, stat=replace(piece.stat, **changes))


def with_version(content, **changes):
    return replace(content, version=replace(content.version, **changes))


def test_what_was_recorded_passes():
    check_whole(WHOLE, CONTENT, "here")
    check_whole(WHOLE, NO_HASH, "here")
    check_range(RANGE, CONTENT, 2, 5, "here")


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        (replace(WHOLE, data=DATA[:-1]), "9 bytes came of 10"),
        (with_stat(replace(WHOLE, data=DATA + b"!"), size=11), "10 were recorded"),
        (replace(WHOLE, start=1), "came"),
        (replace(WHOLE, data=b"x" * 10), MD5),
    ],
)
def test_a_whole_that_differs_is_refused(piece, words):
    with pytest.raises(IntegrityError, match=words) as caught:
        check_whole(piece, CONTENT, "the place")
    assert caught.value.message.startswith("the place: ")
    assert caught.value.hint


def test_the_hash_alone_decides_over_a_whole():
    # GCS changes an etag with the object's metadata; the bytes are what was recorded.
    check_whole(with_stat(WHOLE, etag="other", version_id="other"), CONTENT, "here")


@pytest.mark.parametrize("changes", [{"etag": "other"}, {"version_id": "other"}, {"size": 11}])
def test_without_a_hash_everything_that_is_known_must_agree(changes):
    with pytest.raises(IntegrityError):
        check_whole(with_stat(WHOLE, **changes), NO_HASH, "here")
    with pytest.raises(IntegrityError):
        check_range(with_stat(RANGE, **changes), CONTENT, 2, 5, "here")


@pytest.mark.parametrize(
    ("piece", "content"),
    [
        (with_stat(RANGE, etag=None), CONTENT),
        (with_stat(RANGE, version_id=None), CONTENT),
        (RANGE, with_version(CONTENT, etag=None)),
        (RANGE, replace(CONTENT, size=None)),
        (with_stat(RANGE, etag='"tag"'), CONTENT),
        (RANGE, with_version(CONTENT, etag='"tag"')),
    ],
)
def test_what_one_side_does_not_have_is_not_compared(piece, content):
    check_range(piece, content, 2, 5, "here")


@pytest.mark.parametrize("piece", [replace(RANGE, start=3), replace(RANGE, data=b"23"), replace(RANGE, data=b"2345")])
def test_a_range_must_be_exactly_the_one_asked_for(piece):
    with pytest.raises(IntegrityError, match="bytes 2 to 5 were asked for"):
        check_range(piece, CONTENT, 2, 5, "here")


def test_a_legacy_hash_decides_like_any_other():
    text = b"a\r\nb"
    piece = Piece(text, 0, Stat(4, "v1", None))
    legacy = Content(4, None, hashlib.md5(b"a\nb").hexdigest(), CONTENT.version)
    check_whole(piece, legacy, "here")
    with pytest.raises(IntegrityError, match="md5-dos2unix"):
        check_whole(piece, replace(legacy, text_md5=hashlib.md5(text).hexdigest()), "here")


def test_messages_name_store_key_and_version():
    assert describe_object(MemoryStore("m"), "a", "v1") == "memory://m: key 'a', version v1"
    assert describe_object(MemoryStore("m"), "files/md5/ab/cd", None) == "memory://m: key 'files/md5/ab/cd'"
