"""Uploads to Azure: whole or in blocks, verified by the service, in bounded memory, and what becomes of failures."""

from __future__ import annotations

import base64
import hashlib
import os
import threading

import pytest
from azure_harness import AzureHarness, served_azure
from servers.azure import AzureServer
from servers.azure_access import AzureRequest
from servers.azure_rest import Answered

from cvfs.errors import AccessDeniedError, IntegrityError, KeyTakenError, UnavailableError
from cvfs.stores.azure.uploading import BLOCK_SIZE, BLOCKS_AT_ONCE

LARGE = os.urandom(1 << 20) * 50 + b"end"


@pytest.fixture
def place(azure_server: AzureServer) -> AzureHarness:
    return served_azure(azure_server)


def uploads(server: AzureServer) -> list[AzureRequest]:
    return [request for request, _ in server.requests if request.method == "PUT" and request.blob]


def test_small_upload_is_one_request_with_its_md5(place: AzureHarness, azure_server: AzureServer) -> None:
    place.store.put("a", b"data")
    (request,) = uploads(azure_server)
    assert request.headers["content-md5"] == base64.b64encode(hashlib.md5(b"data").digest()).decode()
    assert request.headers["x-ms-blob-type"] == "BlockBlob"


def test_every_block_and_their_list_have_an_md5(place: AzureHarness, azure_server: AzureServer) -> None:
    place.store.put("a", LARGE)
    sent = uploads(azure_server)
    assert [request.query["comp"] for request in sent].count("block") == -(-len(LARGE) // BLOCK_SIZE)
    assert sent[-1].query["comp"] == "blocklist"
    for request in sent:
        assert request.headers["content-md5"] == base64.b64encode(hashlib.md5(request.body).digest()).decode()


@pytest.mark.parametrize("part", ["base/a", "comp=block", "comp=blocklist"])
def test_bytes_damaged_on_their_way(place: AzureHarness, azure_server: AzureServer, part: str) -> None:
    kept = place.store.put("a", b"kept")
    azure_server.refuse("PUT", part, 400, "Md5Mismatch", times=10)
    with pytest.raises(IntegrityError, match="other bytes than those sent"):
        place.store.put("a", LARGE if "comp" in part else b"data")
    assert place.store.stat("a") == kept


def test_block_that_fails_does_not_cost_the_others(
    place: AzureHarness, azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure_server.refuse("PUT", "comp=block&", 503, "ServerBusy")
    fault = azure_server.refuse("PUT", "comp=block", 503, "ServerBusy")
    stat = place.store.put("a", LARGE)
    assert place.store.read("a", str(stat.version_id)).data == LARGE
    assert fault.struck == 1
    blocks = [request for request in uploads(azure_server) if request.query["comp"] == "block"]
    assert len(blocks) == -(-len(LARGE) // BLOCK_SIZE) + 1


def test_failed_upload_begins_no_more_blocks(place: AzureHarness, azure_server: AzureServer) -> None:
    azure_server.refuse("PUT", "comp=block", 403, "AuthorizationPermissionMismatch", times=1000)
    with pytest.raises(AccessDeniedError):
        place.store.put("a", os.urandom(1 << 20) * 16 * (BLOCKS_AT_ONCE + 4))
    assert len(uploads(azure_server)) < BLOCKS_AT_ONCE + 4


def test_blocks_at_once_are_bounded(place: AzureHarness, azure_server: AzureServer) -> None:
    count, most, lock = 0, 0, threading.Lock()
    answer = azure_server.answer

    def counting(request: AzureRequest) -> Answered:
        nonlocal count, most
        with lock:
            count += 1
            most = max(most, count)
        try:
            return answer(request)
        finally:
            with lock:
                count -= 1

    azure_server.answer = counting
    place.store.put("a", os.urandom(1 << 20) * 16 * (BLOCKS_AT_ONCE + 2))
    assert 1 <= most <= BLOCKS_AT_ONCE


def test_two_uploads_of_one_blob_never_mix(place: AzureHarness, azure_server: AzureServer) -> None:
    place.store.put("a", LARGE)
    place.store.put("b", LARGE)
    ids = [request.query["blockid"] for request in uploads(azure_server) if request.query["comp"] == "block"]
    assert len(set(ids)) == len(ids)


def test_blob_that_somebody_else_wrote_meanwhile(place: AzureHarness, azure_server: AzureServer) -> None:
    answer = azure_server.answer

    def meanwhile(request: AzureRequest) -> Answered:
        if request.query.get("comp") == "blocklist":
            azure_server.answer = answer
            place.client.upload_blob("base/a", b"theirs", overwrite=True)
        return answer(request)

    azure_server.answer = meanwhile
    with pytest.raises(UnavailableError, match="InvalidBlockList"):
        place.store.put("a", LARGE)
    assert place.store.read("a", None).data == b"theirs"
    place.store.put("a", LARGE)
    assert place.store.stat("a").size == len(LARGE)


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_creation_that_comes_too_late(place: AzureHarness, azure_server: AzureServer, data: bytes) -> None:
    answer = azure_server.answer

    def meanwhile(request: AzureRequest) -> Answered:
        if request.headers.get("if-none-match") == "*":
            azure_server.answer = answer
            place.client.upload_blob("base/a", b"theirs", overwrite=True)
        return answer(request)

    azure_server.answer = meanwhile
    # The list of blocks is refused for the blob's sake or for its own: whoever wrote has dropped the blocks.
    with pytest.raises(KeyTakenError):
        place.store.put("a", data, create_only=True)
    assert place.store.read("a", None).data == b"theirs"


def test_large_creation_of_what_is_there_sends_nothing(place: AzureHarness, azure_server: AzureServer) -> None:
    place.store.put("a", b"kept")
    before = len(uploads(azure_server))
    with pytest.raises(KeyTakenError):
        place.store.put("a", LARGE, create_only=True)
    assert len(uploads(azure_server)) == before


def test_lease_is_no_reason_to_think_that_the_key_is_taken(place: AzureHarness, azure_server: AzureServer) -> None:
    azure_server.refuse("PUT", "base/a", 412, "LeaseIdMissing", "There is currently a lease on the blob.")
    with pytest.raises(Exception, match="412 LeaseIdMissing: There is currently a lease") as caught:
        place.store.put("a", b"x")
    assert not isinstance(caught.value, KeyTakenError)
