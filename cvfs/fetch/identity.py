"""Which contents are the same: the keys of the cache, and of downloads that are under way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable

from cvfs.model import Content

_MD5 = re.compile(r"[0-9a-f]{32}")


def is_md5(text: str | None) -> bool:
    """Tell whether this is an md5 in lower-case hex; a metafile can say anything."""
    return text is not None and _MD5.fullmatch(text) is not None


def cache_key(content: Content, store_url: str | None) -> str | None:
    """Name the content's bytes in the cache: by their md5, else by the version of the store with this URL.

    An md5 is the same whatever the commit, path or remote. A legacy ``text_md5`` belongs to many contents, so it names
    none, unless it is all that was recorded: then it is that of the store's object by that hash. None: there is neither
    an md5 nor a store with anything else.
    """
    if is_md5(content.md5):
        return f"md5-{content.md5}"
    if store_url is None:
        return None
    if content.version is not None:
        parts = (store_url, content.version.key, content.version.version_id)
    elif content.text_md5 is not None and is_md5(content.text_md5):
        parts = (store_url, "md5-dos2unix", content.text_md5)
    else:
        return None
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return f"ver-{digest.hexdigest()}"


def flight_key(content: Content) -> Hashable:
    """Name what a download of the content is a download of, before its store is known.

    The size is part of it, because a download is checked against it.
    """
    return (content.md5, content.size) if is_md5(content.md5) else content
