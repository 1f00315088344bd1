"""What Google Cloud Storage's refusals become, through either library and API, and what of them is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from gcs_harness import gcs_store
from servers.gcs import Gcs
from servers.gcs_http import Request
from servers.scripted import Answer

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    IntegrityError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.stores.gcs import GcsStore
from cvfs.stores.gcs.answers import Question, error_for, refusal_in
from cvfs.stores.gcs.options import GcsOptions
from cvfs.stores.retry import RetryingStore

ASKED = Question("gs://bucket", "bucket", "key", "17", lambda: "credentials: somewhere")
SECRET = "ya29.secret-token-of-somebody"


def in_json(status: int, reason: str = "", message: str = "") -> Answer:
    item = {"domain": "global", "reason": reason, "message": message}
    body = {"error": {"code": status, "message": message, "errors": [item]}}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def in_xml(status: int, code: str = "", message: str = "") -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


#: Status, reason in JSON, code in XML, message, and what it becomes.
ROWS = [
    (401, "authError", "AuthenticationRequired", "Invalid Credentials", CredentialsError),
    (403, "forbidden", "AccessDenied", "does not have storage.objects.get access", AccessDeniedError),
    (403, "rateLimitExceeded", "rateLimitExceeded", "slow down", UnavailableError),
    (403, "accountDisabled", "UserProjectAccountProblem", "The billing account is disabled", AccessDeniedError),
    (404, "notFound", "NoSuchKey", "No such object", VersionNotFoundError),
    (404, "notFound", "NoSuchBucket", "The specified bucket does not exist.", VersionNotFoundError),
    (408, "", "RequestTimeout", "", UnavailableError),
    (409, "conflict", "OperationAborted", "", UnavailableError),
    (416, "requestedRangeNotSatisfiable", "InvalidRange", "", IntegrityError),
    (429, "rateLimitExceeded", "SlowDown", "", UnavailableError),
    (500, "backendError", "InternalError", "", UnavailableError),
    (502, "", "", "", UnavailableError),
    (503, "backendError", "ServiceUnavailable", "", UnavailableError),
    (504, "", "", "", UnavailableError),
    (400, "invalid", "InvalidArgument", "this makes no sense", StoreError),
    (418, "", "", "", StoreError),
]


@pytest.mark.parametrize(("status", "reason", "code", "message", "expected"), ROWS)
def test_refusals(gcs: Gcs, status: int, reason: str, code: str, message: str, expected: type[StoreError]) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    store.check()

    def refuse(request: Request) -> Answer | None:
        if request.segments == ("token",):
            return None
        of_json = request.segments[0] in {"storage", "upload", "download"}
        return in_json(status, reason, message) if of_json else in_xml(status, code, message)

    actions: dict[str, Callable[[], object]] = {
        "fast": lambda: store.read("a", "17", 1),
        "plain": lambda: store.read("a//b", "17", 1),
        "stat": lambda: store.stat("a"),
        "copy": lambda: store.copy("a", "17", "b"),
        "put": lambda: store.put("a", b"x"),
        "large put": lambda: store.put("a", bytes(9 << 20)),
        "listing": lambda: list(store.listing("")),
        "enable": store.enable_versioning,
    }
    for name, action in actions.items():
        with gcs.intercepted(refuse), pytest.raises(StoreError) as caught:
            action()
        assert type(caught.value) is expected or isinstance(caught.value, expected), name
        assert (expected is StoreError) == (type(caught.value) is StoreError), name
        assert store.url in caught.value.message, name


def test_without_the_right_to_list_a_missing_object_is_a_forbidden_one(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket(), credentialpath=str(gcs.account("objects.get")))
    for key in ("never", "never//"):
        with pytest.raises(AccessDeniedError) as caught:
            store.read(key, "17")
        assert "does not exist" in str(caught.value.hint)
        assert "storage.objects.list" in str(caught.value.hint)


def test_busy_store_is_asked_again(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())
    version = str(store.put("a", b"x").version_id)
    failures = [Answer(503), Answer(429), Answer(reset=True), Answer(500)]

    def busy(request: Request) -> Answer | None:
        return failures.pop() if failures and request.segments != ("token",) else None

    with gcs.intercepted(busy):
        assert RetryingStore(store, sleep=lambda _: None).read("a", version).data == b"x"
    assert failures == []


@pytest.mark.parametrize(
    "text", [f"Bearer {SECRET}", f"token {SECRET}", "upload_id=secret-of-a-session", "Signature=secret"]
)
@pytest.mark.parametrize("make", [in_json, in_xml])
def test_words_of_the_server_that_may_hold_a_secret_are_not_shown(make: Callable[..., Answer], text: str) -> None:
    for status in (400, 403):
        answer = make(status, "whatever", f"The request with {text} was refused")
        error = error_for(refusal_in(status, answer.body.decode()), ASKED)
        assert "secret" not in str(error)


@pytest.mark.parametrize("make", [in_json, in_xml])
def test_words_of_the_server_that_help_are_shown(make: Callable[..., Answer]) -> None:
    answer = make(403, "forbidden", "The billing account\n  of the project is disabled")
    error = error_for(refusal_in(403, answer.body.decode()), ASKED)
    assert "The billing account of the project is disabled" in error.message
    assert "credentials: somewhere" in error.message


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "<html>", '{"error": "text"}', '{"error": {"errors": [1]}}', "\x00"]
)
def test_bodies_that_are_no_message(body: str) -> None:
    assert isinstance(error_for(refusal_in(503, body), ASKED), UnavailableError)
    assert isinstance(error_for(refusal_in(404, body), ASKED), VersionNotFoundError)


def test_upload_session_is_never_shown(gcs: Gcs) -> None:
    store = gcs_store(gcs, gcs.make_bucket())

    def refuse(request: Request) -> Answer | None:
        if "upload_id" in request.query:
            return in_json(400, "invalid", f"no such thing: {request.target}")
        return None

    with gcs.intercepted(refuse), pytest.raises(StoreError) as caught:
        store.put("a", bytes(9 << 20))
    assert "upload_id" not in str(caught.value)


@pytest.mark.parametrize("key", ["a", "a//b"])
def test_server_that_is_not_there(key: str) -> None:
    store = GcsStore(GcsOptions("remote 'up'", "bucket", endpointurl="http://127.0.0.1:9", anonymous=True))
    for action in (lambda: store.read(key, "17"), lambda: store.put(key, b"x"), lambda: store.put(key, bytes(9 << 20))):
        with pytest.raises(UnavailableError, match="cannot be reached"):
            action()
