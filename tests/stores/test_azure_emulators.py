"""What our own Azure server says of blobs without versions, Azurite says, too: every test here runs on both."""

from __future__ import annotations

import base64
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, StandardBlobTier, generate_container_sas
from azure_harness import AzureHarness, azure_store, served_azure
from servers.azure import AzureServer
from test_contract import AWKWARD

from cvfs.errors import (
    AccessDeniedError,
    ArchivedError,
    CredentialsError,
    IntegrityError,
    KeyTakenError,
    VersioningOffError,
    VersionNotFoundError,
)
from cvfs.stores.store import Stat, Versioning

LARGE = os.urandom(1 << 20) * 20 + b"end"


@pytest.fixture(params=["ours", "azurite"])
def plain(request: pytest.FixtureRequest) -> AzureHarness:
    """Give a container of an account without versions."""
    if request.param == "azurite":
        return AzureHarness(request.getfixturevalue("azurite"))
    server: AzureServer = request.getfixturevalue("azure_server")
    server.account.versioning = False
    return served_azure(server)


def write(plain: AzureHarness, key: str, data: bytes | Path, **options: object) -> Stat:
    """Upload, which succeeds and is then found to have made no version."""
    with pytest.raises(VersioningOffError) as caught:
        plain.store.put(key, data, **options)
    assert f"{key!r} was uploaded, but the account keeps no versions" in str(caught.value)
    return plain.store.stat(key)


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    """Expect the SDK to be refused."""
    with pytest.raises(HttpResponseError) as caught:
        yield
    answered = caught.value.response.headers["x-ms-error-code"]
    assert (caught.value.status_code, answered) == (status, code)


def test_any_name_is_written_read_and_listed(plain: AzureHarness) -> None:
    # Azurite cannot list what XML cannot hold, and takes a backslash for a slash.
    names = {name: f"odd/{name}" if any(c < " " or c == "\\" for c in name) else f"fine/{name}" for name in AWKWARD}
    stats = {key: write(plain, key, name.encode()) for name, key in names.items()}
    assert {name: plain.store.read(key, None).data for name, key in names.items()} == {n: n.encode() for n in names}
    found = {one.key: one.stat for one in plain.store.listing("fine/")}
    assert found == {key: stat for key, stat in stats.items() if key.startswith("fine/")}
    assert len(found) > 40


def test_etags_have_quotes_wherever_they_come_from(plain: AzureHarness) -> None:
    stat = write(plain, "a", b"x")
    assert str(stat.etag).startswith('"')
    assert str(stat.etag).endswith('"')
    assert plain.store.read("a", None).stat == stat
    assert [one.stat for one in plain.store.listing("")] == [stat]


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, "0123456789"), (0, 1, "0"), (9, 1, "9"), (9, 5, "9"), (4, None, "456789"), (0, 99, "0123456789")],
)
def test_ranges(plain: AzureHarness, start: int, length: int | None, expected: str) -> None:
    write(plain, "digits", b"0123456789")
    piece = plain.store.read("digits", None, start, length)
    assert (piece.data, piece.start, piece.stat.size) == (expected.encode(), start, 10)
    write(plain, "//odd", b"0123456789")
    piece = plain.store.read("//odd", None, start, length)
    assert (piece.data, piece.start, piece.stat.size) == (expected.encode(), start, 10)


@pytest.mark.parametrize("key", ["digits", "tab\t"])
def test_range_beyond_the_end(plain: AzureHarness, key: str) -> None:
    write(plain, key, b"0123456789")
    for start, length in [(10, None), (10, 1), (1 << 40, 1)]:
        with pytest.raises(IntegrityError):
            plain.store.read(key, None, start, length)


@pytest.mark.parametrize("key", ["empty", "empty\t"])
def test_empty_blob(plain: AzureHarness, key: str) -> None:
    write(plain, key, b"")
    for length in (None, 1, 4096):
        assert plain.store.read(key, None, 0, length).data == b""
    with pytest.raises(IntegrityError):
        plain.store.read(key, None, 1, 1)


