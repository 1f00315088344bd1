"""What Google Cloud Storage keeps: buckets, and every generation of every object. No HTTP here.

As documented at https://cloud.google.com/storage/docs/object-versioning and
https://cloud.google.com/storage/docs/json_api/v1/objects.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import google_crc32c

#: What others than the store itself may say of an object.
WRITABLE = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "metadata")


class GcsError(Exception):
    """A refusal: its HTTP status, the JSON API's reason, the XML API's code, and a sentence."""

    def __init__(self, status: int, reason: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Generation:
    """One generation of an object. ``deleted`` is when it ceased to be the live one."""

    bucket: str
    name: str
    number: int
    data: bytes = field(repr=False)
    metadata: Mapping[str, Any]
    storage_class: str = "STANDARD"
    metageneration: int = 1
    created: str = ""
    deleted: str | None = None
    #: Objects that were put together from others, or came in parts, have none.
    has_md5: bool = True

    @property
    def etag(self) -> str:
        """Encode both numbers as GCS does: a protobuf message, no hash of the content."""
        message = b"\x08" + _varint(self.number) + b"\x10" + _varint(self.metageneration)
        return base64.b64encode(message).decode()

    @property
    def md5(self) -> bytes:
        return hashlib.md5(self.data, usedforsecurity=False).digest()

    @property
    def hashes(self) -> dict[str, str]:
        """Name the checksums by their JSON properties."""
        found = {"crc32c": base64.b64encode(google_crc32c.Checksum(self.data).digest()).decode()}
        return {**found, "md5Hash": base64.b64encode(self.md5).decode()} if self.has_md5 else found

    def resource(self, base: str) -> dict[str, Any]:
        """Return the object's resource of the JSON API."""
        return {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.number}",
            "bucket": self.bucket,
            "name": self.name,
            "generation": str(self.number),
            "metageneration": str(self.metageneration),
            "contentType": "application/octet-stream",
            **self.metadata,
            "size": str(len(self.data)),
            "storageClass": self.storage_class,
            "etag": self.etag,
            **self.hashes,
            "timeCreated": self.created,
            "updated": self.created,
            **({} if self.deleted is None else {"timeDeleted": self.deleted}),
            "mediaLink": f"{base}/download/storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"
            f"?generation={self.number}&alt=media",
        }


@dataclass
class Bucket:
    """A bucket: ``versioned`` keeps old generations; ``public`` lets anybody read; ``requester_pays`` wants a payer."""

    name: str
    versioned: bool = False
    public: bool = False
    requester_pays: bool = False
    metageneration: int = 1
    generations: dict[tuple[str, int], Generation] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)

    def resource(self) -> dict[str, Any]:
        """Return the bucket's resource of the JSON API."""
        versioning = {"versioning": {"enabled": True}} if self.versioned else {}
        return {
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "metageneration": str(self.metageneration),
            "location": "US",
            "storageClass": "STANDARD",
            "etag": base64.b64encode(b"\x08" + _varint(self.metageneration)).decode(),
            **versioning,
        }


class Objects:
    """All buckets. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._last = 0
        self.buckets: dict[str, Bucket] = {}

    def make_bucket(self, name: str, **properties: bool) -> Bucket:
        """Make a bucket."""
        with self._lock:
            if name in self.buckets:
                raise GcsError(
                    409, "conflict", "BucketAlreadyOwnedByYou", "Your previous request to create it succeeded."
                )
            self.buckets[name] = Bucket(name, **properties)
            return self.buckets[name]

    def bucket(self, name: str) -> Bucket:
        """Return a bucket."""
        try:
            return self.buckets[name]
        except KeyError:
            raise GcsError(404, "notFound", "NoSuchBucket", "The specified bucket does not exist.") from None

    def find(self, bucket: str, name: str, generation: int | None) -> Generation:
        """Return one generation, or the live one."""
        with self._lock:
            place = self.bucket(bucket)
            number = place.live.get(name) if generation is None else generation
            found = None if number is None else place.generations.get((name, number))
        if found is None:
            what = f"{bucket}/{name}" + ("" if generation is None else f"#{generation}")
            raise GcsError(404, "notFound", "NoSuchKey", f"No such object: {what}")
        return found

    def write(
        self, bucket: str, name: str, data: bytes, metadata: Mapping[str, Any], match: int | None, **more: Any
    ) -> Generation:
        """Make a new live generation, if the live one is ``match`` (0: there is none; None: whatever it is)."""
        check_name(name)
        with self._lock:
            place = self.bucket(bucket)
            self.check_match(bucket, name, match)
            kept = {key: value for key, value in metadata.items() if key in WRITABLE}
            made = Generation(bucket, name, self._next(), data, kept, created=_now(), **more)
            self._check_hashes(made, metadata)
            self._retire(place, name)
            place.generations[name, made.number] = made
            place.live[name] = made.number
            return made

    def check_match(self, bucket: str, name: str, match: int | None) -> None:
        """Refuse unless the live generation is ``match``."""
        if match is not None and self.bucket(bucket).live.get(name, 0) != match:
            raise GcsError(
                412,
                "conditionNotMet",
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold.",
            )

    def patch(self, bucket: str, name: str, generation: int | None, metadata: Mapping[str, Any]) -> Generation:
        """Change metadata, which changes the metageneration, and with it the etag."""
        with self._lock:
            found = self.find(bucket, name, generation)
            kept = {key: value for key, value in metadata.items() if key in WRITABLE}
            changed = replace(
                found, metadata={**found.metadata, **kept}, metageneration=found.metageneration + 1,
                storage_class=metadata.get("storageClass", found.storage_class),
            )  # fmt: skip
            self.bucket(bucket).generations[name, found.number] = changed
            return changed

    def delete(self, bucket: str, name: str, generation: int | None) -> None:
        """Delete one generation for good; or the live one, which a versioned bucket keeps as a noncurrent one."""
        with self._lock:
            found = self.find(bucket, name, generation)
            place = self.bucket(bucket)
            if generation is None:
                self._retire(place, name)
                return
            del place.generations[name, found.number]
            if place.live.get(name) == found.number:
                del place.live[name]

    def listed(self, bucket: str, prefix: str, *, versions: bool) -> Iterator[Generation]:
        """Give generations in the order of listings: by the bytes of the name, then by number."""
        with self._lock:
            place = self.bucket(bucket)
            order = sorted(place.generations, key=lambda key: (key[0].encode(), key[1]))
            found = [place.generations[key] for key in order if versions or place.live.get(key[0]) == key[1]]
        return (one for one in found if one.name.startswith(prefix))

    def _retire(self, place: Bucket, name: str) -> None:
        number = place.live.pop(name, None)
        if number is None:
            return
        old = place.generations.pop((name, number))
        if place.versioned:
            place.generations[name, number] = replace(old, deleted=_now())

    def _check_hashes(self, made: Generation, announced: Mapping[str, Any]) -> None:
        found = made.hashes
        for key, label in (("md5Hash", "MD5"), ("crc32c", "CRC32C")):
            wanted = announced.get(key)
            if wanted is not None and wanted != found[key]:
                message = f'Provided {label} hash "{wanted}" doesn\'t match calculated {label} hash "{found[key]}".'
                raise GcsError(400, "invalid", "BadDigest", message)

    def _next(self) -> int:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last


def check_name(name: str) -> None:
    """Refuse what GCS does: https://cloud.google.com/storage/docs/objects#naming."""
    if not name or len(name.encode()) > 1024 or set("\r\n") & set(name) or name in {".", ".."}:
        raise GcsError(400, "invalid", "InvalidObjectName", f"The specified object name is not valid: {name[:20]!r}")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
