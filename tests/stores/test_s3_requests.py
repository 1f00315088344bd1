"""Which requests are sent, seen from the server's side. Uploads, copies and listings have modules of their own."""

from __future__ import annotations

import pytest
from harness import s3_store
from servers.moto import GuardedMoto, Moto
from servers.scripted import ScriptedServer

from cvfs.errors import AccessDeniedError, VersioningOffError
from cvfs.stores.s3 import S3Store
from cvfs.stores.store import Versioning

KEY = {"access_key_id": "key", "secret_access_key": "secret"}


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
