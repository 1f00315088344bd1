"""The table of S3's refusals, through both libraries that bring them."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from harness import s3_store
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import (
    AccessDeniedError,
    ArchivedError,
    CredentialsError,
    CvfsError,
    IntegrityError,
    KeyTakenError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.stores.s3.answers import UnsupportedError

#: A plain name goes through obstore, one with a control character through botocore.
KEYS = pytest.mark.parametrize("key", ["dir/a b", "dir/tab\tb"], ids=["obstore", "botocore"])

SECRETS = {"access_key_id": "AKIDTESTTESTTEST", "secret_access_key": "s3cr3ts3cr3t", "session_token": "t0k3nt0k3n"}


def refusal(status: int, code: str, message: str = "in the store's own words", more: str = "") -> Answer:
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message>{more}</Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


def read_error(server: ScriptedServer, answer: Answer, key: str = "dir/a b") -> CvfsError:
    server.always(answer)
    with pytest.raises(CvfsError) as caught:
        s3_store(server.endpoint, **SECRETS).read(key, "v1")
    return caught.value


@KEYS
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchKey", VersionNotFoundError),
        (404, "NoSuchVersion", VersionNotFoundError),
        (404, "NoSuchBucket", VersionNotFoundError),
        (404, "SomethingElse", VersionNotFoundError),
        (405, "MethodNotAllowed", VersionNotFoundError),
        (400, "InvalidArgument", VersionNotFoundError),
        (403, "AccessDenied", AccessDeniedError),
        (403, "AllAccessDisabled", AccessDeniedError),
        (401, "Unauthorized", CredentialsError),
        (403, "InvalidAccessKeyId", CredentialsError),
        (403, "SignatureDoesNotMatch", CredentialsError),
        (403, "RequestTimeTooSkewed", CredentialsError),
        (400, "ExpiredToken", CredentialsError),
        (400, "InvalidToken", CredentialsError),
        (400, "TokenRefreshRequired", CredentialsError),
        (403, "InvalidObjectState", ArchivedError),
        (416, "InvalidRange", IntegrityError),
        (503, "SlowDown", UnavailableError),
        (500, "InternalError", UnavailableError),
        (502, "", UnavailableError),
        (429, "TooManyRequests", UnavailableError),
        (408, "RequestTimeout", UnavailableError),
        (400, "RequestTimeout", UnavailableError),
        (409, "OperationAborted", UnavailableError),
        (409, "ConditionalRequestConflict", UnavailableError),
        (404, "NoSuchUpload", UnavailableError),
        (412, "PreconditionFailed", KeyTakenError),
        (400, "BadDigest", IntegrityError),
        (400, "InvalidRequest", StoreError),
        (501, "NotImplemented", UnsupportedError),
        (418, "Teapot", StoreError),
    ],
)
def test_refusal_becomes_an_error_of_ours(
    scripted: ScriptedServer, key: str, status: int, code: str, expected: type[CvfsError]
) -> None:
    error = read_error(scripted, refusal(status, code), key)
    assert type(error) is expected or (expected is IntegrityError and isinstance(error, expected))
    assert repr(key) in error.message
    assert "'v1'" in error.message


@KEYS
def test_message_holds_no_secret(scripted: ScriptedServer, key: str) -> None:
    details = "<AWSAccessKeyId>AKIDTESTTESTTEST</AWSAccessKeyId><SignatureProvided>cafe</SignatureProvided>"
    told = "Signature cafe of AKIDTESTTESTTEST does not fit"
    for status, code in ((403, "SignatureDoesNotMatch"), (403, "AccessDenied"), (400, "Odd"), (503, "SlowDown")):
        error = read_error(scripted, refusal(status, code, told, details), key)
        for secret in (*SECRETS.values(), "cafe", "X-Amz", "versionId=", "Signature="):
            assert secret not in str(error), code


@KEYS
def test_denial_names_both_causes_and_the_credentials(scripted: ScriptedServer, key: str) -> None:
    text = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: s3:GetObjectVersion"
    error = read_error(scripted, refusal(403, "AccessDenied", text), key)
    assert "access_key_id" in error.message
    assert text in error.message
    assert "s3:GetObjectVersion" in str(error.hint)
    assert "does not exist" in str(error.hint)


@KEYS
def test_archived_object_has_the_command_that_restores_it(scripted: ScriptedServer, key: str) -> None:
    error = read_error(scripted, refusal(403, "InvalidObjectState"), key)
    assert "aws s3api restore-object --bucket bucket" in str(error.hint)
    assert f"--key '{key}' --version-id v1" in str(error.hint)


@KEYS
@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>"),
        Answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", {"x-amz-bucket-region": "eu-west-1"}),
    ],
    ids=["malformed", "redirect"],
)
def test_bucket_of_another_region_is_asked_there(scripted: ScriptedServer, key: str, answer: Answer) -> None:
    def answer_by_region(request: Received) -> Answer:
        there = "/eu-west-1/s3/" in request.headers.get("authorization", "")
        return Answer(200, b"data", {"ETag": '"e"'}) if there else answer

    scripted.answer = answer_by_region
    store = s3_store(scripted.endpoint, **SECRETS)
    assert store.read(key, "v1").data == b"data"
    before = len(scripted.received)
    assert store.read(key, "v1").data == b"data"
    assert len(scripted.received) == before + 1


def test_region_that_stays_wrong_is_named_with_the_option_to_set(scripted: ScriptedServer) -> None:
    malformed = refusal(400, "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>")
    error = read_error(scripted, malformed)
    assert isinstance(error, StoreError)
    assert "region eu-west-1" in error.message
    assert "region option" in str(error.hint)
    assert len(scripted.received) == 2
    unsaid = read_error(scripted, refusal(301, "PermanentRedirect"))
    assert "another region" in unsaid.message


def test_region_that_could_be_another_host_is_not_followed(scripted: ScriptedServer) -> None:
    read_error(scripted, refusal(400, "AuthorizationHeaderMalformed", more="<Region>x.evil.example/</Region>"))
    assert len(scripted.received) == 1


def test_name_that_looks_like_an_answer_is_not_taken_for_one(scripted: ScriptedServer) -> None:
    key = "x status: 404, body: Some( <Code>NoSuchKey</Code> kind: Timeout,"
    scripted.always(refusal(503, "SlowDown", more=f"<Key>{escape(key)}</Key>"))
    with pytest.raises(UnavailableError):
        s3_store(scripted.endpoint, **SECRETS).read(key, "v1")


def test_refusal_without_a_body_goes_by_its_status(scripted: ScriptedServer) -> None:
    assert isinstance(read_error(scripted, Answer(404)), VersionNotFoundError)
    assert isinstance(read_error(scripted, Answer(403)), AccessDeniedError)
    assert isinstance(read_error(scripted, Answer(503)), UnavailableError)


def test_stat_of_a_delete_marker_is_not_found(scripted: ScriptedServer) -> None:
    scripted.always(Answer(405))
    with pytest.raises(VersionNotFoundError, match="delete marker"):
        s3_store(scripted.endpoint, **SECRETS).stat("a", "v1")
    assert [request.method for request in scripted.received] == ["HEAD"]
