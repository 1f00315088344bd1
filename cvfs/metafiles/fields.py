"""The scalars of an entry, checked and converted. Every error is a ValueError that says what is wrong."""

from __future__ import annotations

import re

from cvfs.metafiles.records import Recorded

#: An entry's known keys and their text, those below ``cloud:`` and its remote included. None is YAML's null.
Fields = dict[str, str | None]
#: Under what the name below ``cloud:`` stands in Fields; no key of DVC's has a space.
CLOUD_NAME = "cloud name"

_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
#: 18 digits always fit into the kernel's signed 64 bits.
_SIZE_DIGITS = 18


def recorded_of(fields: Fields) -> Recorded:
    """Convert what is recorded of one file or directory.

    S3's version id ``null`` (written while versioning was off) stays: it can be asked for, if nothing overwrote it.
    """
    md5 = lower(fields.get("md5"))
    if md5 is not None and _MD5.fullmatch(md5) is None:
        raise ValueError(f"md5 {md5!r} is not 32 hexadecimal digits")
    return Recorded(
        md5=md5,
        size=integer("size", fields.get("size")),
        isexec=boolean("isexec", fields.get("isexec"), default=False),
        remote=fields.get(CLOUD_NAME),
        version_id=fields.get("version_id") or None,
        etag=fields.get("etag") or None,
    )


def integer(key: str, text: str | None) -> int | None:
    """Convert a count or a size in bytes. ValueError if it is none."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS):
        raise ValueError(f"{key} {text!r} is not a size or count")
    return int(text)


def boolean(key: str, text: str | None, *, default: bool) -> bool:
    """Convert one of YAML 1.2's booleans. ValueError for anything else, ``yes`` and ``no`` included."""
    if text is None:
        return default
    if text not in _BOOLEANS:
        raise ValueError(f"{key} is {text!r}, neither true nor false")
    return _BOOLEANS[text]


def lower(text: str | None) -> str | None:
    """Lower-case a remote's name or a hash; nothing stays None."""
    return text.lower() if text else None