def test_large_blob_made_of_blocks(plain: AzureHarness, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    md5 = hashlib.md5(LARGE)
    stat = write(plain, "large", tmp_path / "large", md5=md5.hexdigest())
    assert stat.size == len(LARGE)
    assert plain.store.read("large", None).data == LARGE
    assert plain.store.read("large", None, (16 << 20) - 5, 10).data == LARGE[(16 << 20) - 5 : (16 << 20) + 5]
    known = plain.client.get_blob_client("base/large").get_blob_properties().content_settings.content_md5
    assert bytes(known or b"") == md5.digest()


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_create_only(plain: AzureHarness, data: bytes) -> None:
    kept = write(plain, "a", data, create_only=True)
    with pytest.raises(KeyTakenError):
        plain.store.put("a", data + b"other", create_only=True)
    assert plain.store.stat("a") == kept


def test_conditions(plain: AzureHarness) -> None:
    blob = plain.client.get_blob_client("a")
    etag = blob.upload_blob(b"one")["etag"]
    blob.upload_blob(b"two", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with refused(412, "ConditionNotMet"):
        blob.upload_blob(b"three", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
    with refused(409, "BlobAlreadyExists"):
        blob.upload_blob(b"four")
    assert blob.download_blob().readall() == b"two"


def test_block_that_was_not_sent(plain: AzureHarness) -> None:
    blob = plain.client.get_blob_client("a")
    blob.stage_block("YQ==", b"x")
    with refused(400, "InvalidBlockList"):
        blob.commit_block_list([BlobBlock("YQ=="), BlobBlock("Yg==")])
    assert [one.name for one in plain.client.list_blobs()] == []


def test_bytes_that_are_not_those_of_their_md5(plain: AzureHarness) -> None:
    sas = generate_container_sas(
        plain.client.account_name,
        plain.container,
        account_key=plain.client.credential.account_key,
        permission="w",
        expiry="2099-01-01T00:00:00Z",
    )
    plain.accept(sas, "w")
    headers = {
        "Content-MD5": base64.b64encode(hashlib.md5(b"sent").digest()).decode(),
        "x-ms-blob-type": "BlockBlob",
        "x-ms-version": "2021-12-02",
    }
    for extra in ("", "&comp=block&blockid=YQ=="):
        url = f"{plain.client.get_blob_client('a').url}?{sas}{extra}"
        request = urllib.request.Request(url, b"received", headers, method="PUT")
        with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.urlopen(request):
            pass
        caught.value.close()
        assert (caught.value.code, caught.value.headers["x-ms-error-code"]) == (400, "Md5Mismatch")


def test_what_does_not_exist(plain: AzureHarness) -> None:
    for action in (lambda: plain.store.read("no", None), lambda: plain.store.stat("no")):
        with pytest.raises(VersionNotFoundError):
            action()
    elsewhere = plain.misplaced()
    for action in (
        lambda: elsewhere.read("a", None),
        lambda: elsewhere.stat("a"),
        lambda: elsewhere.put("a", b"x"),
        lambda: list(elsewhere.listing("")),
        elsewhere.versioning,
    ):
        with pytest.raises(VersionNotFoundError):
            action()
    with refused(404, "BlobNotFound"):
        plain.client.get_blob_client("no").download_blob()


def test_containers(plain: AzureHarness) -> None:
    with refused(409, "ContainerAlreadyExists"):
        plain.client.create_container()
    assert plain.client.get_container_properties().etag.startswith('"')
    plain.client.delete_container()
    with refused(404, "ContainerNotFound"):
        plain.client.get_container_properties()


def test_wrong_key_and_signature_without_the_right(plain: AzureHarness) -> None:
    write(plain, "a", b"x")
    for action in (lambda: plain.stranger().read("a", None), lambda: plain.stranger().put("a", b"x")):
        # Azurite says AuthorizationFailure, where Azure says AuthenticationFailed.
        with pytest.raises((CredentialsError, AccessDeniedError)):
            action()
    with plain.refused() as store:
        for action in (
            lambda: store.read("a", None),
            lambda: store.stat("a"),
            lambda: store.put("a", b"y"),
            lambda: store.put("a", LARGE),
            lambda: list(store.listing("")),
        ):
            with pytest.raises(AccessDeniedError):
                action()
        assert store.versioning() is Versioning.UNKNOWN


def test_nobody_reads_what_is_not_public(plain: AzureHarness) -> None:
    write(plain, "a", b"x")
    url = plain.client.primary_endpoint.rpartition("/")[0]
    nobody = azure_store(f"BlobEndpoint={url}", container=plain.container, prefix="base")
    with pytest.raises((VersionNotFoundError, AccessDeniedError, CredentialsError)):
        nobody.read("a", None)
    plain.client.set_container_access_policy({}, public_access="blob")
    assert nobody.read("a", None).data == b"x"
    with pytest.raises((VersionNotFoundError, AccessDeniedError, CredentialsError)):
        list(nobody.listing(""))


def test_copy_within_the_account(plain: AzureHarness) -> None:
    source, target = plain.client.get_blob_client("from/ü a"), plain.client.get_blob_client("to")
    source.upload_blob(b"data", metadata={"kept": "yes"})
    answer = target.start_copy_from_url(source.url)
    assert (answer["copy_status"], answer.get("version_id")) == ("success", None)
    assert target.download_blob().readall() == b"data"
    found = target.get_blob_properties()
    assert (found.metadata, found.etag, found.copy.status) == ({"kept": "yes"}, answer["etag"], "success")
    with pytest.raises(HttpResponseError) as caught:
        target.start_copy_from_url(plain.client.get_blob_client("no").url)
    assert caught.value.status_code == 404


def test_archived_blob(plain: AzureHarness) -> None:
    write(plain, "a", b"x")
    plain.client.get_blob_client("base/a").set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    with pytest.raises(ArchivedError, match="archive tier"):
        plain.store.read("a", None)
    assert plain.store.stat("a").size == 1


@pytest.mark.parametrize(
    ("prefix", "after", "expected"),
    [
        ("", "", ["a/1", "a/2", "a1", "b"]),
        ("a", "", ["a/1", "a/2", "a1"]),
        ("a/", "", ["a/1", "a/2"]),
        ("a/", "a/1", ["a/2"]),
        ("", "a/2", ["a1", "b"]),
        ("", "a/3", ["a1", "b"]),
        ("c", "", []),
    ],
)
def test_listing(plain: AzureHarness, prefix: str, after: str, expected: list[str]) -> None:
    for key in ("a1", "a/1", "b", "a/2"):
        write(plain, key, b"x")
    found = list(plain.store.listing(prefix, after))
    assert [(one.key, one.stat.version_id) for one in found] == [(key, None) for key in expected]


def test_account_without_versions_does_not_say_so(plain: AzureHarness) -> None:
    assert plain.store.versioning() is Versioning.UNKNOWN
    write(plain, "a", b"x")
    assert plain.store.versioning() is Versioning.UNKNOWN
