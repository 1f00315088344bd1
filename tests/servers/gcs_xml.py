"""The XML API of Google Cloud Storage, as far as reading goes: ``/BUCKET/OBJECT``.

https://cloud.google.com/storage/docs/xml-api/get-object-download
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from servers.gcs_http import Guard, Request, download
from servers.gcs_objects import GcsError, Objects
from servers.scripted import Answer


class XmlApi:
    """Answer GET and HEAD."""

    def __init__(self, objects: Objects, guard: Guard) -> None:
        self._objects = objects
        self._guard = guard

    def answer(self, request: Request) -> Answer:
        """Answer a request, refusals included."""
        try:
            return self._answer(request)
        except GcsError as error:
            body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{error.code}</Code>"
            headers = {"Content-Type": "application/xml; charset=UTF-8"}
            return Answer(error.status, f"{body}<Message>{escape(error.message)}</Message></Error>".encode(), headers)

    def _answer(self, request: Request) -> Answer:
        bucket, name = request.segments[0], "/".join(request.segments[1:])
        if request.method not in {"GET", "HEAD"} or not name:
            raise GcsError(405, "methodNotAllowed", "MethodNotAllowed", "Only objects can be read here.")
        self._guard.check(request, bucket, "storage.objects.get", xml=True)
        generation = request.number("generation")
        found = self._guard.hiding(request, bucket, lambda: self._objects.find(bucket, name, generation), xml=True)
        # Of objects with an md5, this is the ETag here, and not the one of the JSON API.
        return download(request, found, f'"{found.md5.hex() if found.has_md5 else found.etag}"')
