"""Listings of S3: pages, encoded names, what is left out, and stores that cannot or may not list."""

from __future__ import annotations

from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from harness import s3_store
from servers.moto import Moto
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import AccessDeniedError, StoreError, VersionNotFoundError
from cvfs.stores.s3.answers import UnsupportedError

KEY = {"access_key_id": "key", "secret_access_key": "secret"}


def version(key: str, version_id: str = "v1", *, latest: bool = True) -> str:
    return (
        f"<Version><Key>{quote_plus(key, safe='/')}</Key><VersionId>{version_id}</VersionId><Size>3</Size>"
        f"<IsLatest>{str(latest).lower()}</IsLatest><ETag>&quot;e&quot;</ETag></Version>"
    )


def page(*items: str, markers: tuple[str, str] | None = None) -> Answer:
    more = "<IsTruncated>false</IsTruncated>"
    if markers:
        more = (
            f"<IsTruncated>true</IsTruncated><NextKeyMarker>{quote_plus(markers[0], safe='/')}</NextKeyMarker>"
            f"<NextVersionIdMarker>{markers[1]}</NextVersionIdMarker>"
        )
    text = f"<ListVersionsResult><EncodingType>url</EncodingType>{more}{''.join(items)}</ListVersionsResult>"
    return Answer(200, text.encode())


def question(request: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}


def test_names_come_encoded_and_relative_to_the_url(scripted: ScriptedServer) -> None:
    names = ["bell\x07", "new\nline", "a b", "a+b", "100%", "ünï/x", "dir/"]
    scripted.always(page(*(version(f"base/{name}") for name in names)))
    found = list(s3_store(scripted.endpoint, **KEY, prefix="base").listing("x y/"))
    assert [listed.key for listed in found] == names
    assert {(listed.stat.size, listed.stat.version_id, listed.stat.etag) for listed in found} == {(3, "v1", "e")}
    assert question(scripted.received[0]) == {"prefix": "base/x y/", "encoding-type": "url"}


def test_old_versions_deleted_objects_and_null(scripted: ScriptedServer) -> None:
    marker = "<DeleteMarker><Key>gone</Key><VersionId>d1</VersionId><IsLatest>true</IsLatest></DeleteMarker>"
    old, ancient = version("a", "v0", latest=False), version("b", "null")
    scripted.always(page(version("a"), old, ancient, marker, version("gone", "v3", latest=False)))
    found = list(s3_store(scripted.endpoint, **KEY).listing(""))
    assert [(listed.key, listed.stat.version_id) for listed in found] == [("a", "v1"), ("b", None)]


def test_pages_follow_each_other_by_key_and_version(scripted: ScriptedServer) -> None:
    def answer(request: Received) -> Answer:
        asked = question(request)
        if "key-marker" not in asked:
            return page(version("base/a"), markers=("base/a+ b", "v1"))
        assert (asked["key-marker"], asked["version-id-marker"]) == ("base/a+ b", "v1")
        return page(version("base/b"))

    scripted.answer = answer
    found = s3_store(scripted.endpoint, **KEY, prefix="base").listing("")
    assert next(found).key == "a"
    assert len(scripted.received) == 1, "a page is asked for when it is needed"
    assert [listed.key for listed in found] == ["b"]


def test_listing_behind_a_key_begins_there(scripted: ScriptedServer) -> None:
    scripted.always(page())
    assert list(s3_store(scripted.endpoint, **KEY, prefix="base").listing("d/", "d/a b")) == []
    assert question(scripted.received[0])["key-marker"] == "base/d/a b"


def test_many_pages(moto: Moto) -> None:
    bucket = moto.make_bucket()
    store = s3_store(moto.endpoint, bucket=bucket, **KEY, prefix="base")
    keys = [f"{number:04}" for number in range(502)]
    for _ in range(2):
        for key in keys:
            store.put(key, b"x")
    before = moto.mark()
    assert [listed.key for listed in store.listing("")] == keys
    assert len(moto.requests("versions", since=before)) == 2


def test_denied_listing_names_the_permission(scripted: ScriptedServer) -> None:
    scripted.always(Answer(403, b"<Error><Code>AccessDenied</Code></Error>"))
    with pytest.raises(AccessDeniedError) as caught:
        list(s3_store(scripted.endpoint, **KEY).listing("dir/"))
    assert "s3:ListBucketVersions" in str(caught.value.hint)
    assert "'dir/'" in caught.value.message


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (405, "MethodNotAllowed")])
def test_store_that_cannot_list_versions(scripted: ScriptedServer, status: int, code: str) -> None:
    scripted.always(Answer(status, f"<Error><Code>{code}</Code></Error>".encode()))
    with pytest.raises(UnsupportedError, match="cannot"):
        list(s3_store(scripted.endpoint, **KEY).listing(""))


def test_missing_bucket(scripted: ScriptedServer) -> None:
    scripted.always(Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>"))
    with pytest.raises(VersionNotFoundError, match="bucket does not exist"):
        list(s3_store(scripted.endpoint, **KEY).listing(""))


def test_prefix_that_is_no_utf8(scripted: ScriptedServer) -> None:
    with pytest.raises(StoreError, match="no UTF-8"):
        list(s3_store(scripted.endpoint, **KEY).listing("no\udcffutf-8"))
