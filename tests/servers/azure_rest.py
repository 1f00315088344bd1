"""The operations of the Blob service that DVC, cvfs, the SDK and obstore use, as documented.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from servers.azure_access import Access, AzureRequest
from servers.azure_account import (
    Account,
    Blob,
    Container,
    Copy,
    Refused,
    etag_text,
    http_date,
    md5_text,
    missing_blob,
    new_blob,
)
from servers.azure_listing import list_blobs, list_containers

_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_KEPT = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control", "content-md5")
_SERVICE = (
    '<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties><DefaultServiceVersion>2021-12-02'
    "</DefaultServiceVersion></StorageServiceProperties>"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. ``cut`` bytes of the body that Content-Length promises are not sent; ``reset`` sends nothing."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0
    reset: bool = False


def refusal(refused: Refused) -> Answered:
    """Return an answer with an error status, in Azure's XML."""
    text = f"{refused.text}\nRequestId:{uuid.uuid4()}\nTime:2026-01-01T00:00:00.0000000Z"
    root = ET.Element("Error")
    ET.SubElement(root, "Code").text = refused.code
    ET.SubElement(root, "Message").text = text
    body = b'<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(root)
    return Answered(refused.status, {"x-ms-error-code": refused.code, "Content-Type": "application/xml"}, body)


