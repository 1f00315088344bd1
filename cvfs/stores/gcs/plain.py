"""Requests through google-cloud-storage: all but the reads that obstore can express."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from google.cloud.storage import Blob, Bucket

from cvfs.errors import IntegrityError
from cvfs.stores.gcs.answers import Question, no_such_version
from cvfs.stores.gcs.copying import copy
from cvfs.stores.gcs.google_errors import mapped
from cvfs.stores.gcs.session import TIMEOUT, GoogleSession
from cvfs.stores.gcs.stored import generation_of, stat_of
from cvfs.stores.gcs.uploading import Uploader
from cvfs.stores.ranges import range_end
from cvfs.stores.retry import Retries
from cvfs.stores.store import Listed, Piece, Stat

#: RetryingStore tries again, for all stores alike.
ONCE: Mapping[str, Any] = {"retry": None, "timeout": TIMEOUT}
PAGE_SIZE = 1000


class Page(NamedTuple):
    """Where a page of a listing begins: at the key ``at``, or where the ``token`` of the page before it says."""

    prefix: str
    at: str | None = None
    token: str | None = None


class PlainClient:
    """Read, describe, list, write and copy objects of one bucket. Safe to use from several threads."""

    def __init__(self, bucket: str, session: GoogleSession) -> None:
        self._transport = session.transport()
        self._client = session.make_client(self._transport)
        self._name = bucket
        self._payer = session.payer
        self._retries = Retries()
        self.uploads = Uploader(self._bucket(), self._transport, self._retries)

    def read(self, version_id: str | None, start: int, length: int | None, asked: Question) -> Piece:
        """Read one generation or the live one, or a range. How large the whole is, the SDK does not tell: ask first."""
        stat = self.stat(version_id, asked)
        stop = range_end(stat.size, start, length, str(asked))
        data = b""
        if start < stop:
            with mapped(asked):
                data = self._blob(stat.version_id, asked).download_as_bytes(
                    start=start, end=stop - 1, raw_download=True, checksum=None, **ONCE
                )
        if len(data) != stop - start:
            raise IntegrityError(f"{asked}: asked for bytes {start} to {stop}, got {len(data)}")
        return Piece(data, start, Stat(stat.size, stat.version_id, None))

    def stat(self, version_id: str | None, asked: Question) -> Stat:
        """Describe one generation, or the live one."""
        blob = self._blob(version_id, asked)
        with mapped(asked):
            blob.reload(**ONCE)
        return stat_of(blob)

    def copy(self, version_id: str, source: Question, target: Question) -> Stat:
        """Copy a generation on the server, as ``Store.copy``."""
        return copy(self._blob(version_id, source), self._bucket().blob(target.key), source)

    def page(self, place: Page, asked: Question) -> tuple[list[Listed], Page | None]:
        """List one page of live objects, and say where the next one begins. Keys are those in the bucket."""
        with mapped(asked):
            found = self._client.list_blobs(
                self._bucket(),
                prefix=place.prefix,
                start_offset=place.at,
                page_token=place.token,
                page_size=PAGE_SIZE,
                fields="items(name,size,generation,etag),nextPageToken",
                **ONCE,
            )
            items = [Listed(blob.name, stat_of(blob)) for blob in next(found.pages, ())]
        token = found.next_page_token
        return items, None if token is None else place._replace(token=token)

    def versioned(self, asked: Question) -> bool:
        """Tell whether the bucket keeps generations that are no longer live."""
        bucket = self._bucket()
        with mapped(asked):
            bucket.reload(**ONCE)
        return bool(bucket.versioning_enabled)

    def enable_versioning(self, asked: Question) -> None:
        """Turn versioning on."""
        bucket = self._bucket()
        bucket.versioning_enabled = True
        with mapped(asked):
            bucket.patch(**ONCE)

    def close(self) -> None:
        """End pauses and release connections."""
        self._retries.close()
        self._transport.close()

    def _bucket(self) -> Bucket:
        return self._client.bucket(self._name, user_project=self._payer)

    def _blob(self, version_id: str | None, asked: Question) -> Blob:
        if version_id is None:
            return self._bucket().blob(asked.key)
        generation = generation_of(version_id)
        if generation is None:
            raise no_such_version(asked)
        return self._bucket().blob(asked.key, generation=generation)
