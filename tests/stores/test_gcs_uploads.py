"""What an upload to Google Cloud Storage sends, and what becomes of it when something goes wrong on the way."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gcs_harness import gcs_store
from servers.gcs import Gcs
from servers.gcs_http import Request
from servers.scripted import Answer

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    KeyTakenError,
    SourceChangedError,
    StoreError,
    UnavailableError,
)
from cvfs.stores.gcs.uploading import CHUNK_SIZE, WHOLE_SIZE
from cvfs.stores.retry import Retries
from cvfs.stores.store import WatchedFile

#: Three chunks, the last one of odd size.
LARGE = os.urandom(1 << 20) * 40 + b"end"
MD5 = hashlib.md5(LARGE).hexdigest()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have chunks tried again at once."""
    monkeypatch.setattr("cvfs.stores.gcs.plain.Retries", lambda: Retries(sleep=lambda _: None))


def is_chunk(request: Request) -> bool:
    return request.method == "PUT" and "upload_id" in request.query


def chunks(gcs: Gcs, since: int) -> list[str]:
    return [one.headers["content-range"] for one in gcs.received(since) if is_chunk(one)]


def failing(number: int, answer: Answer) -> Callable[[Request], Answer | None]:
    """Answer the chunk with that number, from 1, with ``answer``."""
    seen = 0

    def intercept(request: Request) -> Answer | None:
        nonlocal seen
        seen += is_chunk(request)
        return answer if is_chunk(request) and seen == number else None

    return intercept


@pytest.mark.parametrize("size", [0, 5, WHOLE_SIZE])
def test_small_upload_is_one_request_with_its_md5(gcs: Gcs, size: int) -> None:
    data = os.urandom(size)
    store = gcs_store(gcs, gcs.make_bucket())
    store.check()
    mark = gcs.mark()
    store.put("a", data)
    (request,) = gcs.received(mark)
    assert request.query["uploadType"] == "multipart"
    assert base64.b64encode(hashlib.md5(data).digest()) in request.body


