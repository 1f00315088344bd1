"""Versions in Azure: what becomes of them, listings with and without them, copies, and accounts that keep none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure_harness import AzureHarness, azure_store, served_azure
from servers.azure import AzureServer
from servers.azure_access import AzureRequest
from servers.azure_rest import Answered

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    StoreError,
    UnavailableError,
    VersioningOffError,
    VersionNotFoundError,
)
from cvfs.stores.azure.copying import PATIENCE_S, Copier
from cvfs.stores.store import Listed, Versioning

DATA = b"0123456789"


@pytest.fixture
def place(azure_server: AzureServer) -> AzureHarness:
    return served_azure(azure_server)


def version_of(place: AzureHarness, key: str, data: bytes = DATA) -> str:
    return str(place.store.put(key, data).version_id)


def with_sas(place: AzureHarness, server: AzureServer, permissions: str) -> object:
    sas = server.sas(place.container, permissions)
    return azure_store(f"BlobEndpoint={server.endpoint};SharedAccessSignature={sas}", container=place.container,
                       prefix="base")  # fmt: skip


def test_version_ids_are_times(place: AzureHarness) -> None:
    first, second = version_of(place, "a"), version_of(place, "a")
    assert len(first) == len("2026-01-01T00:00:00.0000000Z")
    assert first < second


@pytest.mark.parametrize("version_id", ["null", "3", "2026-01-01", "2026-01-01T00:00:00Z", "x" * 28, "../a"])
def test_what_is_no_time_is_no_version_and_is_not_asked_for(
    place: AzureHarness, azure_server: AzureServer, version_id: str
) -> None:
    version_of(place, "a")
    before = len(azure_server.requests)
    for action in (place.store.read, place.store.stat, lambda key, version: place.store.copy(key, version, "to")):
        with pytest.raises(VersionNotFoundError, match="no version id of Azure's"):
            action("a", version_id)
    assert len(azure_server.requests) == before


def test_empty_version_id_is_the_callers_mistake(place: AzureHarness) -> None:
    with pytest.raises(ValueError, match="empty version id"):
        place.store.read("a", "")


@pytest.mark.parametrize("key", ["a/../b", "..", "./a"])
def test_key_that_would_become_another_one_on_its_way(place: AzureHarness, key: str) -> None:
    with pytest.raises(VersionNotFoundError, match="no request can name"):
        place.store.read(key, place.absent_version)
    with pytest.raises(StoreError, match="no request can name"):
        place.store.put(key, b"x")


def test_changed_metadata_make_a_version_and_the_old_one_stays(place: AzureHarness) -> None:
    version = version_of(place, "a")
    place.client.get_blob_client("base/a").set_blob_metadata({"new": "yes"})
    assert place.store.stat("a").version_id != version
    assert place.store.read("a", version).data == DATA


def test_current_version_cannot_be_removed_for_good(place: AzureHarness) -> None:
    version = version_of(place, "a")
    with pytest.raises(HttpResponseError) as caught:
        place.client.get_blob_client("base/a").delete_blob(version_id=version)
    assert caught.value.response.headers["x-ms-error-code"] == "OperationNotAllowedOnRootBlob"
    assert place.store.stat("a").version_id == version


def test_deleted_blobs_are_listed_only_for_whoever_asks(place: AzureHarness) -> None:
    version = version_of(place, "a")
    place.delete("a")
    assert [one.name for one in place.client.list_blobs(include=["versions"])] == []
    found = list(place.client.list_blobs(include=["versions", "deletedwithversions"]))
    assert [(one.name, one.version_id, one.is_current_version) for one in found] == [("base/a", version, None)]


def test_blob_from_before_versioning(place: AzureHarness, azure_server: AzureServer) -> None:
    azure_server.account.versioning = False
    with pytest.raises(VersioningOffError) as caught:
        place.store.put("a", b"old")
    assert "az storage account blob-service-properties update --account-name devstoreaccount1" in str(caught.value)
    assert "Enable and manage blob versioning" in str(caught.value)
    azure_server.account.versioning = True
    assert [(one.key, one.stat.version_id) for one in place.store.listing("")] == [("a", None)]
    new = version_of(place, "a")
    assert [(one.key, one.stat.version_id) for one in place.store.listing("")] == [("a", new)]
    versions = [one.version_id for one in place.client.list_blobs(include=["versions"])]
    assert len(versions) == 2
    assert place.store.read("a", str(versions[0])).data == b"old"


def test_versioning_shows_in_the_blob_that_was_written_last(place: AzureHarness, azure_server: AzureServer) -> None:
    assert place.store.versioning() is Versioning.UNKNOWN
    version_of(place, "b")
    assert place.store.versioning() is Versioning.ON
    azure_server.account.versioning = False
    with pytest.raises(VersioningOffError):
        place.store.put("a", DATA)
    assert place.store.versioning() is Versioning.UNKNOWN
    azure_server.account.versioning = True
    azure_server.account.pass_time(2)
    version_of(place, "c")
    assert place.store.versioning() is Versioning.ON


def test_versioning_is_unknown_to_whoever_may_not_list(place: AzureHarness, azure_server: AzureServer) -> None:
    version_of(place, "a")
    store = with_sas(place, azure_server, "rw")
    assert store.versioning() is Versioning.UNKNOWN
    with pytest.raises(AccessDeniedError, match="right to listing blobs"):
        list(store.listing(""))


def test_versioning_of_a_container_that_is_not_there(place: AzureHarness) -> None:
    with pytest.raises(VersionNotFoundError):
        place.misplaced().versioning()


def test_versioning_cannot_be_turned_on_from_here(place: AzureHarness) -> None:
    with pytest.raises(StoreError) as caught:
        place.store.enable_versioning()
    hint = str(caught.value.hint)
    assert "blob-service-properties update" in hint
    assert "--enable-versioning true" in hint
    assert "Enable and manage blob versioning" in hint


def listing_with(monkeypatch: pytest.MonkeyPatch, place: AzureHarness, **changed: object) -> None:
    """Have listings ask with other parameters."""
    client = place.store._link.current.plain()._client
    real = client.list_blobs
    monkeypatch.setattr(client, "list_blobs", lambda *a, **k: real(*a, **{**k, **changed}))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_listing_in_pages(
    place: AzureHarness, azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    stats = {}
    for key in ("a", "b/c", "d"):
        version_of(place, key)
        stats[key] = place.store.put(key, b"newer")
    listing_with(monkeypatch, place, results_per_page=size)
    assert list(place.store.listing("")) == [Listed(key, stat) for key, stat in stats.items()]
    assert list(place.store.listing("", "a")) == [Listed(key, stats[key]) for key in ("b/c", "d")]
    assert any("startfrom=base/a" in request for request in azure_server.asked("comp=list"))


def test_listing_in_a_service_that_begins_at_the_beginning(
    place: AzureHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b", "c"):
        version_of(place, key)
    listing_with(monkeypatch, place, start_from=None)
    assert [one.key for one in place.store.listing("", "b")] == ["c"]


def test_copy_that_takes_a_while(place: AzureHarness, azure_server: AzureServer) -> None:
    version = version_of(place, "a")
    azure_server.account.pending_polls = 2
    stat = place.store.copy("a", version, "b")
    assert place.store.stat("b") == stat
    assert place.store.read("b", str(stat.version_id)).data == DATA


@pytest.mark.parametrize("outcome", ["failed", "aborted"])
def test_copy_that_the_service_does_not_finish(place: AzureHarness, azure_server: AzureServer, outcome: str) -> None:
    version = version_of(place, "a")
    azure_server.account.pending_polls, azure_server.account.copies_end = 1, outcome
    with pytest.raises(UnavailableError, match=f"did not finish the copy: {outcome}"):
        place.store.copy("a", version, "b")


def test_copy_that_never_ends_is_given_up(
    place: AzureHarness, azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = version_of(place, "a")
    azure_server.account.pending_polls = 1000
    times: Iterator[float] = iter([0.0, 1.0, PATIENCE_S + 1])
    monkeypatch.setattr(Copier.__init__, "__kwdefaults__", {"sleep": lambda _: None, "clock": lambda: next(times)})
    fresh = azure_store(azure_server.connection_string, container=place.container, prefix="base")
    with pytest.raises(StoreError, match="has not finished the copy"):
        fresh.copy("a", version, "b")


def test_copy_with_a_shared_access_signature(place: AzureHarness, azure_server: AzureServer) -> None:
    version = version_of(place, "ü a#?&")
    store = with_sas(place, azure_server, "rw")
    stat = store.copy("ü a#?&", version, "b")
    assert store.read("b", str(stat.version_id)).data == DATA
    with pytest.raises(AccessDeniedError):
        with_sas(place, azure_server, "w").copy("ü a#?&", version, "b")


def test_copy_in_an_account_that_stopped_keeping_versions(place: AzureHarness, azure_server: AzureServer) -> None:
    version = version_of(place, "a")
    azure_server.account.versioning = False
    with pytest.raises(VersioningOffError):
        place.store.copy("a", version, "b")


def lying(change: Callable[[Answered], Answered]) -> Callable[[AzureRequest, Answered], Answered]:
    return lambda request, answer: change(answer) if request.method == "GET" else answer


@pytest.mark.parametrize("key", ["a", "tab\t"], ids=["obstore", "sdk"])
def test_answer_that_is_another_version(place: AzureHarness, azure_server: AzureServer, key: str) -> None:
    version, other = version_of(place, key), version_of(place, key)
    azure_server.alter = lying(
        lambda answer: Answered(answer.status, {**answer.headers, "x-ms-version-id": other}, answer.body)
    )
    with pytest.raises(IntegrityError, match="asked for version"):
        place.store.read(key, version)


@pytest.mark.parametrize("key", ["a", "tab\t"], ids=["obstore", "sdk"])
@pytest.mark.parametrize("header", ["bytes 0-3/10", "bytes 2-4/10", "nonsense"])
def test_answer_that_is_another_range(place: AzureHarness, azure_server: AzureServer, key: str, header: str) -> None:
    version = version_of(place, key)
    azure_server.alter = lying(lambda answer: Answered(206, {**answer.headers, "Content-Range": header}, answer.body))
    with pytest.raises(IntegrityError):
        place.store.read(key, version, 2, 4)


@pytest.mark.parametrize("key", ["a", "tab\t"], ids=["obstore", "sdk"])
@pytest.mark.parametrize("how", [{"cut": 3}, {"reset": True}], ids=["cut", "reset"])
def test_answer_that_breaks_off(
    place: AzureHarness, azure_server: AzureServer, key: str, how: dict[str, object]
) -> None:
    version = version_of(place, key)
    azure_server.alter = lying(lambda answer: Answered(answer.status, answer.headers, answer.body, **how))
    with pytest.raises(UnavailableError):
        place.store.read(key, version)


def test_server_that_is_not_there(tmp_path: Path) -> None:
    store = azure_store("AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a")
    for action in (lambda: store.read("a", AzureHarness.absent_version), lambda: store.stat("a")):
        with pytest.raises(UnavailableError, match="refused the connection"):
            action()
