"""Uploads to S3: which requests they take, what those carry, and what their answers may not say."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import s3_store
from servers.moto import Moto
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import (
    AccessDeniedError,
    CvfsError,
    IntegrityError,
    KeyTakenError,
    SourceChangedError,
    StoreError,
    VersioningOffError,
)
from cvfs.stores.s3.link import FAST_SIZE

KEY = {"access_key_id": "key", "secret_access_key": "secret"}
PART = 16 << 20
STORED = {"ETag": '"e"', "x-amz-version-id": "v1"}
#: An option that obstore does not know, so that botocore uploads.
ACL = {"acl": "bucket-owner-full-control"}
CUSTOMERS = {"sse_customer_key": b"k" * 32}

LIBRARIES = pytest.mark.parametrize("options", [{}, ACL], ids=["obstore", "botocore"])


def md5_header(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def part_number(request: Received) -> str | None:
    found = re.search(r"partNumber=(\d+)", request.target)
    return found and found[1]


def kinds(server: ScriptedServer) -> list[str]:
    return [f"{request.method} {request.target.removeprefix('/bucket/')}" for request in server.received]


def parts_server(
    *, version: str | None = "v1", part: Callable[[Received], Answer] | None = None
) -> Callable[..., Answer]:
    """Play a server that takes one upload in parts; ``part`` answers the requests with a part."""
    named = {} if version is None else {"x-amz-version-id": version}

    def answer(request: Received) -> Answer:
        if request.method == "PUT":
            return part(request) if part else Answer(200, headers={"ETag": '"part"'})
        if request.target.endswith("?uploads"):
            return Answer(
                200, b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>"
            )
        if request.method == "POST":
            return Answer(
                200, b"<CompleteMultipartUploadResult><ETag>whole-2</ETag></CompleteMultipartUploadResult>", named
            )
        return Answer(204)

    return answer


def test_small_upload_is_one_put_with_a_signed_checksum(scripted: ScriptedServer) -> None:
    scripted.always(Answer(200, headers=STORED))
    stat = s3_store(scripted.endpoint, **KEY).put("a b", b"data")
    assert (stat.size, stat.version_id, stat.etag) == (4, "v1", "e")
    (request,) = scripted.received
    assert (request.method, request.target) == ("PUT", "/bucket/a%20b")
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(b"data").hexdigest()
    assert "x-amz-content-sha256" in request.headers["authorization"]
    # DVC sends none either, and S3 makes it binary/octet-stream.
    assert "content-type" not in request.headers


@pytest.mark.parametrize(("options", "key"), [(ACL, "a"), (CUSTOMERS, "a"), ({}, "tab\tb"), ({"anonymous": True}, "a")])
def test_upload_that_obstore_cannot_make_is_one_put_with_its_md5(
    scripted: ScriptedServer, options: dict[str, Any], key: str
) -> None:
    scripted.always(Answer(200, headers=STORED))
    s3_store(scripted.endpoint, **KEY, **options).put(key, b"data")
    (request,) = scripted.received
    assert request.headers["content-md5"] == md5_header(b"data")
    assert "expect" not in request.headers
    assert "content-type" not in request.headers


@pytest.mark.parametrize(("size", "library"), [(FAST_SIZE, "obstore"), (FAST_SIZE + 1, "botocore"), (PART, "botocore")])
def test_only_small_uploads_go_through_obstore(scripted: ScriptedServer, size: int, library: str) -> None:
    scripted.always(Answer(200, headers=STORED))
    s3_store(scripted.endpoint, **KEY).put("a", b"x" * size)
    (request,) = scripted.received
    assert ("content-md5" in request.headers) == (library == "botocore")


def test_upload_carries_the_options_of_the_remote(scripted: ScriptedServer) -> None:
    scripted.answer = parts_server(part=lambda _: Answer(200, headers=STORED))
    sse = {"sse": "aws:kms", "sse_kms_key_id": "the-key"}
    for data in (b"x", b"x" * (PART + 1)):
        scripted.received.clear()
        for options in ({**sse, **ACL}, {"grants": (("GrantRead", "id=1"),)}, CUSTOMERS):
            s3_store(scripted.endpoint, **options, **KEY).put("a", data)
        creating = [request.headers for request in scripted.received if "uploadId" not in request.target]
        with_acl, with_grant, with_key = creating
        assert with_acl["x-amz-server-side-encryption"] == "aws:kms"
        assert with_acl["x-amz-server-side-encryption-aws-kms-key-id"] == "the-key"
        assert with_acl["x-amz-acl"] == "bucket-owner-full-control"
        assert with_grant["x-amz-grant-read"] == "id=1"
        assert with_key["x-amz-server-side-encryption-customer-algorithm"] == "AES256"
        # The customer's key goes with the parts as well.
        parts = [request.headers for request in scripted.received[-3:] if part_number(request)]
        assert len(parts) == (2 if len(data) > PART else 0)
        assert all("x-amz-server-side-encryption-customer-key" in headers for headers in parts)


def test_large_upload_goes_in_parts(moto: Moto, tmp_path: Path) -> None:
    bucket = moto.make_bucket()
    before = moto.mark()
    source = tmp_path / "large"
    source.write_bytes(b"x" * (PART + 1))
    stat = s3_store(moto.endpoint, bucket=bucket, **KEY).put("large", source)
    assert stat.size == PART + 1
    assert str(stat.etag).endswith("-2")
    parts = [request for request in moto.requests(bucket, since=before) if "partNumber" in request]
    assert len(parts) == 2
    assert [version.version_id for version in moto.versions(bucket)] == [stat.version_id]


def test_every_part_has_its_md5_and_they_go_side_by_side(scripted: ScriptedServer) -> None:
    data = bytes(PART) + b"1" * PART + b"2" * 10
    together = threading.Barrier(3)

    def part(_: Received) -> Answer:
        together.wait(30)  # no part is answered before all are there
        return Answer(200, headers={"ETag": '"part"'})

    scripted.answer = parts_server(part=part)
    stat = s3_store(scripted.endpoint, **KEY).put("a", data, md5=hashlib.md5(data).hexdigest())
    assert (stat.size, stat.version_id, stat.etag) == (len(data), "v1", "whole-2")
    sent = {number: request.headers for request in scripted.received if (number := part_number(request))}
    pieces = {str(number + 1): data[number * PART : (number + 1) * PART] for number in range(3)}
    assert {number: headers["content-md5"] for number, headers in sent.items()} == {
        number: md5_header(piece) for number, piece in pieces.items()
    }


def test_part_that_fails_for_a_moment_is_sent_again_alone(scripted: ScriptedServer) -> None:
    failures = [Answer(503), Answer(500)]

    def part(request: Received) -> Answer:
        if "partNumber=2" in request.target and failures:
            return failures.pop()
        return Answer(200, headers={"ETag": '"part"'})

    scripted.answer = parts_server(part=part)
    assert s3_store(scripted.endpoint, **KEY).put("a", b"x" * (2 * PART + 1)).version_id == "v1"
    sent = [number for request in scripted.received if (number := part_number(request))]
    assert sorted(sent) == ["1", "2", "2", "2", "3"]


@pytest.mark.parametrize("refused", ["part", "last"])
def test_upload_that_fails_leaves_no_parts(scripted: ScriptedServer, refused: str) -> None:
    plays = parts_server()

    def answer(request: Received) -> Answer:
        last = request.method == "POST" and "uploadId" in request.target
        return Answer(403) if (last if refused == "last" else "partNumber=2" in request.target) else plays(request)

    scripted.answer = answer
    with pytest.raises(AccessDeniedError) as caught:
        s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART * 12))
    assert "s3:PutObject" in str(caught.value.hint)
    assert kinds(scripted)[-1] == "DELETE a?uploadId=up"
    if refused == "part":
        assert "POST a?uploadId=up" not in kinds(scripted)


def test_source_that_changed_is_noticed_before_the_parts_are_put_together(moto: Moto, tmp_path: Path) -> None:
    bucket = moto.make_bucket()
    (tmp_path / "source").write_bytes(b"x" * (PART + 1))
    with pytest.raises(SourceChangedError):
        s3_store(moto.endpoint, bucket=bucket, **KEY).put("a", tmp_path / "source", md5="0" * 32)
    assert moto.versions(bucket) == []
    assert "Uploads" not in moto.s3.list_multipart_uploads(Bucket=bucket)


def test_etag_that_the_last_answer_lacks_is_asked_for_by_version(scripted: ScriptedServer) -> None:
    plays = parts_server()

    def answer(request: Received) -> Answer:
        if request.method == "HEAD":
            return Answer(200, b"x" * 7, {"ETag": '"whole-2"', "x-amz-version-id": "v7"})
        if request.method == "POST" and "uploadId" in request.target:
            body = b"<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>"
            return Answer(200, body, {"x-amz-version-id": "v7"})
        return plays(request)

    scripted.answer = answer
    stat = s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART + 1))
    assert (stat.version_id, stat.etag) == ("v7", "whole-2")
    assert scripted.received[-1].target == "/bucket/a?versionId=v7"


@LIBRARIES
def test_etag_of_other_bytes_is_an_error(scripted: ScriptedServer, options: dict[str, Any]) -> None:
    other = {**STORED, "ETag": f'"{"0" * 32}"'}
    scripted.answer = lambda request: Answer(200, b"data" if request.method == "HEAD" else b"", other)
    with pytest.raises(IntegrityError, match="other bytes"):
        s3_store(scripted.endpoint, **KEY, **options).put("a", b"data")


def test_etag_of_another_part_is_an_error(scripted: ScriptedServer) -> None:
    scripted.answer = parts_server(part=lambda _: Answer(200, headers={"ETag": f'"{"0" * 32}"'}))
    with pytest.raises(IntegrityError, match="other bytes"):
        s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART + 1))
    assert kinds(scripted)[-1] == "DELETE a?uploadId=up"


@pytest.mark.parametrize("may_ask", [True, False])
def test_etag_of_a_bucket_that_encrypts_with_kms_is_no_md5(scripted: ScriptedServer, may_ask: bool) -> None:
    encrypted = {**STORED, "ETag": f'"{"0" * 32}"', "x-amz-server-side-encryption": "aws:kms"}

    def answer(request: Received) -> Answer:
        refused = request.method == "HEAD" and not may_ask
        return Answer(403) if refused else Answer(200, b"data" if request.method == "HEAD" else b"", encrypted)

    scripted.answer = answer
    store = s3_store(scripted.endpoint, **KEY)
    assert {store.put(key, b"data").etag for key in ("a", "b", "c")} == {"0" * 32}
    assert kinds(scripted) == ["PUT a", "HEAD a?versionId=v1", "PUT b", "PUT c"]
    with_acl = s3_store(scripted.endpoint, **KEY, **ACL)
    scripted.received.clear()
    assert with_acl.put("a", b"data").version_id == "v1"
    assert kinds(scripted) == ["PUT a"]


@LIBRARIES
@pytest.mark.parametrize("version", [None, "null"])
def test_answer_without_a_version(scripted: ScriptedServer, options: dict[str, Any], version: str | None) -> None:
    named = {} if version is None else {"x-amz-version-id": version}
    scripted.always(Answer(200, headers={"ETag": '"e"', **named}))
    with pytest.raises(VersioningOffError, match="'a'"):
        s3_store(scripted.endpoint, **KEY, **options).put("a", b"x")


def conditional_server(head: int, *puts: int) -> Callable[[Received], Answer]:
    """Answer HEAD with one status and uploads with one after the other."""
    left = list(puts)

    def answer(request: Received) -> Answer:
        if request.method == "HEAD":
            return Answer(head, b"x", {"ETag": '"e"'})
        status = left.pop(0)
        return Answer(status, headers=STORED) if status == 200 else Answer(status)

    return answer


@pytest.mark.parametrize(
    ("head", "puts", "conditions"),
    [
        (404, [200], ["*"]),
        (403, [200], ["*"]),
        (404, [501, 200], ["*", None]),
    ],
    ids=["free", "unknown", "server without conditions"],
)
def test_create_only(scripted: ScriptedServer, head: int, puts: list[int], conditions: list[str | None]) -> None:
    scripted.answer = conditional_server(head, *puts)
    assert s3_store(scripted.endpoint, **KEY).put("a", b"x", create_only=True).version_id == "v1"
    sent = [request.headers.get("if-none-match") for request in scripted.received if request.method == "PUT"]
    assert sent == conditions


@pytest.mark.parametrize(
    ("head", "puts", "error"),
    [(200, [], KeyTakenError), (404, [412], KeyTakenError), (403, [412], KeyTakenError), (403, [501], StoreError)],
)
def test_create_only_is_refused(scripted: ScriptedServer, head: int, puts: list[int], error: type[CvfsError]) -> None:
    scripted.answer = conditional_server(head, *puts)
    with pytest.raises(error):
        s3_store(scripted.endpoint, **KEY).put("a", b"x", create_only=True)
    assert [request.method for request in scripted.received].count("PUT") == len(puts)


def test_create_only_of_a_large_object_is_decided_at_its_end(scripted: ScriptedServer) -> None:
    plays = parts_server()
    scripted.answer = lambda request: Answer(404) if request.method == "HEAD" else plays(request)
    s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART + 1), create_only=True)
    (last,) = [request for request in scripted.received if request.method == "POST" and "uploadId" in request.target]
    assert last.headers["if-none-match"] == "*"


def test_source_that_cannot_be_read(scripted: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no-such-source"):
        s3_store(scripted.endpoint, **KEY).put("a", tmp_path / "no-such-source")
    assert scripted.received == []


def test_key_that_is_no_utf8(scripted: ScriptedServer) -> None:
    with pytest.raises(StoreError, match="no UTF-8"):
        s3_store(scripted.endpoint, **KEY).put("no\udcffutf-8", b"x")
    assert scripted.received == []
