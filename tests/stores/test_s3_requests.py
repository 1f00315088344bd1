"""Which requests are sent, seen from the server's side, and what uploads carry."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import s3_store
from servers.moto import GuardedMoto, Moto
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import AccessDeniedError, StoreError, UnavailableError, VersioningOffError
from cvfs.stores.s3 import S3Store
from cvfs.stores.store import Versioning

KEY = {"access_key_id": "key", "secret_access_key": "secret"}
PART = 16 << 20


def moto_store(moto: Moto, bucket: str, **options: object) -> S3Store:
    return s3_store(moto.endpoint, bucket=bucket, **{**KEY, **options})


@pytest.mark.parametrize("key", ["dir/a#b?c", "tab\tb"], ids=["obstore", "botocore"])
def test_reading_is_one_get_by_version_and_nothing_else(moto: Moto, key: str) -> None:
    bucket = moto.make_bucket()
    store = moto_store(moto, bucket)
    old, new = (store.put(key, data).version_id for data in (b"old", b"new"))
    moto.s3.delete_object(Bucket=bucket, Key=key)
    before = moto.mark()
    assert store.read(key, str(old)).data == b"old"
    assert store.read(key, str(new), 1, 1).data == b"e"
    sent = moto.requests(bucket, since=before)
    assert [request.partition(" ")[0] for request in sent] == ["GET", "GET"]
    assert [request.rpartition("?versionId=")[2] for request in sent] == [old, new]


def test_object_from_before_versioning_has_the_id_null(moto: Moto) -> None:
    bucket = moto.make_bucket(versioned=False)
    moto.s3.put_object(Bucket=bucket, Key="a", Body=b"ancient")
    store = moto_store(moto, bucket)
    store.enable_versioning()
    store.put("a", b"new")
    assert store.read("a", "null").data == b"ancient"


def test_empty_version_id_is_never_sent(scripted: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="empty version id"):
        s3_store(scripted.endpoint, **KEY).read("a", "")
    assert scripted.received == []


def test_upload_to_a_bucket_without_versions(moto: Moto) -> None:
    bucket = moto.make_bucket(versioned=False)
    store = moto_store(moto, bucket)
    assert store.versioning() is Versioning.OFF
    with pytest.raises(VersioningOffError) as caught:
        store.put("a", b"x")
    assert f"put-bucket-versioning --bucket {bucket}" in str(caught.value.hint)
    store.enable_versioning()
    assert store.versioning() is Versioning.ON
    assert store.put("a", b"x").version_id


def test_suspended_versioning_is_off(moto: Moto) -> None:
    bucket = moto.make_bucket()
    moto.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert moto_store(moto, bucket).versioning() is Versioning.OFF


def test_versioning_that_one_may_not_ask_for_is_unknown(guarded_moto: GuardedMoto) -> None:
    server, (access_key, secret_key) = guarded_moto
    store = moto_store(server, server.make_bucket(), access_key_id=access_key, secret_access_key=secret_key)
    assert store.versioning() is Versioning.UNKNOWN
    with pytest.raises(AccessDeniedError) as caught:
        store.enable_versioning()
    assert "aws s3api put-bucket-versioning" in str(caught.value.hint)


def test_large_upload_goes_in_parts(moto: Moto, tmp_path: Path) -> None:
    bucket = moto.make_bucket()
    before = moto.mark()
    source = tmp_path / "large"
    source.write_bytes(b"x" * (PART + 1))
    stat = moto_store(moto, bucket).put("large", source)
    assert stat.size == PART + 1
    assert str(stat.etag).endswith("-2")
    parts = [request for request in moto.requests(bucket, since=before) if "partNumber" in request]
    assert len(parts) == 2
    assert [version.version_id for version in moto.versions(bucket)] == [stat.version_id]


def parts_server(request: Received) -> Answer:
    if "partNumber=1" in request.target:
        return Answer(200, headers={"ETag": '"one"'})
    if "uploads" in request.target:
        return Answer(200, b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>")
    return Answer(500)


def test_upload_that_fails_leaves_no_parts(scripted: ScriptedServer) -> None:
    scripted.answer = parts_server
    with pytest.raises(UnavailableError):
        s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART + 1))
    assert scripted.received[-1].method == "DELETE"
    assert "uploadId=up" in scripted.received[-1].target


def test_etag_that_the_last_answer_lacks_is_asked_for_by_version(scripted: ScriptedServer) -> None:
    def answer(request: Received) -> Answer:
        if request.method == "HEAD":
            return Answer(200, b"x" * 7, {"ETag": '"whole-2"', "x-amz-version-id": "v7"})
        if "partNumber" in request.target:
            return Answer(200, headers={"ETag": '"part"'})
        if request.method == "POST" and "uploadId" in request.target:
            body = b"<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>"
            return Answer(200, body, {"x-amz-version-id": "v7"})
        return parts_server(request)

    scripted.answer = answer
    stat = s3_store(scripted.endpoint, **KEY).put("a", b"x" * (PART + 1))
    assert (stat.version_id, stat.etag) == ("v7", "whole-2")
    assert scripted.received[-1].target == "/bucket/a?versionId=v7"


def test_upload_carries_the_options_of_the_remote(scripted: ScriptedServer) -> None:
    scripted.always(Answer(200, headers={"ETag": '"e"', "x-amz-version-id": "v1"}))
    sse = {"sse": "aws:kms", "sse_kms_key_id": "the-key"}
    s3_store(scripted.endpoint, **sse, acl="bucket-owner-full-control", **KEY).put("a", b"x")
    s3_store(scripted.endpoint, grants=(("GrantRead", "id=1"),), **KEY).put("a", b"x")
    s3_store(scripted.endpoint, sse_customer_key=b"k" * 32, **KEY).put("a", b"x")
    with_acl, with_grant, with_key = (request.headers for request in scripted.received)
    assert with_acl["x-amz-server-side-encryption"] == "aws:kms"
    assert with_acl["x-amz-server-side-encryption-aws-kms-key-id"] == "the-key"
    assert with_acl["x-amz-acl"] == "bucket-owner-full-control"
    assert with_grant["x-amz-grant-read"] == "id=1"
    assert with_key["x-amz-server-side-encryption-customer-algorithm"] == "AES256"


def test_source_that_cannot_be_read(scripted: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no-such-source"):
        s3_store(scripted.endpoint, **KEY).put("a", tmp_path / "no-such-source")
    assert scripted.received == []
