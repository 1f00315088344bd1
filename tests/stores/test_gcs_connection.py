"""Google Cloud Storage's protocol over TLS: whose certificates are taken."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from servers.certificates import Authority
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import StoreError, UnavailableError
from cvfs.stores.gcs import GcsStore
from cvfs.stores.gcs.options import GcsOptions


def one_object(request: Received) -> Answer:
    """Serve the object ``a`` by both APIs."""
    if request.target.startswith("/storage/"):
        return Answer(200, json.dumps({"name": "a", "size": "4", "generation": "17", "etag": "CBE="}).encode())
    headers = {"ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-goog-generation": "17"}
    return Answer(200, b"data", headers)


def store_at(server: ScriptedServer) -> GcsStore:
    server.answer = one_object
    return GcsStore(GcsOptions("remote 'up'", "bucket", endpointurl=server.endpoint, anonymous=True))


@pytest.mark.parametrize("key", ["a", "a//b"])
def test_certificate_of_an_unknown_authority_is_refused(tmp_path: Path, key: str) -> None:
    with ScriptedServer(Authority(tmp_path).certify("127.0.0.1")).running() as server:
        for action in (lambda: store_at(server).read(key, "17"), lambda: store_at(server).put(key, b"x")):
            with pytest.raises(StoreError, match="certificate cannot be trusted") as caught:
                action()
            assert not isinstance(caught.value, UnavailableError)
            assert "REQUESTS_CA_BUNDLE" in str(caught.value.hint)
        assert server.received == []


def test_authority_that_the_environment_names_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
    with ScriptedServer(authority.certify("127.0.0.1")).running() as server:
        store = store_at(server)
        with caplog.at_level(logging.INFO):
            assert [store.read("a", "17").data for _ in range(2)] == [b"data"] * 2
    assert caplog.text.count("obstore does not trust") == 1


def test_certificate_for_another_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
    with ScriptedServer(authority.certify("127.0.0.9")).running() as server:
        with pytest.raises(StoreError, match="certificate cannot be trusted"):
            store_at(server).read("a", "17")
