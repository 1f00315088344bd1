"""What each of Azure's refusals becomes, whichever library brought it; and that no message holds a secret."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from azure_harness import AzureHarness, azure_store, served_azure
from servers.azure import AzureServer

from cvfs.errors import (
    AccessDeniedError,
    ArchivedError,
    CredentialsError,
    IntegrityError,
    KeyTakenError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)

#: What the service itself may say along with a refusal.
TELLING = "The MAC signature 'c2VjcmV0U2lnbmF0dXJl' for sig=leaked is not the one computed from 'c2VjcmV0'."
SECRETS = ("c2VjcmV0", "leaked")

Action = Callable[[Any, str], object]
READS: dict[str, tuple[str, Action]] = {
    "obstore": ("GET", lambda store, version: store.read("a", version)),
    "sdk": ("GET", lambda store, version: store.read("tab\t", version)),
    "stat": ("HEAD", lambda store, version: store.stat("a", version)),
    "put": ("PUT", lambda store, version: store.put("a", b"x")),
    "copy": ("PUT", lambda store, version: store.copy("a", version, "b")),
    "list": ("GET", lambda store, version: list(store.listing(""))),
}


@pytest.fixture
def place(azure_server: AzureServer) -> AzureHarness:
    return served_azure(azure_server)


@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (404, "BlobNotFound", VersionNotFoundError, "does not exist"),
        (404, "ContainerNotFound", VersionNotFoundError, "the container does not exist"),
        (409, "ContainerBeingDeleted", VersionNotFoundError, "the container is being deleted"),
        (401, "NoAuthenticationInformation", CredentialsError, "wants credentials"),
        (401, "InvalidAuthenticationInfo", CredentialsError, "token was refused"),
        (403, "AuthenticationFailed", CredentialsError, "wrong or has expired"),
        (403, "AuthorizationFailure", AccessDeniedError, "firewall"),
        (403, "AuthorizationPermissionMismatch", AccessDeniedError, "right is missing"),
        (403, "AuthorizationProtocolMismatch", AccessDeniedError, "https only"),
        (403, "AuthorizationSourceIPMismatch", AccessDeniedError, "other addresses"),
        (403, "KeyBasedAuthenticationNotPermitted", AccessDeniedError, "no account keys"),
        (403, "AccountIsDisabled", AccessDeniedError, "disabled"),
        (409, "PublicAccessNotPermitted", AccessDeniedError, "no public containers"),
        (403, "SomethingNew", AccessDeniedError, "SomethingNew"),
        (409, "BlobArchived", ArchivedError, "archive tier"),
        (409, "BlobBeingRehydrated", ArchivedError, "out of the archive tier"),
        (503, "ServerBusy", UnavailableError, "503 ServerBusy"),
        (500, "OperationTimedOut", UnavailableError, "OperationTimedOut"),
        (500, "InternalError", UnavailableError, "500 InternalError"),
        (429, "TooManyRequests", UnavailableError, "TooManyRequests"),
        (400, "InvalidResourceName", StoreError, "400 InvalidResourceName"),
    ],
)
def test_refusals(
    place: AzureHarness,
    azure_server: AzureServer,
    how: str,
    status: int,
    code: str,
    error: type[StoreError],
    words: str,
) -> None:
    version = str(place.store.put("a", b"data").version_id)
    method, action = READS[how]
    azure_server.refuse(method, place.container, status, code, TELLING, times=5)
    with pytest.raises(error) as caught:
        action(place.store, version)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert place.store.url in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (*SECRETS, azure_server.key))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (409, "BlobAlreadyExists", KeyTakenError),
        (412, "ConditionNotMet", KeyTakenError),
        (412, "TargetConditionNotMet", KeyTakenError),
        (400, "Md5Mismatch", IntegrityError),
        (400, "InvalidBlockList", UnavailableError),
        (403, "UnauthorizedBlobOverwrite", AccessDeniedError),
        (409, "BlobImmutableDueToPolicy", AccessDeniedError),
        (409, "PendingCopyOperation", UnavailableError),
        (409, "InvalidBlobType", StoreError),
    ],
)
def test_refusals_of_uploads(
    place: AzureHarness, azure_server: AzureServer, status: int, code: str, error: type[StoreError]
) -> None:
    azure_server.refuse("PUT", "base/a", status, code)
    with pytest.raises(error) as caught:
        place.store.put("a", b"x")
    assert type(caught.value) is error


def test_archived_version_comes_with_the_command_that_restores_it(place: AzureHarness) -> None:
    version = str(place.store.put("a b's", b"data").version_id)
    place.client.get_blob_client("base/a b's").set_standard_blob_tier("Archive")
    for action in (place.store.read, lambda key, version: place.store.copy(key, version, "to")):
        with pytest.raises(ArchivedError) as caught:
            action("a b's", version)
        hint = str(caught.value.hint)
        assert "az rest --method put" in hint
        assert f"base/a%20b%27s?comp=tier&versionid={version}" in hint
        assert "x-ms-access-tier=Hot" in hint
    assert place.store.stat("a b's", version).size == 4


def test_secrets_are_in_no_message(place: AzureHarness, azure_server: AzureServer) -> None:
    version = str(place.store.put("a", b"data").version_id)
    sas = azure_server.sas(place.container, "d")
    text = f"BlobEndpoint={azure_server.endpoint};SharedAccessSignature={sas}"
    store = azure_store(text, container=place.container, prefix="base")
    for action in READS.values():
        with pytest.raises(AccessDeniedError) as caught:
            action[1](store, version)
        shown = "".join(traceback.format_exception_only(caught.value))
        assert "shared access signature" in shown
        assert sas.partition("sig=")[2] not in shown
        assert unquote(sas.partition("sig=")[2]) not in shown
