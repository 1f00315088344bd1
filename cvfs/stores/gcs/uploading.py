"""Uploads: in one request if small, in a session of chunks if large, with an md5 that the server verifies.

Large objects go through a resumable session, and not through the XML API's uploads in parallel parts: such an object
has no md5, knows no condition like "only if there is none yet", and needs further permissions. A push uploads many
files at once, so that one stream each suffices. The SDK begins the session; it sends no chunks here, because it cannot
go on where the server kept a part of a chunk, and deletes the live object when checksums differ.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import requests.exceptions
from google.api_core.exceptions import from_http_response
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Bucket

from cvfs.errors import UnavailableError
from cvfs.stores.gcs.answers import Question
from cvfs.stores.gcs.google_errors import mapped
from cvfs.stores.gcs.session import TIMEOUT
from cvfs.stores.gcs.stored import check_md5, stat_of, stat_of_resource
from cvfs.stores.retry import Retries
from cvfs.stores.source import Source, opened
from cvfs.stores.store import Stat, Uploadable

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from requests import Response

#: An upload of more than this is made in a session (the SDK does the same).
WHOLE_SIZE = 8 << 20
#: The part of a large upload that is in memory and on its way. Has to be a multiple of 256 KiB.
CHUNK_SIZE = 16 << 20

_CONTENT_TYPE = "application/octet-stream"
_KEPT = re.compile(r"bytes=0-(\d+)")


class Uploader:
    """Upload objects to one bucket. Safe to use from several threads.

    ``retries`` keeps one chunk that fails from costing all others.
    """

    def __init__(self, bucket: Bucket, transport: AuthorizedSession, retries: Retries) -> None:
        self._bucket = bucket
        self._transport = transport
        self._retries = retries

    def put(self, source: Uploadable, asked: Question, *, md5: str | None, create_only: bool) -> Stat:
        """Upload a new generation and return what the answer says of it, as ``Store.put``."""
        match = 0 if create_only else None
        with mapped(asked), opened(source, str(asked), md5) as content:
            if content.size <= WHOLE_SIZE:
                return self._put_whole(content, asked, match)
            return self._put_in_session(content, asked, md5, match)

    def _put_whole(self, content: Source, asked: Question, match: int | None) -> Stat:
        data = content.read(content.size)
        content.verify()
        blob = self._bucket.blob(asked.key)
        blob.upload_from_string(
            data,
            content_type=_CONTENT_TYPE,
            checksum="md5",
            if_generation_match=match,
            retry=None,
            timeout=TIMEOUT,
        )
        check_md5(blob.md5_hash, hashlib.md5(data, usedforsecurity=False).digest(), asked)
        return stat_of(blob)

    def _put_in_session(self, content: Source, asked: Question, md5: str | None, match: int | None) -> Stat:
        blob = self._bucket.blob(asked.key)
        if md5 is not None:
            blob.md5_hash = _base64(bytes.fromhex(md5))
        url = blob.create_resumable_upload_session(
            _CONTENT_TYPE, content.size, checksum=None, if_generation_match=match, retry=None, timeout=TIMEOUT
        )
        session = _Session(self._transport, self._retries, url, content.size, asked)
        try:
            resource, found = _send(session, content)
        except BaseException:
            session.cancel()
            raise
        check_md5(resource.get("md5Hash"), found, asked)
        return stat_of_resource(resource, asked)


def _send(session: _Session, content: Source) -> tuple[Mapping[str, Any], bytes]:
    """Send all chunks; return the object's resource in the answer to the last one, and the md5 of all that was sent."""
    md5 = hashlib.md5(usedforsecurity=False)
    start = 0
    while True:
        chunk = content.read(CHUNK_SIZE)
        md5.update(chunk)
        start += len(chunk)
        if start == content.size:
            content.verify()
            return session.finish(chunk, _base64(md5.digest())), md5.digest()
        session.send(chunk)


class _Session:
    """One upload of ``size`` bytes, begun at ``url``, which lets whoever has it upload: nothing shows it."""

    def __init__(self, transport: AuthorizedSession, retries: Retries, url: str, size: int, asked: Question) -> None:
        self._transport = transport
        self._retries = retries
        self._url = url
        self._size = size
        self._asked = asked
        #: Where the chunk at hand begins, and how much of the whole the server said that it has.
        self._start = 0
        self._kept = 0

    def send(self, chunk: bytes) -> None:
        """Send a chunk that is not the last one.

        Raises:
            UnavailableError: that did not work out, after several tries.
        """
        if self._through(chunk, {}) is not None:
            raise UnavailableError(f"{self._asked}: the store calls an upload complete that is not")
        self._start += len(chunk)

    def finish(self, chunk: bytes, md5: str) -> Mapping[str, Any]:
        """Send the last chunk, and return the resource of the object that is made."""
        made = self._through(chunk, {"x-goog-hash": f"md5={md5}"})
        if made is None:
            raise UnavailableError(f"{self._asked}: the store does not call the upload complete")
        return made

    def cancel(self) -> None:
        """Have the server forget what it got, which it otherwise does after a week."""
        with suppress(requests.exceptions.RequestException, GoogleAuthError):
            self._transport.delete(self._url, timeout=TIMEOUT)

    def _through(self, chunk: bytes, headers: Mapping[str, str]) -> Mapping[str, Any] | None:
        end = self._start + len(chunk)
        unsure = False

        def attempt() -> Mapping[str, Any] | None:
            nonlocal unsure
            with mapped(self._asked):
                if unsure and (made := self._ask()) is not None:
                    return made
                unsure = True
                while self._kept < end:
                    rest = memoryview(chunk)[self._kept - self._start :]
                    made = self._put(f"bytes {self._kept}-{end - 1}/{self._size}", bytes(rest), headers)
                    if made is not None:
                        return made
            return None

        return self._retries.run(attempt)

    def _ask(self) -> Mapping[str, Any] | None:
        """Ask how much the server has: of what was sent without an answer, it may have all, some, or nothing."""
        before = self._kept
        made = self._put(f"bytes */{self._size}", b"", {}, progress=False)
        if made is None and self._kept < self._start:
            self._kept = before
            raise UnavailableError(f"{self._asked}: the store lost a part of the upload")
        return made

    def _put(
        self, content_range: str, data: bytes, headers: Mapping[str, str], *, progress: bool = True
    ) -> Mapping[str, Any] | None:
        answer = self._transport.request(
            "PUT",
            self._url,
            data=data,
            headers={**headers, "Content-Range": content_range},
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if answer.status_code == 308:
            kept = _kept(answer)
            if progress and kept <= self._kept:
                raise UnavailableError(f"{self._asked}: the store kept nothing of what was sent")
            self._kept = kept
            return None
        if answer.status_code not in {200, 201}:
            raise from_http_response(answer)
        made: Mapping[str, Any] = answer.json()
        return made


def _kept(answer: Response) -> int:
    found = _KEPT.fullmatch(answer.headers.get("Range", ""))
    return int(found[1]) + 1 if found else 0


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
