"""Copies within S3: what is asked, what goes along, and what answers may not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness import s3_store
from servers.moto import Moto
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import AccessDeniedError, IntegrityError, StoreError, VersioningOffError
from cvfs.stores.s3 import copying

KEY = {"access_key_id": "key", "secret_access_key": "secret"}
MIB = 1 << 20
MD5 = "9a0364b9e99bb480dd25e1f0284c8555"


def copying_server(
    answer: dict[str, str], etag: str = MD5, source: dict[str, str] | None = None, current: dict[str, str] | None = None
) -> Callable[[Received], Answer]:
    """Play a server with one version of ``from``; ``answer`` are the headers of the answer to a copy with ``etag``."""

    def play(request: Received) -> Answer:
        if request.method == "HEAD":
            is_source = "versionId=v1" in request.target
            headers = {"ETag": f'"{MD5}"', **(source or {})} if is_source else (current or {})
            return Answer(200, b"content", headers)
        body = (
            f"<CopyObjectResult><ETag>&quot;{etag}&quot;</ETag></CopyObjectResult>" if etag else "<CopyObjectResult/>"
        )
        return Answer(200, body.encode(), answer)

    return play


def kinds(server: ScriptedServer) -> list[str]:
    return [f"{request.method} {request.target.removeprefix('/bucket/')}" for request in server.received]


def test_copy_is_a_head_and_a_put(scripted: ScriptedServer) -> None:
    scripted.answer = copying_server({"x-amz-version-id": "v2"})
    stat = s3_store(scripted.endpoint, **KEY, prefix="base").copy("from a+b%", "v1", "to")
    assert (stat.size, stat.version_id, stat.etag) == (7, "v2", MD5)
    assert kinds(scripted) == ["HEAD base/from%20a%2Bb%25?versionId=v1", "PUT base/to"]
    assert scripted.received[1].headers["x-amz-copy-source"] == "bucket/base/from%20a%2Bb%25?versionId=v1"


def test_copy_carries_the_options_of_the_remote(scripted: ScriptedServer) -> None:
    scripted.answer = copying_server({"x-amz-version-id": "v2"})
    sse = {"sse": "aws:kms", "sse_kms_key_id": "the-key", "acl": "bucket-owner-full-control"}
    for options in (sse, {"grants": (("GrantRead", "id=1"),)}, {"sse_customer_key": b"k" * 32}):
        s3_store(scripted.endpoint, **KEY, **options).copy("from", "v1", "to")
    with_sse, with_grant, with_key = (request.headers for request in scripted.received if request.method == "PUT")
    assert with_sse["x-amz-server-side-encryption"] == "aws:kms"
    assert with_sse["x-amz-server-side-encryption-aws-kms-key-id"] == "the-key"
    assert with_sse["x-amz-acl"] == "bucket-owner-full-control"
    assert with_grant["x-amz-grant-read"] == "id=1"
    for side in ("", "copy-source-"):
        assert with_key[f"x-amz-{side}server-side-encryption-customer-algorithm"] == "AES256"
        assert with_key[f"x-amz-{side}server-side-encryption-customer-key-md5"]
    heads = [request.headers for request in scripted.received if request.method == "HEAD"]
    assert "x-amz-server-side-encryption-customer-key" in heads[-1]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 12 MiB be what 5 GiB are: too much for one request."""
    monkeypatch.setattr(copying, "LARGEST_WHOLE", 11 * MIB)
    monkeypatch.setattr(copying, "PART_SIZE", 5 * MIB)


