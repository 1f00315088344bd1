"""What S3's refusals mean, in terms of ``cvfs.errors``. One table, whichever library brought the answer.

Error codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what compatible servers do
instead. The text that a server sends along is shown only where it helps and cannot hold a signature.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

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
from cvfs.stores.ranges import BeyondEndError

_MISSING = {
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchKey": "the object does not exist",
    "NoSuchVersion": "this version no longer exists",
}
#: What an answer to HEAD has instead of a code. 405 is for the id of a delete marker.
_MISSING_STATUS = {404: "no such object or version", 405: "this version is a delete marker"}
_REFUSED_CREDENTIALS = {
    "ExpiredToken": "the session token has expired",
    "ExpiredTokenException": "the session token has expired",
    "InvalidAccessKeyId": "the access key is unknown there",
    "InvalidClientTokenId": "the access key is unknown there",
    "InvalidSecurity": "the credentials are not valid",
    "InvalidToken": "the session token is not valid",
    "RequestExpired": "the request had expired on arrival: this machine's clock may be wrong",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the server's",
    "SignatureDoesNotMatch": "the secret access key does not fit the access key",
    "TokenRefreshRequired": "the session token has to be renewed",
}
_WRONG_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
#: NoSuchUpload: somebody has ended the upload in parts, and another one can begin.
_TRY_AGAIN = {
    *("NoSuchUpload", "OperationAborted", "RequestTimeout", "SlowDown", "ThrottlingException", "TooManyRequests"),
}
_TRY_AGAIN_STATUS = {408, 409, 425, 429}
#: What was received is not what the checksum that came with it says.
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_TELLING = re.compile(r"signature|credential|token|secret|X-Amz-", re.IGNORECASE)


#: What to do about a server that cannot prove who it is.
CERTIFICATE_HINT = "set the remote's ssl_verify, or AWS_CA_BUNDLE, to a file with the authority's certificate"

#: The permission that most questions need.
READING = "s3:GetObjectVersion"
READING_CURRENT = "s3:GetObject"


class WrongRegionError(StoreError):
    """The bucket lives in another region than the one that was asked: ``region``, if the store said which."""

    def __init__(self, asked: Question, region: str | None) -> None:
        where = f"region {region}" if region else "another region"
        hint = f"set the remote's region option, or AWS_DEFAULT_REGION, to {region or 'the region of the bucket'}"
        super().__init__(f"{asked}: the bucket {asked.bucket!r} belongs to {where}", hint=hint)
        self.region = region


class UnsupportedError(StoreError):
    """The store does not know the operation, or a condition that was set for it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of S3, as messages name it. ``credentials`` tells how those were found that were used.

    ``needs`` names the permissions that it takes.
    """

    label: str
    bucket: str
    key: str
    version_id: str | None
    credentials: Callable[[], str]
    needs: str = READING

    def __str__(self) -> str:
        if not self.key:
            return self.label
        version = "" if self.version_id is None else f", version {self.version_id!r}"
        return f"{self.label}: {self.key!r}{version}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status. ``code`` and ``text`` are S3's own; ``region`` the one it would have liked."""

    status: int
    code: str = ""
    text: str = ""
    region: str | None = None


def error_for(refusal: Refusal, asked: Question) -> StoreError:
    """Return the error that ``refusal`` means."""
    for rule in (_missing, _elsewhere, _credentials_refused, _archived, _denied, _beyond_end, _not_stored):
        if (error := rule(refusal, asked)) is not None:
            return error
    return _other(refusal, asked)


def other_bytes(asked: Question) -> IntegrityError:
    """Return the error for an answer that is not the range that was asked for."""
    return IntegrityError(f"{asked}: the store answered with other bytes than those asked for")


def _missing(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code in _TRY_AGAIN:
        return None
    if refusal.code in _MISSING or refusal.status in {404, 405}:
        why = _MISSING.get(refusal.code, _MISSING_STATUS.get(refusal.status))
        return VersionNotFoundError(f"{asked}: {why}")
    if refusal.code == "InvalidArgument" and asked.version_id is not None:
        return VersionNotFoundError(f"{asked}: the store knows no such version id")
    return None


def _elsewhere(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code in _WRONG_REGION or refusal.status in {301, 307}:
        return WrongRegionError(asked, refusal.region)
    return None


def _credentials_refused(refusal: Refusal, asked: Question) -> StoreError | None:
    why = _REFUSED_CREDENTIALS.get(refusal.code)
    if why is None and refusal.status != 401:
        return None
    return CredentialsError(f"{asked}: {why or 'the credentials were refused'} ({asked.credentials()})")


def _archived(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code == "InvalidObjectState":
        return ArchivedError(f"{asked}: the object lies in an archive tier", hint=_restore_command(asked))
    return None


def _denied(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status != 403:
        return None
    hint = f"these credentials lack {asked.needs}, or a policy of the bucket says no"
    if asked.needs in {READING, READING_CURRENT}:
        hint = (
            f"either these credentials lack {asked.needs}, or the object or version does not exist: "
            "without s3:ListBucket, S3 gives the same answer to both"
        )
    return AccessDeniedError(f"{asked}: access denied ({asked.credentials()}){_said(refusal)}", hint=hint)


def _beyond_end(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status == 416:
        return BeyondEndError(f"{asked}: the object ends before the bytes that were asked for")
    return None


def _not_stored(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status == 412:
        return KeyTakenError(f"{asked}: an object is there already")
    if refusal.code in _DAMAGED:
        return IntegrityError(f"{asked}: the store got other bytes than those sent ({refusal.code})")
    if refusal.status == 501:
        return UnsupportedError(f"{asked}: the store cannot do this: {refusal.code or 501}{_said(refusal)}")
    return None


def _other(refusal: Refusal, asked: Question) -> StoreError:
    name = f"{refusal.status} {refusal.code}".strip()
    again = refusal.code in _TRY_AGAIN or refusal.status in _TRY_AGAIN_STATUS
    if again or refusal.status >= 500:
        return UnavailableError(f"{asked}: the store answered {name}")
    hint = None
    if refusal.code == "InvalidRequest":
        hint = "if the object is encrypted with a key of your own, set the remote's sse_customer_key"
    return StoreError(f"{asked}: the store answered {name}{_said(refusal)}", hint=hint)


def _said(refusal: Refusal) -> str:
    text = " ".join(refusal.text.split())
    return f": {text[:300]}" if text and not _TELLING.search(text) else ""


def _restore_command(asked: Question) -> str:
    version = "" if asked.version_id is None else f" --version-id {shlex.quote(asked.version_id)}"
    return (
        f"restore it first: aws s3api restore-object --bucket {shlex.quote(asked.bucket)} "
        f"--key {shlex.quote(asked.key)}{version} --restore-request Days=7"
    )
