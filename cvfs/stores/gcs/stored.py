"""What Google Cloud Storage says of an object, in the words of ``Stat``."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from google.cloud.storage import Blob

from cvfs.errors import IntegrityError, UnavailableError
from cvfs.stores.gcs.answers import Question
from cvfs.stores.store import Stat

_GENERATION = re.compile(r"[1-9][0-9]{0,18}")


def generation_of(version_id: str) -> int | None:
    """Return the generation that a version id names; None if it cannot be one."""
    return int(version_id) if _GENERATION.fullmatch(version_id) else None


def recorded_etag(etag: str | None) -> str | None:
    """Return an etag of the JSON API as DVC records it: decoded, in hex. It is no hash of the content."""
    if etag is None:
        return None
    try:
        return base64.b64decode(etag).hex()
    except binascii.Error:
        return None


def stat_of(blob: Blob) -> Stat:
    """Return what the answer that filled ``blob`` says."""
    generation = blob.generation
    return Stat(int(blob.size or 0), None if generation is None else str(generation), recorded_etag(blob.etag))


def stat_of_resource(resource: Mapping[str, Any], asked: Question) -> Stat:
    """Return what an object's resource in an answer says.

    Raises:
        UnavailableError: it says nothing.
    """
    try:
        return Stat(int(resource["size"]), str(resource["generation"]), recorded_etag(resource.get("etag")))
    except (KeyError, ValueError) as error:
        raise UnavailableError(f"{asked}: the store's answer makes no sense") from error


def check_md5(found: str | None, expected: bytes, asked: Question) -> None:
    """Compare the md5 (in base64) that the store says it has with the one it should have.

    Raises:
        IntegrityError: they differ.
    """
    if found is not None and found != base64.b64encode(expected).decode("ascii"):
        raise IntegrityError(f"{asked}: the store says that it has other bytes than it was to have (md5 {found})")
