"""Requests through the SDK: the reads that obstore cannot express, and the calls that carry no content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from azure.storage.blob import BlobProperties, ContainerClient

from cvfs.errors import IntegrityError
from cvfs.stores.azure.answers import Question, beyond_end
from cvfs.stores.azure.copying import Copier
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.sdk_errors import mapped, other_bytes
from cvfs.stores.azure.uploading import Uploader
from cvfs.stores.ranges import range_end
from cvfs.stores.retry import Retries
from cvfs.stores.store import Listed, Piece, Stat

#: Azurite's answer to any range of an empty blob, where Azure says 416.
_NOTHING = "bytes 0--1/0"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
#: Enough to find a blob that was written lately, if there is one at all.
_SAMPLE = 1000


class Page(NamedTuple):
    """Where a page of a listing begins: at the name ``start``, or where the answer before it said (``marker``)."""

    prefix: str
    start: str = ""
    marker: str | None = None


class PlainClient:
    """Read, describe and list blobs of one container; ``uploads`` and ``copies`` make new ones. Thread-safe."""

    def __init__(self, options: AzureOptions, client: ContainerClient) -> None:
        self._client = client
        self._more: dict[str, Any] = {} if options.timeout is None else {"timeout": options.timeout}
        self._retries = Retries()
        self.uploads = Uploader(client, self._more, self._retries, self.stat)
        self.copies = Copier(client, self._more)

    def read(self, start: int, length: int | None, asked: Question) -> Piece:
        """GET one version, or the current one, or a range of it, and hold the answer to what was asked."""
        answers: list[Mapping[str, str]] = []
        # Of an empty blob even the bytes from 0 on are no range.
        offset = None if start == 0 and length is None else start
        try:
            with mapped(asked):
                body = self._client.get_blob_client(asked.key).download_blob(
                    offset,
                    length,
                    version_id=asked.version_id,
                    raw_response_hook=lambda answer: answers.append(answer.http_response.headers),
                    **self._more,
                )
                data = body.readall()
        except (ValueError, IndexError) as error:
            # The SDK cannot read Content-Range.
            raise other_bytes(asked) from error
        begin, end, size = _spanned(answers, len(data), asked)
        stop = range_end(size, start, length, str(asked))
        if (begin, end) != (start, stop) or len(data) != stop - start:
            raise IntegrityError(f"{asked}: asked for bytes {start} to {stop}, got {len(data)} from {begin}")
        return Piece(data, start, Stat(size, body.properties.version_id, body.properties.etag))

    def stat(self, asked: Question) -> Stat:
        """HEAD one version, or the current one."""
        with mapped(asked):
            found = self._client.get_blob_client(asked.key).get_blob_properties(
                version_id=asked.version_id, **self._more
            )
        return stat_of(found)

    def page(self, place: Page, asked: Question) -> tuple[list[Listed], Page | None]:
        """List one page of current blobs with their versions, and say where the next one begins.

        Names are those in the container. All versions pass by: Azure tells ids only to whoever asks for all.
        """
        wanted = {"start_from": place.start, **self._more} if place.start else self._more
        with mapped(asked):
            pages: Any = self._client.list_blobs(place.prefix or None, include=["versions"], **wanted).by_page(
                place.marker
            )
            found = [Listed(blob.name, stat_of(blob)) for blob in next(pages, ()) if _is_current(blob)]
        marker = pages.continuation_token
        return found, place._replace(marker=marker) if marker else None

    def shows_versions(self, prefix: str, asked: Question) -> bool:
        """Tell whether what was written last, of the first blobs below ``prefix``, has version ids."""
        with mapped(asked):
            blobs = self._client.list_blobs(prefix or None, include=["versions"], **self._more)
            current = [blob for blob in islice(blobs, _SAMPLE) if _is_current(blob)]
        latest = max((blob.last_modified for blob in current), default=None)
        # Times have whole seconds: of several written last, one without an id is enough to doubt.
        return bool(current) and all(blob.version_id for blob in current if blob.last_modified == latest)

    def close(self) -> None:
        """End pauses and threads, and release connections."""
        self._retries.close()
        self.uploads.close()
        self.copies.close()
        self._client.close()


def stat_of(found: BlobProperties) -> Stat:
    """Return what the SDK says of a blob. DVC records the ETag with the quotes that it has in headers, not in lists."""
    etag = found.etag
    return Stat(found.size, found.version_id or None, etag if not etag or etag.startswith('"') else f'"{etag}"')


def _is_current(blob: BlobProperties) -> bool:
    # A blob from before versioning has no id, and is what there is.
    return blob.version_id is None or bool(blob.is_current_version)


def _spanned(answers: list[Mapping[str, str]], received: int, asked: Question) -> tuple[int, int, int]:
    """Return start, stop and total size of what was sent, by the server's own word."""
    header = answers[-1].get("Content-Range") if answers else None
    if header is None:
        return 0, received, received
    if header == _NOTHING:
        raise beyond_end(asked)
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise other_bytes(asked)
    return int(found[1]), int(found[2]) + 1, int(found[3])
