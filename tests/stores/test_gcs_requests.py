"""What Google Cloud Storage is asked, and what is made of its answers: reads, copies, listings, settings, payers."""

from __future__ import annotations

import base64
import gzip
import json
import logging

import pytest
from gcs_harness import gcs_store
from servers.gcs import Gcs
from servers.gcs_http import Request
from servers.scripted import Answer

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.metafiles.config import Config as Configuration
from cvfs.metafiles.config import Level, parse_config
from cvfs.stores.gcs import GcsStore, open_remote
from cvfs.stores.gcs.options import GcsOptions, options_of
from cvfs.stores.retry import RetryingStore
from cvfs.stores.store import Store, Versioning

TAKEN_OVER = {
    "content_type": "text/csv",
    "cache_control": "no-store",
    "content_disposition": "attachment",
    "content_language": "en",
    "metadata": {"who": "me"},
}


def bucket_of(store: GcsStore) -> str:
    return store._options.bucket


def put(store: Store, key: str, data: bytes) -> str:
    return str(store.put(key, data).version_id)


@pytest.fixture
def store(gcs: Gcs) -> GcsStore:
    store = gcs_store(gcs, gcs.make_bucket())
    store.check()
    return store


def test_read_is_one_request_and_needs_one_permission(gcs: Gcs, store: GcsStore) -> None:
    version = put(store, "dir/a", b"0123456789")
    reader = gcs_store(gcs, bucket_of(store), credentialpath=str(gcs.account("objects.get")))
    reader.check()
    mark = gcs.mark()
    assert reader.read("dir/a", version, 2, 3).data == b"234"
    (request,) = gcs.received(mark)
    assert (request.method, request.query, request.headers["range"]) == ("GET", {"generation": version}, "bytes=2-4")
    assert request.segments == (bucket_of(store), "dir/a")


def test_name_that_obstore_cannot_express_goes_through_the_sdk(gcs: Gcs, store: GcsStore) -> None:
    version = put(store, "dir//\x07/", b"0123456789")
    mark = gcs.mark()
    assert store.read("dir//\x07/", version, 2, 3).data == b"234"
    assert store.read("dir//\x07/", version).data == b"0123456789"
    assert [one.segments[0] for one in gcs.received(mark)] == ["storage", "download", "storage", "download"]


@pytest.mark.parametrize("version", ["", "abc", "12x", "-1", "+1", "1.0", "01", "0", "9" * 20, "١٢", " 1", "1\n"])
def test_version_id_that_is_no_generation_is_not_asked_for(gcs: Gcs, store: GcsStore, version: str) -> None:
    store.put("a", b"x")
    mark = gcs.mark()
    for action in (
        lambda: store.read("a", version),
        lambda: store.stat("a", version),
        lambda: store.copy("a", version, "b"),
    ):
        with pytest.raises(VersionNotFoundError, match="generation"):
            action()
    assert gcs.requests(since=mark) == []


def test_metadata_that_changes_leaves_the_version_readable(gcs: Gcs, store: GcsStore) -> None:
    stat = store.put("a", b"0123456789")
    blob = gcs.client().bucket(bucket_of(store)).blob("a")
    blob.metadata = {"changed": "later"}
    blob.patch()
    found = store.stat("a", stat.version_id)
    assert (found.size, found.version_id) == (stat.size, stat.version_id)
    assert found.etag != stat.etag
    piece = store.read("a", str(stat.version_id), 1, 2)
    assert (piece.data, piece.stat.etag) == (b"12", None)


def test_etag_is_in_the_form_that_dvc_records(gcs: Gcs, store: GcsStore) -> None:
    stat = store.put("a", b"x")
    blob = gcs.client().bucket(bucket_of(store)).get_blob("a")
    assert stat.etag == base64.b64decode(blob.etag).hex()
    assert stat.version_id == str(blob.generation)


def test_object_stored_in_compressed_form_comes_as_it_is_stored(gcs: Gcs, store: GcsStore) -> None:
    data = gzip.compress(b"plain text " * 100)
    for key in ("a", "odd//name"):
        blob = gcs.client().bucket(bucket_of(store)).blob(key)
        blob.content_encoding = "gzip"
        blob.upload_from_string(data)
        assert store.read(key, str(blob.generation)).data == data
        assert store.read(key, str(blob.generation), 5, 7).data == data[5:12]


def test_archive_class_is_read_as_any_other(gcs: Gcs, store: GcsStore) -> None:
    version = put(store, "a", b"cold")
    client = gcs.client()
    client._patch_resource(f"/b/{bucket_of(store)}/o/a", {"storageClass": "ARCHIVE"})
    assert client.bucket(bucket_of(store)).get_blob("a").storage_class == "ARCHIVE"
    assert store.read("a", version).data == b"cold"


def test_bucket_without_versioning_loses_what_is_overwritten(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket(versioned=False))
    old = put(store, "a", b"old")
    assert store.read("a", old).data == b"old"
    put(store, "a", b"new")
    with pytest.raises(VersionNotFoundError):
        store.read("a", old)


