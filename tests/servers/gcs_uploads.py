"""Uploads of Google Cloud Storage's JSON API: in one request, or in a session that can be resumed.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

from servers.gcs_http import Guard, Request
from servers.gcs_objects import GcsError, Generation, Objects, check_name
from servers.scripted import Answer

#: All chunks but the last one are a multiple of this.
UNIT = 256 << 10


@dataclass
class Session:
    """An upload that was begun."""

    bucket: str
    name: str
    metadata: dict[str, Any]
    match: int | None
    size: int | None
    data: bytearray = field(default_factory=bytearray)
    made: Generation | None = None


class Uploads:
    """Answer all requests below ``/upload``.

    While ``persist_at_most`` is not None, no more than that many bytes of a chunk that is not the last one are kept.
    """

    def __init__(self, objects: Objects, guard: Guard) -> None:
        self._objects = objects
        self._guard = guard
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self.persist_at_most: int | None = None

    def unfinished(self, bucket: str) -> int:
        """Count the uploads to a bucket that were begun, and neither finished nor cancelled."""
        return sum(session.bucket == bucket and session.made is None for session in self._sessions.values())

    def answer(self, request: Request, bucket: str) -> Answer:
        """Answer a request, or raise GcsError."""
        if "upload_id" in request.query:
            return self._resume(request)
        kind = request.query.get("uploadType")
        # Whoever overwrites an object also needs storage.objects.delete; here only creating is told from the rest.
        self._guard.check(request, bucket, "storage.objects.create")
        if kind == "multipart":
            metadata, data = _parts(request)
            name = metadata.get("name") or request.query.get("name", "")
            made = self._objects.write(bucket, name, data, metadata, request.number("ifGenerationMatch"))
            return _json(made.resource(request.base))
        if kind == "resumable":
            return self._begin(request, bucket)
        raise GcsError(400, "invalidParameter", "InvalidArgument", "uploadType is missing")

    def _begin(self, request: Request, bucket: str) -> Answer:
        metadata = json.loads(request.body) if request.body else {}
        name = metadata.get("name") or request.query.get("name", "")
        check_name(name)
        self._objects.check_match(bucket, name, match := request.number("ifGenerationMatch"))
        length = request.headers.get("x-upload-content-length")
        upload_id = uuid.uuid4().hex
        self._objects.bucket(bucket)
        self._sessions[upload_id] = Session(bucket, name, metadata, match, None if length is None else int(length))
        path = f"{request.base}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload_id}"
        return Answer(200, b"", {"Location": path, "X-GUploader-UploadID": upload_id})

    def _resume(self, request: Request) -> Answer:
        upload_id = request.query["upload_id"]
        with self._lock:
            session = self._sessions.get(upload_id)
            if session is None:
                raise GcsError(404, "notFound", "NoSuchUpload", "The upload session was not found.")
            if request.method == "DELETE":
                del self._sessions[upload_id]
                return Answer(499)
            if session.made is None:
                self._take(request, session)
        if session.made is not None:
            return _json(session.made.resource(request.base))
        kept = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
        return Answer(308, b"", kept)

    def _take(self, request: Request, session: Session) -> None:
        header = request.headers.get("content-range", f"bytes 0-{len(request.body) - 1}/{len(request.body)}")
        found = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", header)
        if found is None:
            raise GcsError(400, "badRequest", "InvalidArgument", f"Failed to parse Content-Range header: {header}")
        size = session.size if found[3] == "*" else int(found[3])
        if session.size is not None and size != session.size:
            raise GcsError(400, "badRequest", "InvalidArgument", "The size differs from the one announced.")
        if found[1] is not None:
            start, stop = int(found[1]), int(found[2]) + 1
            if stop - start != len(request.body) or start > len(session.data):
                raise GcsError(400, "badRequest", "InvalidArgument", "Content-Range does not fit what came.")
            last = stop == size
            if not last and len(request.body) % UNIT:
                raise GcsError(400, "badRequest", "InvalidArgument", f"chunks have to be a multiple of {UNIT}")
            fresh = request.body[len(session.data) - start :]
            session.data += fresh if last or self.persist_at_most is None else fresh[: self.persist_at_most]
        if size == len(session.data):
            self._finish(request, session)

    def _finish(self, request: Request, session: Session) -> None:
        sums = dict(part.strip().split("=", 1) for part in request.headers.get("x-goog-hash", "").split(",") if part)
        announced = {"md5Hash": sums.get("md5"), "crc32c": sums.get("crc32c")}
        metadata = {**announced, **session.metadata}
        session.made = self._objects.write(session.bucket, session.name, bytes(session.data), metadata, session.match)
        session.data.clear()


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """Take a body of ``multipart/related`` apart: metadata in JSON, then the content."""
    kind = request.headers.get("content-type", "")
    boundary = re.search(r'boundary="?([^";]+)"?', kind)
    if boundary is None:
        raise GcsError(400, "badContent", "InvalidArgument", "Missing multipart boundary.")
    mark = b"--" + boundary[1].encode()
    _, first, rest = request.body.split(mark, 2)
    # gcsfs ends its lines with a mere line feed, and the service takes that.
    head, content = re.split(rb"\r?\n\r?\n", rest, maxsplit=1)
    content = content[: content.rindex(mark + b"--")].removesuffix(b"\n").removesuffix(b"\r")
    metadata = json.loads(re.split(rb"\r?\n\r?\n", first, maxsplit=1)[1])
    part_type = BytesParser().parsebytes(head.strip() + b"\r\n\r\n", headersonly=True)["content-type"]
    return {"contentType": part_type, **metadata}, content


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})
