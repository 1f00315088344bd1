"""What becomes of credentials: tokens, signatures that expire, none at all; and none of them in any message."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure_harness import AzureHarness, azure_store
from servers.azure import AzureServer
from servers.certificates import Authority

from cvfs.errors import AccessDeniedError, CredentialsError, VersionNotFoundError
from cvfs.stores.azure import AzureStore
from cvfs.stores.azure.login import Login, Way
from cvfs.stores.azure.session import AzureSession
from cvfs.stores.renewal import INTERVAL_S
from cvfs.stores.transport import CertificateError

#: All ways by which azure-identity would ask other machines or programs.
EXCLUSIONS = (
    "exclude_environment_credential",
    "exclude_visual_studio_code_credential",
    "exclude_shared_token_cache_credential",
    "exclude_managed_identity_credential",
)
TOKEN = "secret-token"
SCRIPT = """#!/bin/sh
echo called >> "$(dirname "$0")/calls"
cat "$(dirname "$0")/answer"
"""


class FakeCli:
    """A program ``az`` that gives out a token: the one way of azure-identity that needs no network."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        program = directory / "az"
        program.write_text(SCRIPT)
        program.chmod(0o755)

    def signed_in(self, token: str, *, minutes: int = 60) -> None:
        expiry = datetime.now(UTC) + timedelta(minutes=minutes)
        answer = {"accessToken": token, "expires_on": int(expiry.timestamp()), "expiresOn": str(expiry)}
        (self._directory / "answer").write_text(json.dumps({**answer, "tokenType": "Bearer"}))

    def calls(self) -> int:
        found = self._directory / "calls"
        return len(found.read_text().splitlines()) if found.exists() else 0


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCli:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return FakeCli(tmp_path)


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureServer]:
    """Give a server with TLS, without which no token is sent; its authority is known to the SDK only."""
    authority = Authority(tmp_path)
    with AzureServer(authority.certify("127.0.0.1")).running() as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
        yield server


def default_store(server: AzureServer, monkeypatch: pytest.MonkeyPatch, container: str, **more: Any) -> Any:
    """Make a store that is reached with the default chain, at our server and not in Azure."""

    def login_of(*_: object) -> Login:
        return Login(server.endpoint, server.name, Way.DEFAULT, "this machine")

    monkeypatch.setattr("cvfs.stores.azure.session.login_of", login_of)
    return azure_store(container=container, exclusions=EXCLUSIONS, **more)