def test_versioning_is_asked_for_and_turned_on(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket(versioned=False))
    assert store.versioning() is Versioning.OFF
    store.enable_versioning()
    assert store.versioning() is Versioning.ON


def test_versioning_that_may_not_be_asked_for_is_told_by_no_upload(gcs: Gcs, store: GcsStore) -> None:
    key = gcs.account("objects.get", "objects.list", "objects.create", "objects.delete")
    pusher = gcs_store(gcs, bucket_of(store), credentialpath=str(key))
    assert pusher.versioning() is Versioning.UNTOLD
    assert pusher.put("a", b"x").version_id is not None
    with pytest.raises(AccessDeniedError) as caught:
        pusher.enable_versioning()
    assert f"gcloud storage buckets update gs://{bucket_of(store)} --versioning" in str(caught.value.hint)


@pytest.mark.parametrize("at_once", [1 << 60, 4], ids=["at once", "in steps"])
def test_copy_keeps_metadata_and_content(gcs: Gcs, store: GcsStore, at_once: int) -> None:
    bucket = gcs.client().bucket(bucket_of(store))
    source = bucket.blob("from")
    for name, value in TAKEN_OVER.items():
        setattr(source, name, value)
    source.upload_from_string(b"0123456789", content_type="text/csv")
    gcs.json.rewrite_at_once = at_once
    mark = gcs.mark()
    stat = store.copy("from", str(source.generation), "to/b")
    assert len(gcs.requests("rewriteTo", mark)) == (1 if at_once > 10 else 3)
    target = bucket.get_blob("to/b")
    assert {name: getattr(target, name) for name in TAKEN_OVER} == TAKEN_OVER
    assert (stat.size, stat.version_id) == (10, str(target.generation))
    assert target.download_as_bytes() == b"0123456789"


def test_copy_of_other_bytes_is_an_error(gcs: Gcs, store: GcsStore) -> None:
    version = put(store, "a", b"x")

    def lie(request: Request) -> Answer | None:
        if "rewriteTo" not in request.segments:
            return None
        answer = json.loads(gcs.json.answer(request).body)
        answer["resource"]["crc32c"] = "AAAAAA=="
        return Answer(200, json.dumps(answer).encode())

    with gcs.intercepted(lie), pytest.raises(IntegrityError, match="not what the version was"):
        store.copy("a", version, "b")


def test_listing_of_many_pages_goes_on_behind_a_key(gcs: Gcs, store: GcsStore) -> None:
    for number in range(10):
        for _ in range(2):
            store.put(f"a/{number}", b"x")
    gcs.json.page_size = 3
    mark = gcs.mark()
    assert [found.key for found in store.listing("a/")] == [f"a/{number}" for number in range(10)]
    assert len(gcs.requests("pageToken", mark)) == 3
    assert [found.key for found in store.listing("a/", "a/4")] == [f"a/{number}" for number in range(5, 10)]
    assert [found.key for found in store.listing("a/", "a/45")] == [f"a/{number}" for number in range(5, 10)]


def test_listing_that_breaks_off_goes_on(gcs: Gcs, store: GcsStore) -> None:
    for number in range(10):
        store.put(f"a/{number}", b"x")
    gcs.json.page_size = 3
    pages = 0

    def busy(request: Request) -> Answer | None:
        nonlocal pages
        pages += request.segments[-1] == "o"
        return Answer(503) if pages == 2 and request.segments[-1] == "o" else None

    with gcs.intercepted(busy):
        found = list(RetryingStore(store, sleep=lambda _: None).listing("a/"))
    assert [one.key for one in found] == [f"a/{number}" for number in range(10)]


def test_nothing_is_asked_that_nobody_needs(gcs: Gcs, store: GcsStore) -> None:
    mark = gcs.mark()
    version = put(store, "a", b"x")
    store.stat("a")
    store.copy("a", version, "b")
    list(store.listing(""))
    kinds = [f"{one.method} {one.segments[0]}" for one in gcs.received(mark)]
    assert kinds == ["POST upload", "GET storage", "GET storage", "POST storage", "GET storage"]


def remote(text: str, level: Level) -> GcsOptions:
    parsed = parse_config(f"['remote \"up\"']\nurl = gs://bucket/base\n{text}", level, "config", "/nowhere")
    return options_of(Configuration([parsed]).remote("up"))


def test_options_are_read() -> None:
    text = "projectname = p\ncredentialpath = /key.json\nendpointurl = http://127.0.0.1:9\nallow_anonymous_login = TRUE"
    assert remote(text, Level.LOCAL) == GcsOptions(
        label="remote 'up' (gs://bucket/base)",
        bucket="bucket",
        prefix="base",
        project="p",
        project_may_pay=True,
        credentialpath="/key.json",
        endpointurl="http://127.0.0.1:9",
        anonymous=True,
    )


@pytest.mark.parametrize(("level", "pays"), [(Level.GLOBAL, True), (Level.OVERRIDE, True), (Level.COMMIT, False)])
def test_only_the_user_says_which_project_pays(level: Level, pays: bool) -> None:
    assert remote("projectname = p", level).project_may_pay is pays