class Rest:
    """Answer requests to one account."""

    def __init__(self, account: Account, access: Access) -> None:
        self._account = account
        self._access = access

    def answer(self, request: AzureRequest) -> Answered:
        """Check who asks, and do what is asked."""
        with self._account.lock:
            try:
                public = self._account.containers.get(request.container)
                self._access.check(request, None if public is None else public.public)
                return self._operation(request)(request)
            except Refused as refused:
                return refusal(refused)

    def _operation(self, request: AzureRequest) -> Callable[[AzureRequest], Answered]:
        comp = request.query.get("comp", "")
        if not request.container:
            kind, found = "account", _of_account(self)
        elif not request.blob:
            kind, found = "container", _of_container(self)
        else:
            kind, found = "blob", _of_blob(self)
        operation = found.get((request.method, comp))
        if operation is None:
            raise Refused(400, "InvalidQueryParameterValue", f"no {request.method} of {kind} with comp={comp!r}")
        return operation

    # The account and its containers

    def list_containers(self, request: AzureRequest) -> Answered:
        return _xml(list_containers(self._account, request))

    def service_properties(self, request: AzureRequest) -> Answered:
        return _xml(_SERVICE)

    def create_container(self, request: AzureRequest) -> Answered:
        made = self._account.create(request.container, request.headers.get("x-ms-blob-public-access"))
        return Answered(201, _container_headers(made))

    def delete_container(self, request: AzureRequest) -> Answered:
        self._account.container(request.container)
        del self._account.containers[request.container]
        return Answered(202)

    def container_properties(self, request: AzureRequest) -> Answered:
        return Answered(200, _container_headers(self._container(request)))

    def set_access(self, request: AzureRequest) -> Answered:
        container = self._container(request)
        container.public = request.headers.get("x-ms-blob-public-access")
        return Answered(200, _container_headers(container))

    def list_blobs(self, request: AzureRequest) -> Answered:
        return _xml(list_blobs(self._container(request), request))

    # Reading

    def get_blob(self, request: AzureRequest) -> Answered:
        blob = self._found(request)
        headers = self._blob_headers(request, blob)
        if blob.tier == "Archive":
            raise Refused(409, "BlobArchived", "This operation is not permitted on an archived blob.")
        if_match = request.headers.get("if-match")
        if if_match not in {None, "*", f'"{blob.etag}"'}:
            raise Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header is not met.")
        wanted = request.headers.get("x-ms-range") or request.headers.get("range")
        if wanted is None:
            return Answered(200, headers, blob.data)
        found = _RANGE.fullmatch(wanted)
        if found is None:
            return Answered(200, headers, blob.data)
        start, stop = int(found[1]), min(int(found[2]) + 1 if found[2] else len(blob.data), len(blob.data))
        if start >= len(blob.data):
            raise Refused(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
        ranged = {"Content-Range": f"bytes {start}-{stop - 1}/{len(blob.data)}"}
        if md5 := headers.pop("Content-MD5", None):
            ranged["x-ms-blob-content-md5"] = md5
        return Answered(206, headers | ranged, blob.data[start:stop])

    def blob_properties(self, request: AzureRequest) -> Answered:
        blob = self._found(request)
        headers = self._blob_headers(request, blob)
        if blob.copied is not None and blob.copied.polls:
            blob.copied = replace(blob.copied, polls=blob.copied.polls - 1)
        return Answered(200, headers | {"Content-Length": str(len(blob.data))})

    # Writing

    def put_blob(self, request: AzureRequest) -> Answered:
        if "x-ms-copy-source" in request.headers:
            return self._copy(request)
        _check_md5(request)
        self._check_conditions(request)
        headers = {"content-md5": md5_text(request.body), **_kept(request)}
        return self._write(request, new_blob(request.body, headers, _metadata(request), _tier(request)))

    def put_block(self, request: AzureRequest) -> Answered:
        _check_md5(request)
        container = self._container(request)
        block = request.query.get("blockid", "")
        try:
            length = len(base64.b64decode(block, validate=True))
        except binascii.Error:
            length = 0
        staged = container.named(request.blob).blocks
        if not 0 < length <= 64 or any(len(other) != len(block) for other in staged):
            raise Refused(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
        staged[block] = request.body
        return Answered(201, {"Content-MD5": md5_text(request.body)})

    def put_block_list(self, request: AzureRequest) -> Answered:
        _check_md5(request)
        self._check_conditions(request)
        staged = self._container(request).named(request.blob).blocks
        wanted = [element.text or "" for element in ET.fromstring(request.body)]
        if not set(wanted) <= staged.keys():
            raise Refused(400, "InvalidBlockList", "The specified block list is invalid.")
        data = b"".join(staged[block] for block in wanted)
        return self._write(request, new_blob(data, _kept(request), _metadata(request), _tier(request)))

    def set_metadata(self, request: AzureRequest) -> Answered:
        blob = self._account.set_properties(self._container(request), request.blob, metadata=_metadata(request))
        return Answered(200, _names(blob))

    def set_tier(self, request: AzureRequest) -> Answered:
        self._found(request).tier = request.headers["x-ms-access-tier"]
        return Answered(200)

    def delete_blob(self, request: AzureRequest) -> Answered:
        self._account.delete(self._container(request), request.blob, _version(request))
        return Answered(202, {"x-ms-delete-type-permanent": "false"})

    def _copy(self, request: AzureRequest) -> Answered:
        self._check_conditions(request)
        url = urlsplit(request.headers["x-ms-copy-source"])
        _, account, container, name = unquote(url.path).split("/", 3)
        query = {k.lower(): unquote(v) for k, _, v in (part.partition("=") for part in url.query.split("&")) if k}
        if "sig" in request.query or "authorization" not in request.headers:
            # The source is asked for with what its own URL brings.
            asked = replace(request, method="GET", query=query, headers={}, container=container, blob=name)
            self._access.check(asked, None)
        if account != request.account:
            raise Refused(404, "CannotVerifyCopySource", "The specified blob does not exist.")
        source = self._account.container(container).find(name, query.get("versionid"))
        if source.tier == "Archive":
            raise Refused(409, "BlobArchived", "This operation is not permitted on an archived blob.")
        copied = Copy(str(uuid.uuid4()), request.headers["x-ms-copy-source"].partition("?")[0])
        copied = replace(copied, polls=self._account.pending_polls, outcome=self._account.copies_end)

        def make(ticks: int, version: str | None) -> Blob:
            new = replace(source, ticks=ticks, version_id=version, etag=etag_text(ticks), copied=copied)
            return replace(new, headers=dict(source.headers), metadata=dict(source.metadata))

        return replace(self._write(request, make, {
            "x-ms-copy-id": copied.copy_id, "x-ms-copy-status": copied.status,
        }), status=202)  # fmt: skip

    def _write(
        self,
        request: AzureRequest,
        make: Callable[[int, str | None], Blob],
        more: Mapping[str, str] | None = None,
    ) -> Answered:
        blob = self._account.write(self._container(request), request.blob, make)
        received = {"Content-MD5": md5_text(request.body)} if "comp" not in request.query and more is None else {}
        return Answered(201, {**_names(blob), **received, **(more or {}), "x-ms-request-server-encrypted": "true"})

    def _check_conditions(self, request: AzureRequest) -> None:
        current = self._container(request).named(request.blob).current
        if request.headers.get("if-none-match") == "*" and current is not None:
            raise Refused(409, "BlobAlreadyExists", "The specified blob already exists.")
        if_match = request.headers.get("if-match")
        if if_match is not None and (current is None or if_match not in {"*", f'"{current.etag}"'}):
            raise Refused(412, "ConditionNotMet", "The condition specified using HTTP conditional header is not met.")
        if current is not None and current.rehydrating:
            raise Refused(409, "BlobBeingRehydrated", "This operation is not permitted as it is being rehydrated.")

    def _container(self, request: AzureRequest) -> Container:
        return self._account.container(request.container)

    def _found(self, request: AzureRequest) -> Blob:
        container = self._container(request)
        version = _version(request)
        if version is None and request.blob not in container.names:
            raise missing_blob()
        return container.find(request.blob, version)

    def _blob_headers(self, request: AzureRequest, blob: Blob) -> dict[str, str]:
        shown = {"Content-Type": "application/octet-stream"}
        shown |= {_spelled(name): text for name, text in blob.headers.items()}
        shown |= {f"x-ms-meta-{name}": text for name, text in blob.metadata.items()}
        shown |= {"x-ms-blob-type": "BlockBlob", "x-ms-access-tier": blob.tier, "x-ms-server-encrypted": "true"}
        shown |= {"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available", "Accept-Ranges": "bytes"}
        if blob.version_id is not None and blob is self._container(request).named(request.blob).current:
            shown["x-ms-is-current-version"] = "true"
        if blob.rehydrating:
            shown["x-ms-archive-status"] = "rehydrate-pending-to-hot"
        if blob.copied is not None:
            shown |= {"x-ms-copy-id": blob.copied.copy_id, "x-ms-copy-status": blob.copied.status}
            shown |= {"x-ms-copy-source": blob.copied.source}
        return {**_names(blob), **shown}


def _of_account(rest: Rest) -> Mapping[tuple[str, str], Callable[[AzureRequest], Answered]]:
    return {("GET", "list"): rest.list_containers, ("GET", "properties"): rest.service_properties}


def _of_container(rest: Rest) -> Mapping[tuple[str, str], Callable[[AzureRequest], Answered]]:
    return {
        ("PUT", ""): rest.create_container,
        ("DELETE", ""): rest.delete_container,
        ("GET", ""): rest.container_properties,
        ("HEAD", ""): rest.container_properties,
        ("PUT", "acl"): rest.set_access,
        ("GET", "list"): rest.list_blobs,
    }


def _of_blob(rest: Rest) -> Mapping[tuple[str, str], Callable[[AzureRequest], Answered]]:
    return {
        ("GET", ""): rest.get_blob,
        ("HEAD", ""): rest.blob_properties,
        ("PUT", ""): rest.put_blob,
        ("PUT", "block"): rest.put_block,
        ("PUT", "blocklist"): rest.put_block_list,
        ("PUT", "metadata"): rest.set_metadata,
        ("PUT", "tier"): rest.set_tier,
        ("DELETE", ""): rest.delete_blob,
    }


def _xml(text: str) -> Answered:
    return Answered(200, {"Content-Type": "application/xml"}, text.encode())


def _version(request: AzureRequest) -> str | None:
    version = request.query.get("versionid")
    if version is not None and _VERSION.fullmatch(version) is None:
        raise Refused(400, "InvalidQueryParameterValue", "Value for one of the query parameters is invalid.")
    return version


def _check_md5(request: AzureRequest) -> None:
    announced = request.headers.get("content-md5") or request.headers.get("x-ms-blob-content-md5", "")
    whole = "comp" not in request.query or "content-md5" in request.headers
    if announced and whole and announced != base64.b64encode(hashlib.md5(request.body).digest()).decode():
        raise Refused(400, "Md5Mismatch", "The MD5 value specified in the request did not match.")


def _kept(request: AzureRequest) -> dict[str, str]:
    given = {name: request.headers.get(f"x-ms-blob-{name}") for name in _KEPT}
    return {name: text for name, text in given.items() if text is not None}


def _metadata(request: AzureRequest) -> dict[str, str]:
    prefix = "x-ms-meta-"
    return {name.removeprefix(prefix): text for name, text in request.headers.items() if name.startswith(prefix)}


def _tier(request: AzureRequest) -> str:
    return request.headers.get("x-ms-access-tier", "Hot")


def _names(blob: Blob) -> dict[str, str]:
    version = {} if blob.version_id is None else {"x-ms-version-id": blob.version_id}
    return {"ETag": f'"{blob.etag}"', "Last-Modified": blob.modified, **version}


def _container_headers(container: Container) -> dict[str, str]:
    return {
        "ETag": f'"{etag_text(container.ticks)}"',
        "Last-Modified": http_date(container.ticks),
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
    }


def _spelled(name: str) -> str:
    return "Content-MD5" if name == "content-md5" else name.title()