@pytest.mark.parametrize("size", [100, 12 * MIB], ids=["whole", "in parts"])
@pytest.mark.usefixtures("small_parts")
def test_copy_keeps_content_type_and_metadata(moto: Moto, size: int) -> None:
    bucket = moto.make_bucket()
    data = bytes(range(100)) * (size // 100) + b"x" * (size % 100)
    kept = {
        "ContentType": "text/csv",
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "identity",
        "ContentLanguage": "en",
        "Metadata": {"mtime": "1", "who": "me"},
    }
    old = moto.s3.put_object(Bucket=bucket, Key="from a+b", Body=data, **kept)["VersionId"]
    moto.s3.put_object(Bucket=bucket, Key="from a+b", Body=b"newer")
    before = moto.mark()
    stat = s3_store(moto.endpoint, bucket=bucket, **KEY).copy("from a+b", old, "to")
    head = moto.s3.get_object(Bucket=bucket, Key="to", VersionId=stat.version_id)
    assert head["Body"].read() == data
    assert (stat.size, stat.etag) == (size, head["ETag"].strip('"'))
    assert {name: head[name] for name in kept} == kept
    parts = [request for request in moto.requests(bucket, since=before) if "partNumber" in request]
    assert len(parts) == (0 if size == 100 else 3)


@pytest.mark.usefixtures("small_parts")
def test_copy_in_parts_that_fails_leaves_none(scripted: ScriptedServer) -> None:
    def answer(request: Received) -> Answer:
        if request.method == "HEAD":
            return Answer(200, b"x" * (12 * MIB), {"ETag": '"e-2"'})
        if request.target.endswith("?uploads"):
            return Answer(
                200, b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>"
            )
        if "partNumber=2" in request.target:
            return Answer(403)
        return Answer(200, b"<CopyPartResult><ETag>part</ETag></CopyPartResult>")

    scripted.answer = answer
    with pytest.raises(AccessDeniedError) as caught:
        s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")
    assert "s3:PutObject" in str(caught.value.hint)
    assert kinds(scripted)[-1] == "DELETE to?uploadId=up"


def test_parts_name_the_version_and_the_bytes(scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "LARGEST_WHOLE", 6)
    monkeypatch.setattr(copying, "PART_SIZE", 3)

    def answer(request: Received) -> Answer:
        if request.method == "HEAD":
            return Answer(200, b"content", {"ETag": '"e-2"'})
        if request.target.endswith("?uploads"):
            return Answer(
                200, b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>"
            )
        if request.method == "POST":
            return Answer(200, b"<R><ETag>whole-3</ETag></R>", {"x-amz-version-id": "v2"})
        return Answer(200, b"<CopyPartResult><ETag>part</ETag></CopyPartResult>")

    scripted.answer = answer
    stat = s3_store(scripted.endpoint, **KEY, sse_customer_key=b"k" * 32).copy("from", "v1", "to")
    assert (stat.size, stat.version_id, stat.etag) == (7, "v2", "whole-3")
    parts = sorted((request.target, request.headers) for request in scripted.received if "partNumber" in request.target)
    assert [headers["x-amz-copy-source-range"] for _, headers in parts] == ["bytes=0-2", "bytes=3-5", "bytes=6-6"]
    for _, headers in parts:
        assert headers["x-amz-copy-source"] == "bucket/from?versionId=v1"
        for side in ("", "copy-source-"):
            assert f"x-amz-{side}server-side-encryption-customer-key" in headers


@pytest.mark.parametrize("etag", [MD5, ""])
def test_version_that_the_answer_does_not_name_is_asked_for(scripted: ScriptedServer, etag: str) -> None:
    scripted.answer = copying_server({}, etag=etag, current={"ETag": f'"{MD5}"', "x-amz-version-id": "v9"})
    stat = s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")
    assert (stat.size, stat.version_id, stat.etag) == (7, "v9", MD5)
    assert kinds(scripted)[-1] == "HEAD to"


def test_somebody_elses_version_is_not_taken_for_the_copy(scripted: ScriptedServer) -> None:
    scripted.answer = copying_server({}, current={"ETag": '"theirs"', "x-amz-version-id": "v9"})
    with pytest.raises(StoreError, match="somebody else"):
        s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")


@pytest.mark.parametrize("current", [{}, {"x-amz-version-id": "null"}])
def test_copy_in_a_bucket_without_versions(scripted: ScriptedServer, current: dict[str, str]) -> None:
    scripted.answer = copying_server({}, current={"ETag": f'"{MD5}"', **current})
    with pytest.raises(VersioningOffError):
        s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")


def test_denied_copy_of_what_may_be_read(scripted: ScriptedServer) -> None:
    scripted.answer = lambda request: Answer(200, b"x") if request.method == "HEAD" else Answer(403)
    with pytest.raises(AccessDeniedError) as caught:
        s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")
    assert "s3:PutObject" in str(caught.value.hint)


def test_copy_of_other_bytes_is_an_error(scripted: ScriptedServer) -> None:
    scripted.answer = copying_server({"x-amz-version-id": "v2"}, etag="0" * 32)
    with pytest.raises(IntegrityError, match="other bytes"):
        s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to")


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ({"x-amz-server-side-encryption": "aws:kms"}, {}),
        ({}, {"x-amz-server-side-encryption": "aws:kms"}),
        ({"ETag": '"multi-2"'}, {}),
    ],
)
def test_etags_that_are_no_md5_are_not_compared(
    scripted: ScriptedServer, source: dict[str, str], answer: dict[str, str]
) -> None:
    scripted.answer = copying_server({"x-amz-version-id": "v2", **answer}, etag="0" * 32, source=source)
    assert s3_store(scripted.endpoint, **KEY).copy("from", "v1", "to").version_id == "v2"


def test_empty_version_id_is_never_sent(scripted: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="empty version id"):
        s3_store(scripted.endpoint, **KEY).copy("a", "", "b")
    assert scripted.received == []


def test_copy_options_reach_moto(moto: Moto) -> None:
    bucket = moto.make_bucket()
    options: dict[str, Any] = {"bucket": bucket, "sse": "AES256", "acl": "public-read", **KEY}
    store = s3_store(moto.endpoint, **options)
    stat = store.copy("a", str(store.put("a", b"x").version_id), "b")
    assert moto.s3.head_object(Bucket=bucket, Key="b", VersionId=stat.version_id)["ServerSideEncryption"] == "AES256"
    grants = moto.s3.get_object_acl(Bucket=bucket, Key="b")["Grants"]
    assert any(grant["Permission"] == "READ" and "AllUsers" in grant["Grantee"].get("URI", "") for grant in grants)
