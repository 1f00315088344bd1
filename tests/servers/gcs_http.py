"""What both APIs of Google Cloud Storage share: requests, permissions, and the answer to a download."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from servers.gcs_accounts import Accounts
from servers.gcs_objects import GcsError, Generation, Objects
from servers.scripted import Answer


@dataclass(frozen=True)
class Request:
    """A request. ``segments`` are those of the path, decoded; ``base`` is the server's own URL."""

    method: str
    target: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str

    def number(self, name: str) -> int | None:
        """Return a parameter that is a number."""
        text = self.query.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,19}", text):
            raise GcsError(400, "invalidParameter", "InvalidArgument", f"Invalid argument: {name}")
        return int(text)


class Guard:
    """Says who may do what, in the words of GCS."""

    def __init__(self, objects: Objects, accounts: Accounts) -> None:
        self._objects = objects
        self._accounts = accounts

    def check(self, request: Request, bucket: str, permission: str, *, xml: bool = False) -> None:
        """Refuse a request of somebody who lacks ``permission`` for a bucket."""
        who = self._accounts.permissions(request.headers.get("authorization"))
        place = self._objects.buckets.get(bucket)
        if who is None:
            if place is not None and place.public and permission in {"storage.objects.get", "storage.objects.list"}:
                return
            # The JSON API asks for credentials, the XML API just refuses.
            raise _denied(403 if xml else 401, "Anonymous caller", permission)
        email, permissions = who
        if permission not in permissions:
            raise _denied(403, email, permission)
        self._check_payer(request, bucket)

    def hiding(
        self, request: Request, bucket: str, look_up: Callable[[], Generation], *, xml: bool = False
    ) -> Generation:
        """Look an object up; to those who may not list, a missing one is a forbidden one."""
        try:
            return look_up()
        except GcsError as error:
            who = self._accounts.permissions(request.headers.get("authorization"))
            place = self._objects.buckets.get(bucket)
            may_list = place is not None and place.public if who is None else "storage.objects.list" in who[1]
            if error.status != 404 or may_list or place is None:
                raise
            raise _denied(
                403 if xml or who else 401, who[0] if who else "Anonymous caller", "storage.objects.list"
            ) from error

    def _check_payer(self, request: Request, bucket: str) -> None:
        place = self._objects.buckets.get(bucket)
        if place is None or not place.requester_pays:
            return
        payer = request.query.get("userProject") or request.headers.get("x-goog-user-project")
        if payer is None:
            message = "Bucket is a requester pays bucket but no user project provided."
            raise GcsError(400, "required", "UserProjectMissing", message)
        if payer != "payer":
            message = f"Caller does not have required permission to use project {payer}."
            raise GcsError(403, "forbidden", "UserProjectAccessDenied", message)


def _denied(status: int, who: str, permission: str) -> GcsError:
    message = (
        f"{who} does not have {permission} access to the Google Cloud Storage object. "
        f"Permission '{permission}' denied on resource (or it may not exist)."
    )
    return GcsError(status, "required" if status == 401 else "forbidden", "AccessDenied", message)


def download(request: Request, found: Generation, etag: str) -> Answer:
    """Answer with an object's bytes, or a range of them."""
    headers = {
        "Content-Type": str(found.metadata.get("contentType", "application/octet-stream")),
        "ETag": etag,
        "Last-Modified": format_datetime(datetime.fromisoformat(found.created), usegmt=True),
        "Accept-Ranges": "bytes",
        "x-goog-generation": str(found.number),
        "x-goog-metageneration": str(found.metageneration),
        "x-goog-storage-class": found.storage_class,
        "x-goog-stored-content-length": str(len(found.data)),
        "x-goog-stored-content-encoding": str(found.metadata.get("contentEncoding", "identity")),
        "x-goog-hash": ",".join(f"{name.removesuffix('Hash')}={value}" for name, value in found.hashes.items()),
    }
    encoding = found.metadata.get("contentEncoding")
    if encoding == "gzip" and "gzip" not in request.headers.get("accept-encoding", ""):
        # https://cloud.google.com/storage/docs/transcoding: what is sent is not what is stored, and has no ranges.
        return Answer(200, gzip.decompress(found.data), {**headers, "Warning": "214 UploadServer gunzipped"})
    if encoding:
        headers["Content-Encoding"] = str(encoding)
    return _ranged(request.headers.get("range"), found.data, headers)


def _ranged(wanted: str | None, data: bytes, headers: Mapping[str, str]) -> Answer:
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted or "")
    if found is None or found[0] == "bytes=-":
        return Answer(200, data, headers)
    size = len(data)
    if found[1]:
        start, stop = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    else:
        start, stop = max(0, size - int(found[2])), size
    if start >= size:
        raise GcsError(416, "requestedRangeNotSatisfiable", "InvalidRange", "The requested range cannot be satisfied.")
    return Answer(206, data[start:stop], {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"})