@pytest.mark.parametrize("prefix", ["", "base", "base/", "/base/"])
def test_url_names_bucket_prefix_and_endpoint(prefix: str) -> None:
    store = GcsStore(GcsOptions("remote 'up'", "bucket", prefix, endpointurl="http://user:pass@127.0.0.1:9/"))
    assert store.url == f"gs://{'bucket/' + prefix if prefix else 'bucket'}".replace("bucket//", "/").rstrip("/") + (
        " at http://127.0.0.1:9"
    )


def test_requester_pays_in_the_name_of_the_remotes_project(gcs: Gcs) -> None:
    bucket = gcs.make_bucket(requester_pays=True)
    store = gcs_store(gcs, bucket, project="payer", project_may_pay=True)
    version = put(store, "a", b"x")
    mark = gcs.mark()
    assert store.read("a", version).data == b"x"
    assert store.stat("a").version_id == version
    assert [found.key for found in store.listing("")] == ["a"]
    assert store.versioning() is Versioning.ON
    payers = [one.query.get("userProject") or one.headers.get("x-goog-user-project") for one in gcs.received(mark)]
    assert payers == ["payer"] * 4


def test_nobody_pays_where_nobody_asks_for_it(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket(), project="payer", project_may_pay=True)
    mark = gcs.mark()
    store.read("a", put(store, "a", b"x"))
    assert not any("payer" in f"{one.target}{one.headers}" for one in gcs.received(mark))


@pytest.mark.parametrize("options", [{}, {"project": "payer", "project_may_pay": False}])
def test_requester_pays_and_no_project_of_the_users(gcs: Gcs, options: dict[str, object]) -> None:
    store = gcs_store(gcs, gcs.make_bucket(requester_pays=True), **options)
    for action in (lambda: store.read("a", "17"), lambda: store.put("a", b"x")):
        with pytest.raises(StoreError, match="pays for it") as caught:
            action()
        assert "GOOGLE_CLOUD_QUOTA_PROJECT" in str(caught.value.hint)


@pytest.mark.parametrize("credentialpath", [None, "the remote's own"])
def test_quota_project_of_the_credentials_pays(
    gcs: Gcs, monkeypatch: pytest.MonkeyPatch, credentialpath: str | None
) -> None:
    bucket = gcs.make_bucket(requester_pays=True)
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs.key_file()))
    store = gcs_store(gcs, bucket, credentialpath=credentialpath and str(gcs.key_file()))
    version = put(store, "a", b"x")
    assert store.read("a", version).data == b"x"


def test_variables_of_obstore_do_not_matter(
    gcs: Gcs, store: GcsStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    version = put(store, "a", b"x")
    for name, value in {
        "GOOGLE_BASE_URL": "http://127.0.0.1:9",
        "GOOGLE_BEARER_TOKEN": "another",
        "GOOGLE_BUCKET": "another",
        "GOOGLE_SKIP_SIGNATURE": "true",
    }.items():
        monkeypatch.setenv(name, value)
    assert gcs_store(gcs, bucket_of(store)).read("a", version).data == b"x"
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", "/nowhere/key.json")
    with caplog.at_level(logging.INFO):
        assert gcs_store(gcs, bucket_of(store)).read("a", version).data == b"x"
    assert "reading without obstore" in caplog.text


def test_answer_with_another_generation_is_an_error(gcs: Gcs, store: GcsStore) -> None:
    version = put(store, "a", b"x")

    def other(request: Request) -> Answer | None:
        headers = {"x-goog-generation": "17", "ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        return Answer(200, b"x", headers) if request.segments[0] == bucket_of(store) else None

    with gcs.intercepted(other), pytest.raises(IntegrityError, match="got '17'"):
        store.read("a", version)


@pytest.mark.parametrize("key", ["a", "odd//a"])
@pytest.mark.parametrize("kind", ["cut", "whole instead of range", "reset"])
def test_damaged_answers_to_reads(gcs: Gcs, store: GcsStore, key: str, kind: str) -> None:
    version = put(store, key, b"0123456789")

    def damage(request: Request) -> Answer | None:
        if request.method != "GET" or request.segments[0] == "storage":
            return None
        answer = gcs.json.answer(request) if request.segments[0] == "download" else gcs._xml.answer(request)
        if kind == "cut":
            return Answer(answer.status, answer.body, answer.headers, cut=1)
        if kind == "reset":
            return Answer(reset=True)
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Range"}
        return Answer(200, b"0123456789", headers)

    expected = IntegrityError if kind == "whole instead of range" else UnavailableError
    with gcs.intercepted(damage), pytest.raises(expected):
        store.read(key, version, 2, 3)


def test_open_remote_asks_nobody(gcs: Gcs) -> None:
    mark = gcs.mark()
    text = f"['remote \"up\"']\nurl = gs://bucket/base\nendpointurl = {gcs.endpoint}\ncredentialpath = {gcs.key_file()}"
    config = Configuration([parse_config(text, Level.LOCAL, "config", "/nowhere")])
    store = open_remote(config.remote("up"))
    assert store.url == f"gs://bucket/base at {gcs.endpoint}"
    assert store.full_key("a") == "base/a"
    assert gcs.requests(since=mark) == []
