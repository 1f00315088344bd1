"""What Azure's refusals mean, in terms of ``cvfs.errors``. One table, whichever library brought the answer.

Error codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes. Of what the service says
along with them, only what cannot hold a signature is shown.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

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
from cvfs.stores.azure.login import Login, Way
from cvfs.stores.ranges import BeyondEndError

_MISSING = {
    "BlobNotFound": "this blob or version does not exist (any more)",
    "CannotVerifyCopySource": "this blob or version does not exist (any more)",
    "ContainerBeingDeleted": "the container is being deleted",
    "ContainerNotFound": "the container does not exist",
    "ResourceNotFound": "the container or blob does not exist",
}
_REFUSED_CREDENTIALS = {
    "AuthenticationFailed": "the account key or SAS token was refused: it is wrong or has expired, or this machine's "
    "clock is wrong",
    "InvalidAuthenticationInfo": "the token was refused",
    "NoAuthenticationInformation": "the account wants credentials",
}
_DENIED = {
    "AccountIsDisabled": "the account is disabled",
    "AuthorizationFailure": "the account's firewall or network rules refuse this machine, or a right is missing",
    "AuthorizationPermissionMismatch": "a right is missing",
    "AuthorizationProtocolMismatch": "the SAS token is for https only",
    "AuthorizationResourceTypeMismatch": "the SAS token is for other kinds of resources",
    "AuthorizationServiceMismatch": "the SAS token is not for blobs",
    "AuthorizationSourceIPMismatch": "the SAS token is for other addresses",
    "BlobImmutableDueToPolicy": "an immutability policy protects the blob",
    "InsufficientAccountPermissions": "a right is missing",
    "KeyBasedAuthenticationNotPermitted": "the account takes no account keys and no SAS tokens made with them",
    "PublicAccessNotPermitted": "the account has no public containers",
    "UnauthorizedBlobOverwrite": "the SAS token allows no overwriting",
}
_ARCHIVED = {
    "BlobArchived": "the blob lies in the archive tier",
    "BlobBeingRehydrated": "the blob is on its way out of the archive tier, which takes up to 15 hours",
}
#: InvalidBlockList: somebody else has written the blob meanwhile, which drops the blocks that were waiting.
_TRY_AGAIN = {"InvalidBlockList", "OperationTimedOut", "PendingCopyOperation", "ServerBusy", "TooManyRequests"}
_TRY_AGAIN_STATUS = {408, 425, 429}
#: What was received is not what the checksum that came with it says.
_DAMAGED = {"Md5Mismatch", "Crc64Mismatch"}
_TAKEN = {"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"}
_TELLING = re.compile(r"signature|credential|token|secret|sig=|key", re.IGNORECASE)
_NEVER_A_CONDITION = re.compile("Lease")

READING = "reading blobs (the role Storage Blob Data Reader, or r in a SAS token)"
WRITING = "writing blobs (the role Storage Blob Data Contributor, or c and w in a SAS token)"
LISTING = "listing blobs (the role Storage Blob Data Reader, or l in a SAS token)"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as messages name it, and by which login. ``needs`` names the right that it takes."""

    label: str
    container: str
    key: str
    version_id: str | None
    login: Login
    needs: str = READING

    def __str__(self) -> str:
        version = "" if self.version_id is None else f", version {self.version_id!r}"
        return f"{self.label}: {self.key!r}{version}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an error status. ``code`` and ``text`` are Azure's own."""

    status: int
    code: str = ""
    text: str = ""


def error_for(refusal: Refusal, asked: Question) -> StoreError:
    """Return the error that ``refusal`` means."""
    for rule in (_missing, _credentials_refused, _archived, _denied, _beyond_end, _not_stored):
        if (error := rule(refusal, asked)) is not None:
            return error
    return _other(refusal, asked)


def beyond_end(asked: Question) -> BeyondEndError:
    """Return the error for a range that begins beyond the end."""
    return BeyondEndError(f"{asked}: the blob ends before the bytes that were asked for")


def _missing(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code in _MISSING or refusal.status == 404:
        hint = None
        if asked.login.way is Way.ANONYMOUS:
            hint = "without credentials, Azure gives the same answer for a container that is not public"
        return VersionNotFoundError(f"{asked}: {_MISSING.get(refusal.code, 'it does not exist')}", hint=hint)
    if refusal.code == "InvalidQueryParameterValue" and asked.version_id is not None:
        return VersionNotFoundError(f"{asked}: the store knows no such version id")
    return None


def _credentials_refused(refusal: Refusal, asked: Question) -> StoreError | None:
    why = _REFUSED_CREDENTIALS.get(refusal.code)
    if why is None and refusal.status != 401:
        return None
    return CredentialsError(f"{asked}: {why or 'the credentials were refused'} ({asked.login})")


def _archived(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code not in _ARCHIVED:
        return None
    hint = _restore_command(asked) if refusal.code == "BlobArchived" else "wait until that is done"
    return ArchivedError(f"{asked}: {_ARCHIVED[refusal.code]}", hint=hint)


def _denied(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code not in _DENIED and refusal.status != 403:
        return None
    why = _DENIED.get(refusal.code, refusal.code)
    return AccessDeniedError(
        f"{asked}: access denied{f': {why}' if why else ''} ({asked.login})",
        hint=f"this takes a right to {asked.needs}",
    )


def _beyond_end(refusal: Refusal, asked: Question) -> StoreError | None:
    return beyond_end(asked) if refusal.status == 416 else None


def _not_stored(refusal: Refusal, asked: Question) -> StoreError | None:
    if refusal.code in _TAKEN or (refusal.status == 412 and not _NEVER_A_CONDITION.search(refusal.code)):
        return KeyTakenError(f"{asked}: a blob is there already")
    if refusal.code in _DAMAGED:
        return IntegrityError(f"{asked}: the store got other bytes than those sent ({refusal.code})")
    return None


def _other(refusal: Refusal, asked: Question) -> StoreError:
    name = f"{refusal.status} {refusal.code}".strip()
    if refusal.code in _TRY_AGAIN or refusal.status in _TRY_AGAIN_STATUS or refusal.status >= 500:
        return UnavailableError(f"{asked}: the store answered {name}")
    return StoreError(f"{asked}: the store answered {name}{_said(refusal)}")


def _said(refusal: Refusal) -> str:
    # The lines behind the first one identify the request.
    text = refusal.text.strip().partition("\n")[0].strip()
    return f": {text[:300]}" if text and not _TELLING.search(text) else ""


def _restore_command(asked: Question) -> str:
    """Return what changes the tier of just this version, which Azure's command line has no word of its own for."""
    url = f"{asked.login.endpoint}/{asked.container}/{quote(asked.key)}?comp=tier"
    version = "" if asked.version_id is None else f"&versionid={asked.version_id}"
    return (
        "restore it first, which takes up to 15 hours: az rest --method put --resource https://storage.azure.com "
        f"--headers x-ms-version=2021-12-02 x-ms-access-tier=Hot --url {shlex.quote(url + version)}"
    )
