"""Answers that claim success and are not what was asked for, and those that never come to an end."""

from __future__ import annotations

import threading

import pytest
from harness import s3_store
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import IntegrityError, StoreError, UnavailableError

KEYS = pytest.mark.parametrize("key", ["plain", "tab\tb"], ids=["obstore", "botocore"])
DATA = b"0123456789"


def whole(body: bytes = DATA, version: str = "v1", **more: object) -> Answer:
    headers = {"ETag": '"abc"', "x-amz-version-id": version, "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    return Answer(200, body, headers, **more)


def part(body: bytes, content_range: str | None) -> Answer:
    answer = whole(body)
    headers = dict(answer.headers) | ({} if content_range is None else {"Content-Range": content_range})
    return Answer(206, body, headers)


def store_at(server: ScriptedServer, **options: object):
    return s3_store(server.endpoint, access_key_id="key", secret_access_key="secret", **options)


@KEYS
def test_good_answers_are_taken(scripted: ScriptedServer, key: str) -> None:
    scripted.always(whole())
    piece = store_at(scripted).read(key, "v1")
    assert (piece.data, piece.stat.size, piece.stat.version_id, piece.stat.etag) == (DATA, 10, "v1", "abc")
    scripted.always(part(b"234", "bytes 2-4/10"))
    assert store_at(scripted).read(key, "v1", 2, 3).data == b"234"
    assert scripted.received[-1].headers["range"] == "bytes=2-4"


@KEYS
@pytest.mark.parametrize(
    "answer",
    [
        whole(),
        part(b"345", "bytes 3-5/10"),
        part(b"23", "bytes 2-3/10"),
        part(b"234", None),
        part(b"234", "bytes 2-4/*"),
        part(b"234567", "bytes 2-4/10"),
        part(b"2345", "bytes 2-5/10"),
        part(b"", "bytes 2-4/10"),
    ],
    ids=["whole", "later", "shorter", "no-range", "no-size", "more-body", "longer", "no-body"],
)
def test_answer_that_is_not_the_range_asked_for(scripted: ScriptedServer, key: str, answer: Answer) -> None:
    scripted.always(answer)
    with pytest.raises(IntegrityError):
        store_at(scripted).read(key, "v1", 2, 3)


@KEYS
def test_answer_of_another_version(scripted: ScriptedServer, key: str) -> None:
    scripted.always(whole(version="v2"))
    with pytest.raises(IntegrityError, match="'v1', got 'v2'"):
        store_at(scripted).read(key, "v1")


@KEYS
def test_answer_without_a_version_is_taken(scripted: ScriptedServer, key: str) -> None:
    scripted.always(Answer(200, DATA, {"ETag": '"abc"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}))
    assert store_at(scripted).read(key, "null").data == DATA


@KEYS
@pytest.mark.parametrize("answer", [whole(cut=4), whole(reset=True)], ids=["cut", "reset"])
def test_connection_that_breaks_is_worth_another_try(scripted: ScriptedServer, key: str, answer: Answer) -> None:
    scripted.always(answer)
    with pytest.raises(UnavailableError):
        store_at(scripted).read(key, "v1")


@KEYS
def test_silent_store_is_given_up(scripted: ScriptedServer, key: str) -> None:
    done = threading.Event()
    scripted.always(whole(wait=done))
    try:
        with pytest.raises(UnavailableError, match="in time"):
            store_at(scripted, read_timeout=0.2).read(key, "v1")
    finally:
        done.set()


@KEYS
def test_range_of_an_empty_object_is_nothing(scripted: ScriptedServer, key: str) -> None:
    refused = Answer(416, b"<Error><Code>InvalidRange</Code></Error>")
    scripted.answer = lambda request: refused if "range" in request.headers else whole(b"")
    assert store_at(scripted).read(key, "v1", 0, 4096).data == b""
    assert [request.method for request in scripted.received] == ["GET", "GET"]
    scripted.answer = lambda request: refused if "range" in request.headers else whole()
    with pytest.raises(IntegrityError):
        store_at(scripted).read(key, "v1", 0, 4096)


def test_nobody_listens() -> None:
    store = s3_store("http://127.0.0.1:9", access_key_id="key", secret_access_key="secret")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        store.read("plain", "v1")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        store.stat("plain", "v1")


def test_what_no_request_can_say_is_told(scripted: ScriptedServer) -> None:
    def answer(request: Received) -> Answer:
        return Answer(200, b"", {"Content-Length": "ten"})

    scripted.answer = answer
    with pytest.raises(StoreError):
        store_at(scripted).read("plain", "v1")
