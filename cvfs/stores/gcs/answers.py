"""What Google Cloud Storage's refusals mean, in terms of ``cvfs.errors``. One table for both of its APIs.

Codes: https://cloud.google.com/storage/docs/json_api/v1/status-codes and
https://cloud.google.com/storage/docs/xml-api/reference-status. The text that comes along is shown only where it helps
and cannot hold a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    IntegrityError,
    KeyTakenError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.stores.obstore_failures import element
from cvfs.stores.ranges import BeyondEndError

#: The permission that most questions need.
READING = "storage.objects.get"

#: Refusals with status 403 that are about speed.
_TOO_FAST = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
#: 410 is for an upload whose session has ended, and another one can begin.
_TRY_AGAIN_STATUS = {408, 409, 410, 425, 429}
_OTHER_BYTES = re.compile(r"(MD5|CRC32C) hash .*doesn't match", re.IGNORECASE)
_NO_PAYER = re.compile(r"requester pays bucket but no user project", re.IGNORECASE)
_TELLING = re.compile(r"signature|bearer|ya29\.|secret|upload_id", re.IGNORECASE)


class RequesterPaysError(StoreError):
    """Whoever asks this bucket has to name a project that pays for it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as messages name it. ``credentials`` tells how those were found that were used.

    ``needs`` names the permission that it takes.
    """

    label: str
    bucket: str
    key: str
    version_id: str | None
    credentials: Callable[[], str]
    needs: str = READING

    def __str__(self) -> str:
        version = "" if self.version_id is None else f", version {self.version_id!r}"
        return f"{self.label}: {self.key!r}{version}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status. ``code`` is the JSON API's reason or the XML API's code."""

    status: int
    code: str = ""
    text: str = ""


def refusal_in(status: int, body: str) -> Refusal:
    """Find code and text in the body of an answer, in JSON, XML, or neither."""
    if body.lstrip().startswith("<"):
        return Refusal(status, element("Code", body), element("Details", body) or element("Message", body))
    try:
        error = json.loads(body)["error"]
        reasons = [str(item.get("reason", "")) for item in error.get("errors", [])]
        return Refusal(status, reasons[0] if reasons else "", str(error.get("message", "")))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Refusal(status, "", body)


def error_for(refusal: Refusal, asked: Question) -> StoreError:
    """Return the error that ``refusal`` means."""
    for rule in (_missing, _credentials_refused, _unpaid, _denied, _beyond_end, _not_stored):
        if (error := rule(refusal, asked)) is not None:
            return error
    name = f"{refusal.status} {refusal.code}".strip()
    if _passes(refusal):
        return UnavailableError(f"{asked}: the store answered {name}")
    return StoreError(f"{asked}: the store answered {name}{_said(refusal)}")


def no_such_version(asked: Question) -> VersionNotFoundError:
    """Return the error for an id that no version can have."""
    return VersionNotFoundError(f"{asked}: there is no such generation: they are numbers")


def _missing(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status != 404:
        return None
    bucket = refusal.code == "NoSuchBucket" or "bucket does not exist" in refusal.text
    what = "the bucket does not exist" if bucket else "no such object or version"
    return VersionNotFoundError(f"{asked}: {what}")


def _credentials_refused(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status == 401:
        return CredentialsError(
            f"{asked}: the credentials were refused ({asked.credentials()})",
            hint="sign in again, with gcloud auth application-default login, or use another key",
        )
    return None


def _unpaid(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code != "UserProjectMissing" and _NO_PAYER.search(refusal.text) is None:
        return None
    return RequesterPaysError(
        f"{asked}: whoever asks the bucket {asked.bucket!r} pays for it, and no project is named that does",
        hint="name one: GOOGLE_CLOUD_QUOTA_PROJECT, gcloud auth application-default set-quota-project, or the remote's "
        "projectname, set by you and not just in a commit",
    )


def _denied(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status != 403 or refusal.code in _TOO_FAST:
        return None
    hint = f"these credentials lack {asked.needs}, or a policy says no"
    if asked.needs == READING:
        hint = (
            f"either these credentials lack {asked.needs}, or the object or version does not exist: without "
            "storage.objects.list, the answer to both is the same"
        )
    return AccessDeniedError(f"{asked}: access denied ({asked.credentials()}){_said(refusal)}", hint=hint)


def _beyond_end(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status == 416:
        return BeyondEndError(f"{asked}: the object ends before the bytes that were asked for")
    return None


def _not_stored(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.status == 412:
        return KeyTakenError(f"{asked}: an object is there already")
    if refusal.code in {"BadDigest", "CrcMismatch"} or _OTHER_BYTES.search(refusal.text):
        return IntegrityError(f"{asked}: the store got other bytes than those sent")
    return None


def _passes(refusal: Refusal) -> bool:
    return refusal.code in _TOO_FAST or refusal.status in _TRY_AGAIN_STATUS or refusal.status >= 500


def _said(refusal: Refusal) -> str:
    text = " ".join(refusal.text.split())
    return f": {text[:300]}" if text and not _TELLING.search(text) else ""
