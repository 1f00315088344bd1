"""The JSON API of Google Cloud Storage: buckets, objects, listings, rewrites, and downloads by ``alt=media``.

https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

from servers.gcs_http import Guard, Request, download
from servers.gcs_objects import GcsError, Generation, Objects
from servers.gcs_uploads import Uploads
from servers.scripted import Answer


class JsonApi:
    """Answer requests below ``/storage/v1``, ``/download/storage/v1`` and ``/upload/storage/v1``.

    A page of a listing has ``page_size`` items at most. A rewrite of more than ``rewrite_at_once`` bytes takes several
    requests, as one between two places would.
    """

    def __init__(self, objects: Objects, guard: Guard) -> None:
        self._objects = objects
        self._guard = guard
        self._lock = threading.Lock()
        self._rewritten: dict[str, int] = {}
        self.uploads = Uploads(objects, guard)
        self.page_size = 1000
        self.rewrite_at_once = 1 << 60

    def answer(self, request: Request) -> Answer:
        """Answer a request, refusals included."""
        try:
            return self._answer(request)
        except GcsError as error:
            if request.query.get("alt") == "media":
                return Answer(error.status, error.message.encode(), {"Content-Type": "text/html; charset=UTF-8"})
            item = {"message": error.message, "domain": "global", "reason": error.reason}
            body = {"error": {"code": error.status, "message": error.message, "errors": [item]}}
            return _json(body, status=error.status)

    def _answer(self, request: Request) -> Answer:
        match request.segments:
            case ["upload", "storage", "v1", "b", bucket, "o"]:
                return self.uploads.answer(request, bucket)
            case ["storage", "v1", "b", *rest] | ["download", "storage", "v1", "b", *rest]:
                pass
            case _:
                rest = ["?", "?", "?", "?", "?"]
        match (request.method, *rest):
            case ("POST",):
                return self._insert_bucket(request)
            case ("GET", bucket):
                self._guard.check(request, bucket, "storage.buckets.get")
                return _json(self._objects.bucket(bucket).resource(), request)
            case ("PATCH", bucket):
                return self._patch_bucket(request, bucket)
            case ("GET", bucket, "o"):
                return self._list(request, bucket)
            case ("GET", bucket, "o", name):
                return self._get(request, bucket, name)
            case ("PATCH", bucket, "o", name):
                self._guard.check(request, bucket, "storage.objects.update")
                made = self._objects.patch(bucket, name, request.number("generation"), json.loads(request.body))
                return _json(made.resource(request.base), request)
            case ("DELETE", bucket, "o", name):
                self._guard.check(request, bucket, "storage.objects.delete")
                self._objects.delete(bucket, name, request.number("generation"))
                return Answer(204)
            case ("POST", bucket, "o", name, "rewriteTo", "b", target, "o", new_name):
                return self._rewrite(request, (bucket, name), (target, new_name))
        raise GcsError(404, "notFound", "NotFound", "Not Found")

    def _insert_bucket(self, request: Request) -> Answer:
        wanted = json.loads(request.body)
        self._guard.check(request, "", "storage.buckets.create")
        if "project" not in request.query:
            raise GcsError(400, "required", "InvalidArgument", "Required parameter: project")
        versioned = bool(wanted.get("versioning", {}).get("enabled"))
        return _json(self._objects.make_bucket(wanted["name"], versioned=versioned).resource(), request)

    def _patch_bucket(self, request: Request, bucket: str) -> Answer:
        self._guard.check(request, bucket, "storage.buckets.update")
        place = self._objects.bucket(bucket)
        wanted = json.loads(request.body)
        if "versioning" in wanted:
            place.versioned = bool(wanted["versioning"]["enabled"])
            place.metageneration += 1
        return _json(place.resource(), request)

    def _get(self, request: Request, bucket: str, name: str) -> Answer:
        self._guard.check(request, bucket, "storage.objects.get")
        generation = request.number("generation")
        found = self._guard.hiding(request, bucket, lambda: self._objects.find(bucket, name, generation))
        if request.query.get("alt") == "media":
            return download(request, found, found.etag)
        return _json(found.resource(request.base), request)

    def _list(self, request: Request, bucket: str) -> Answer:
        self._guard.check(request, bucket, "storage.objects.list")
        versions = request.query.get("versions") == "true"
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        after = json.loads(request.query.get("pageToken", '["", 0]'))
        wanted = min(self.page_size, int(request.query.get("maxResults", self.page_size)))
        items: list[dict[str, Any]] = []
        prefixes: dict[str, None] = {}
        last: list[object] = []
        for one in self._behind(request, self._objects.listed(bucket, prefix, versions=versions), after):
            folder, slash, _ = one.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if slash and prefix + folder + slash in prefixes:
                last = [one.name, one.number]
                continue
            if len(items) + len(prefixes) == wanted:
                return _json(_listing(items, prefixes, json.dumps(last)), request)
            last = [one.name, one.number]
            if slash:
                prefixes[prefix + folder + slash] = None
            else:
                items.append(one.resource(request.base))
        return _json(_listing(items, prefixes, None), request)

    def _behind(self, request: Request, found: Iterator[Generation], after: list[Any]) -> Iterator[Generation]:
        begin = request.query.get("startOffset", "").encode()
        end = request.query.get("endOffset", "").encode()
        for one in found:
            name = one.name.encode()
            if (name, one.number) > (after[0].encode(), after[1]) and name >= begin and (not end or name < end):
                yield one

    def _rewrite(self, request: Request, source: tuple[str, str], target: tuple[str, str]) -> Answer:
        self._guard.check(request, source[0], "storage.objects.get")
        self._guard.check(request, target[0], "storage.objects.create")
        found = self._objects.find(*source, request.number("sourceGeneration"))
        token = request.query.get("rewriteToken") or uuid.uuid4().hex
        with self._lock:
            done = min(len(found.data), self._rewritten.get(token, 0) + self.rewrite_at_once)
            self._rewritten[token] = done
        progress = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": str(done),
            "objectSize": str(len(found.data)),
            "done": done == len(found.data),
        }
        if done < len(found.data):
            return _json({**progress, "rewriteToken": token})
        # With a resource in the request, nothing is taken over from the source.
        metadata = (json.loads(request.body) if request.body else None) or found.metadata
        match = request.number("ifGenerationMatch")
        made = self._objects.write(*target, found.data, metadata, match, has_md5=found.has_md5)
        return _json({**progress, "resource": made.resource(request.base)}, request)


def _listing(items: list[dict[str, Any]], prefixes: dict[str, None], token: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "storage#objects"}
    if items:
        found["items"] = items
    if prefixes:
        found["prefixes"] = list(prefixes)
    if token is not None:
        found["nextPageToken"] = token
    return found


def _json(value: Any, request: Request | None = None, *, status: int = 200) -> Answer:
    fields = None if request is None else request.query.get("fields")
    if fields:
        value = _only(value, _mask(fields))
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _mask(fields: str) -> dict[str, Any]:
    """Parse a partial response's mask: ``a,b(c,d/e)``."""
    mask: dict[str, Any] = {}
    depth, begin = 0, 0
    for place, sign in enumerate(fields + ","):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            name, _, inner = fields[begin:place].partition("(")
            head, _, tail = name.partition("/")
            mask[head.strip()] = _mask(inner.removesuffix(")") or tail) if inner or tail else {}
            begin = place + 1
    return mask


def _only(value: Any, mask: dict[str, Any]) -> Any:
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [_only(item, mask) for item in value]
    return {name: _only(value[name], inner) for name, inner in mask.items() if name in value}