def test_default_chain_finds_a_token_and_keeps_it(
    secure: AzureServer, az: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.access.tokens[TOKEN] = "rwl"
    az.signed_in(TOKEN)
    store = default_store(secure, monkeypatch, secure.make_container())
    store.check()
    version = store.put("a", b"data").version_id
    assert store.read("a", version).data == b"data"
    assert store.stat("a").version_id == version
    copied = store.copy("a", version, "b").version_id
    assert store.read("b", copied).data == b"data"
    assert [one.key for one in store.listing("")] == ["a", "b"]
    assert az.calls() == 1


def test_certificate_that_only_the_sdk_trusts(
    secure: AzureServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cvfs")
    store = azure_store(secure.connection_string, container=secure.make_container())
    version = store.put("a", b"data").version_id
    assert store.read("a", version, 1, 2).data == b"at"
    assert "going through the SDK" in caplog.text
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    fresh = azure_store(secure.connection_string, container="container")
    with pytest.raises(CertificateError, match="TLS certificate"):
        fresh.read("a", AzureHarness.absent_version)


def test_user_without_credentials_is_told_so_in_time(az: FakeCli) -> None:
    store = azure_store(account_name="acc", exclusions=EXCLUSIONS)
    began = time.monotonic()
    with pytest.raises(CredentialsError) as caught:
        store.check()
    assert time.monotonic() - began < 60
    for part in ("remote 'up'", "az login", "allow_anonymous_login", "exclude_managed_identity_credential"):
        assert part in str(caught.value)
    # That there are none is remembered.
    calls = az.calls()
    with pytest.raises(CredentialsError):
        store.read("a", AzureHarness.absent_version)
    assert az.calls() == calls


def test_credentials_found_later_are_used(secure: AzureServer, az: FakeCli, monkeypatch: pytest.MonkeyPatch) -> None:
    secure.access.tokens[TOKEN] = "rwl"
    az.signed_in("expired")
    container = secure.make_container()
    secure.container(container).upload_blob("a", b"data")
    version = str(secure.container(container).get_blob_client("a").get_blob_properties().version_id)
    now = [0.0]
    monkeypatch.setattr(AzureStore.__init__, "__kwdefaults__", {"clock": lambda: now[0]})
    store = default_store(secure, monkeypatch, container)
    with pytest.raises(CredentialsError, match="the token was refused"):
        store.read("a", version)
    az.signed_in(TOKEN)
    with pytest.raises(CredentialsError):
        store.read("a", version)
    now[0] += INTERVAL_S
    assert store.read("a", version).data == b"data"


def test_service_principal_that_nobody_answers_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:9")
    store = azure_store(account_name="acc", tenant_id="t", client_id="the-id", client_secret="the-secret")
    with pytest.raises(CredentialsError, match="no token for the service principal 'the-id'") as caught:
        store.check()
    assert "the-secret" not in str(caught.value)


def test_shared_access_signatures(azure: AzureServer) -> None:
    container = azure.make_container()
    client = azure.container(container)
    client.upload_blob("a", b"data")
    version = str(client.get_blob_client("a").get_blob_properties().version_id)

    def store(sas: str) -> Any:
        return azure_store(f"BlobEndpoint={azure.endpoint};SharedAccessSignature=?{sas}", container=container)

    reader = store(azure.sas(container, "r"))
    assert reader.read("a", version).data == b"data"
    assert reader.stat("a", version).size == 4
    with pytest.raises(AccessDeniedError, match="writing blobs"):
        reader.put("a", b"x")
    expired = azure.sas(container, "r", minutes=-5)
    for action in (lambda: store(expired).read("a", version), lambda: store(expired).stat("a")):
        with pytest.raises(CredentialsError, match="expired") as caught:
            action()
        assert "sig" not in str(caught.value).replace("signature", "")


def test_anonymous_access_to_a_public_container(azure: AzureServer) -> None:
    public, private = azure.make_container(public_access="blob"), azure.make_container()
    for container in (public, private):
        azure.container(container).upload_blob("a", b"data")
    version = str(azure.container(public).get_blob_client("a").get_blob_properties().version_id)
    text = f"BlobEndpoint={azure.endpoint}"
    assert azure_store(text, container=public).read("a", version).data == b"data"
    with pytest.raises(VersionNotFoundError) as caught:
        azure_store(text, container=private).read("a", version)
    assert "not public" in str(caught.value.hint)


def test_nothing_of_obstores_own_environment_takes_part(azure: AzureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    container = azure.make_container(public_access="blob")
    azure.container(container).upload_blob("a", b"data")
    version = str(azure.container(container).get_blob_client("a").get_blob_properties().version_id)
    stores = [
        azure_store(azure.connection_string, container=container),
        azure_store(f"BlobEndpoint={azure.endpoint}", container=container),
    ]
    for name, text in {
        "AZURE_STORAGE_ACCOUNT_NAME": "other",
        "AZURE_STORAGE_ACCOUNT_KEY": "b3RoZXI=",
        "AZURE_STORAGE_SAS_KEY": "sig=other",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9",
        "AZURE_CONTAINER_NAME": "other",
        "AZURE_STORAGE_TOKEN": "other",
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURE_SKIP_SIGNATURE": "false",
    }.items():
        monkeypatch.setenv(name, text)
    assert [store.read("a", version).data for store in stores] == [b"data", b"data"]


def test_session_names_no_secret() -> None:
    store = azure_store("AccountName=acc;AccountKey=c2VjcmV0", container="c")
    session: AzureSession = store._link.current.session
    assert session.secrets() is not None
    assert "c2VjcmV0" not in f"{store.url}{session.login!r}{session.found_by()}"
