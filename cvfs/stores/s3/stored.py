"""What an answer of botocore says of an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cvfs.errors import IntegrityError
from cvfs.stores.s3.answers import Question
from cvfs.stores.store import Stat

_MD5 = re.compile(r"[0-9a-f]{32}")
#: With any other encryption than this one, or none, an ETag is no hash of the content.
_TRANSPARENT = {None, "AES256"}


def bare_etag(etag: str) -> str:
    """Return ``etag`` as DVC records it for S3: without quotes and without the mark of a weak one."""
    return etag.removeprefix("W/").strip('"')


def real_version(version_id: str | None) -> str | None:
    """Return the id of a version, or None: ``null`` is the only state of an object that has no versions."""
    return None if version_id in {None, "", "null"} else version_id


def is_md5(etag: str | None) -> bool:
    """Tell whether an ETag looks like an md5."""
    return etag is not None and _MD5.fullmatch(etag) is not None


def stat_of(answer: Mapping[str, Any], size: int) -> Stat:
    """Return what the answer to a request for, or with, ``size`` bytes of content says."""
    etag = answer.get("ETag")
    return Stat(size, real_version(answer.get("VersionId")), bare_etag(etag) if etag else None)


def md5_in(answer: Mapping[str, Any]) -> str | None:
    """Return the content's md5, if the answer's ETag is one."""
    if answer.get("SSECustomerAlgorithm") or answer.get("ServerSideEncryption") not in _TRANSPARENT:
        return None
    etag = bare_etag(answer.get("ETag") or "")
    return etag if is_md5(etag) else None


def check_md5(answer: Mapping[str, Any], expected: str | None, asked: Question) -> None:
    """Compare the md5 of what the store has with what it should have, where both are known.

    Raises:
        IntegrityError: they differ.
    """
    found = md5_in(answer)
    if found is not None and expected is not None and found != expected:
        raise IntegrityError(f"{asked}: the store says that it has other bytes than it was to have (ETag {found})")