def test_large_upload_is_a_session_of_chunks_with_its_md5(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    store.check()
    mark = gcs.mark()
    store.put("a", LARGE, md5=MD5)
    begin, *sent = gcs.received(mark)
    assert json.loads(begin.body)["md5Hash"] == base64.b64encode(bytes.fromhex(MD5)).decode()
    assert begin.headers["x-upload-content-length"] == str(len(LARGE))
    assert chunks(gcs, mark) == [
        f"bytes 0-{CHUNK_SIZE - 1}/{len(LARGE)}",
        f"bytes {CHUNK_SIZE}-{2 * CHUNK_SIZE - 1}/{len(LARGE)}",
        f"bytes {2 * CHUNK_SIZE}-{len(LARGE) - 1}/{len(LARGE)}",
    ]
    assert sent[-1].headers["x-goog-hash"] == f"md5={base64.b64encode(bytes.fromhex(MD5)).decode()}"


def test_large_upload_takes_little_memory(gcs: Gcs, tmp_path: Path) -> None:
    path = tmp_path / "source"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    store = gcs_store(gcs, gcs.make_bucket())

    def kept_nothing(request: Request) -> Answer | None:
        # The server of the tests is in this process: what it would keep must not be counted.
        if not is_chunk(request):
            return None
        end = int(request.headers["content-range"].partition("-")[2].partition("/")[0])
        if end + 1 < 200 << 20:
            return Answer(308, headers={"Range": f"bytes=0-{end}"})
        return Answer(200, json.dumps({"size": str(200 << 20), "generation": "17", "etag": "CBE="}).encode())

    store.check()
    tracemalloc.start()
    try:
        with gcs.intercepted(kept_nothing):
            stat = store.put("a", path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (stat.size, stat.version_id) == (200 << 20, "17")
    # A chunk as it was read, as it is sent, and as the server has received it.
    assert peak < 5 * CHUNK_SIZE


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("answer", [Answer(503), Answer(429), Answer(reset=True)], ids=["503", "429", "reset"])
def test_chunk_that_fails_for_a_moment_is_sent_again_alone(gcs: Gcs, number: int, answer: Answer) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    mark = gcs.mark()
    with gcs.intercepted(failing(number, answer)):
        stat = store.put("a", LARGE, md5=MD5)
    assert store.read("a", str(stat.version_id)).data == LARGE
    ranges = chunks(gcs, mark)
    # It asks what the server has, and sends that chunk once more.
    assert ranges.count(f"bytes */{len(LARGE)}") == 1
    assert ranges[number - 1] == ranges[number + 1]
    assert len(ranges) == 5
    assert len(gcs.versions(store._options.bucket)) == 1


def test_lost_answer_to_the_last_chunk_makes_no_second_version(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    answered: list[Answer] = []

    def lose_answer(request: Request) -> Answer | None:
        if is_chunk(request) and "x-goog-hash" in request.headers and not answered:
            answered.append(gcs.json.answer(request))
            return Answer(reset=True)
        return None

    with gcs.intercepted(lose_answer):
        stat = store.put("a", LARGE)
    assert answered[0].status == 200
    assert gcs.versions(store._options.bucket) == [("a", stat.version_id, LARGE)]


def test_upload_goes_on_where_the_server_kept_a_part_of_a_chunk(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    gcs.json.uploads.persist_at_most = 10 << 20
    stat = store.put("a", LARGE, md5=MD5)
    assert store.read("a", str(stat.version_id)).data == LARGE


def test_server_that_keeps_nothing_is_given_up(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    gcs.json.uploads.persist_at_most = 0
    with pytest.raises(UnavailableError, match=r"kept nothing.*6 tries"):
        store.put("a", LARGE)
    assert gcs.json.uploads.unfinished(store._options.bucket) == 0


def test_upload_that_fails_is_cancelled(gcs: Gcs, tmp_path: Path) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    mark = gcs.mark()
    with pytest.raises(SourceChangedError):
        store.put("a", LARGE, md5=hashlib.md5(b"announced").hexdigest())
    assert [one.method for one in gcs.received(mark)][-1] == "DELETE"
    assert gcs.json.uploads.unfinished(store._options.bucket) == 0
    assert gcs.versions(store._options.bucket) == []


def test_progress_that_raises_ends_the_upload(gcs: Gcs, tmp_path: Path) -> None:
    class EndedError(Exception):
        pass

    path = tmp_path / "large"
    path.write_bytes(LARGE)
    told: list[int] = []

    def watch(count: int) -> None:
        told.append(count)
        if len(told) == 2:
            raise EndedError

    store = gcs_store(gcs, gcs.make_bucket())
    with pytest.raises(EndedError):
        store.put("a", WatchedFile(path, watch))
    assert told == [CHUNK_SIZE, CHUNK_SIZE, -2 * CHUNK_SIZE]
    assert gcs.json.uploads.unfinished(store._options.bucket) == 0


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_bytes_damaged_on_their_way_are_not_stored(gcs: Gcs, data: bytes) -> None:
    store = gcs_store(gcs, gcs.make_bucket())

    def damage(request: Request) -> Answer | None:
        if request.query.get("uploadType") == "multipart":
            return gcs.json.answer(damaged(request, b"small", b"smell"))
        if is_chunk(request) and "x-goog-hash" in request.headers:
            return gcs.json.answer(damaged(request, b"end", b"and"))
        return None

    with gcs.intercepted(damage), pytest.raises(IntegrityError, match="other bytes than those sent"):
        store.put("a", data)
    assert gcs.versions(store._options.bucket) == []


def damaged(request: Request, old: bytes, new: bytes) -> Request:
    assert old in request.body
    fields = ("method", "target", "segments", "query", "headers", "body", "base")
    values: dict[str, Any] = {name: getattr(request, name) for name in fields}
    return Request(**{**values, "body": request.body.replace(old, new)})


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_answer_that_tells_of_other_bytes_is_an_error_and_deletes_nothing(gcs: Gcs, data: bytes) -> None:
    store = gcs_store(gcs, gcs.make_bucket())

    def lie(request: Request) -> Answer | None:
        if not request.target.startswith("/upload/"):
            return None
        answer = gcs.json.answer(request)
        if answer.status != 200 or not answer.body:
            return answer
        other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        return Answer(200, json.dumps({**json.loads(answer.body), "md5Hash": other}).encode())

    mark = gcs.mark()
    with gcs.intercepted(lie), pytest.raises(IntegrityError, match="other bytes"):
        store.put("a", data)
    assert gcs.requests("DELETE", mark) == []
    assert len(gcs.versions(store._options.bucket)) == 1


def test_key_that_is_taken_while_a_large_upload_goes_on(gcs: Gcs) -> None:
    bucket = gcs.make_bucket()
    store = gcs_store(gcs, bucket)
    other = gcs_store(gcs, bucket)

    def take(request: Request) -> Answer | None:
        if is_chunk(request) and "x-goog-hash" in request.headers:
            gcs.intercept = lambda _: None
            other.put("a", b"first")
        return None

    with gcs.intercepted(take), pytest.raises(KeyTakenError):
        store.put("a", LARGE, create_only=True)
    assert [data for _, _, data in gcs.versions(bucket)] == [b"first"]


def test_denied_upload_names_the_permission(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket(), credentialpath=str(gcs.account("objects.get", "objects.list")))
    for data in (b"x", LARGE):
        with pytest.raises(AccessDeniedError) as caught:
            store.put("a", data)
        assert "storage.objects.create" in str(caught.value.hint)


@pytest.mark.parametrize("key", ["new\nline", "x" * 1100])
def test_name_that_no_object_can_have(gcs: Gcs, key: str) -> None:
    bucket = gcs.make_bucket()
    store = gcs_store(gcs, bucket)
    for data in (b"x", LARGE):
        with pytest.raises(StoreError, match="not valid"):
            store.put(key, data)
    assert gcs.versions(bucket) == []
