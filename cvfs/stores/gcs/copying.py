"""Copies made by the store: a generation becomes a new generation of another key, and no byte comes through here."""

from __future__ import annotations

from google.cloud.storage import Blob

from cvfs.errors import IntegrityError
from cvfs.stores.gcs.answers import Question
from cvfs.stores.gcs.google_errors import mapped
from cvfs.stores.gcs.session import TIMEOUT
from cvfs.stores.gcs.stored import stat_of
from cvfs.stores.store import Stat

#: A rewrite's request carries the target's metadata, and then takes none over from the source by itself.
_KEPT = (
    "cache_control",
    "content_disposition",
    "content_encoding",
    "content_language",
    "content_type",
    "custom_time",
    "metadata",
    "storage_class",
)


def copy(source: Blob, target: Blob, asked: Question) -> Stat:
    """Copy the generation that ``source`` names, and return what the answer says of the copy, as ``Store.copy``."""
    with mapped(asked):
        source.reload(retry=None, timeout=TIMEOUT)
        for name in _KEPT:
            value = getattr(source, name)
            if value is not None:
                setattr(target, name, value)
        token: str | None = None
        while True:
            # In several steps if it is large and goes to another place or class of storage.
            token, _, _ = target.rewrite(source, token=token, retry=None, timeout=TIMEOUT)
            if token is None:
                break
    # An object that was composed of others has only the one of them.
    if (target.size, target.crc32c) != (source.size, source.crc32c):
        raise IntegrityError(f"{asked}: the copy is not what the version was")
    return stat_of(target)
