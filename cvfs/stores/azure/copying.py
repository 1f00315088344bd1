"""Copies made by the service: a version becomes a new version of another key, and no byte comes through here.

Within an account, whatever lets one write the target lets one read the source as well, but a shared access signature:
that belongs to one URL, so the source's URL gets it, too. The service may answer before it is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from azure.storage.blob import BlobClient, BlobProperties, ContainerClient

from cvfs.errors import StoreError, UnavailableError
from cvfs.stores.azure.answers import Question
from cvfs.stores.azure.login import Way
from cvfs.stores.azure.sdk_errors import mapped
from cvfs.stores.store import Stat

#: A copy within an account takes moments; one that takes longer than this is given up.
PATIENCE_S = 600.0
_LONGEST_PAUSE_S = 5.0


class Copier:
    """Copy versions within one container. Safe to use from several threads."""

    def __init__(
        self,
        client: ContainerClient,
        more: Mapping[str, Any],
        *,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._more = dict(more)
        self._closed = threading.Event()
        self._sleep = sleep or self._closed.wait
        self._clock = clock

    def copy(self, source: Question, target: Question) -> Stat:
        """Copy a version of the key in ``source`` and return what is said of the copy, as ``Store.copy``."""
        original = self._client.get_blob_client(source.key)
        with mapped(source):
            # The answer to a copy does not say how large it is.
            size = original.get_blob_properties(version_id=source.version_id, **self._more).size
        copied = self._client.get_blob_client(target.key)
        with mapped(source):
            answer: Any = copied.start_copy_from_url(_address(original, source), **self._more)
        version = answer.get("version_id") or None
        if answer.get("copy_status") == "success":
            return Stat(size, version, answer.get("etag"))
        done = self._finished(copied, version, target)
        return Stat(size, version, done.etag)

    def close(self) -> None:
        """End all pauses."""
        self._closed.set()

    def _finished(self, copied: BlobClient, version: str | None, target: Question) -> BlobProperties:
        """Wait until the service has made the copy.

        Raises:
            UnavailableError: it failed, or somebody ended it.
            StoreError: it takes too long, or the store was closed.
        """
        began, pause = self._clock(), 0.1
        while True:
            with mapped(target):
                found = copied.get_blob_properties(version_id=version, **self._more)
            if found.copy.status == "success":
                return found
            if found.copy.status != "pending":
                raise UnavailableError(f"{target}: the store did not finish the copy: {found.copy.status}")
            if self._closed.is_set() or self._clock() - began > PATIENCE_S:
                raise StoreError(f"{target}: the store has not finished the copy for {PATIENCE_S:.0f} s")
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _address(original: BlobClient, source: Question) -> str:
    login = source.login
    # Not the client's own URL: it may or may not hold the signature.
    address = f"{login.endpoint}/{source.container}/{quote(original.blob_name, safe='~/')}"
    signed = f"&{login.secret}" if login.way is Way.SAS else ""
    return f"{address}?versionid={quote(source.version_id or '')}{signed}"
