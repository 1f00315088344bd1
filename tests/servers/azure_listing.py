"""List Blobs and List Containers, as XML.

https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

from servers.azure_access import AzureRequest
from servers.azure_account import Account, Blob, Container, Named

#: What an XML text cannot hold, or not without being changed by its reader.
_UNFIT = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
_LARGEST_PAGE = 5000


def list_containers(account: Account, request: AzureRequest) -> str:
    """Name the containers."""
    items = "".join(
        f"<Container><Name>{escape(name)}</Name><Properties><Last-Modified/><Etag/></Properties></Container>"
        for name in sorted(account.containers)
        if name.startswith(request.query.get("prefix", ""))
    )
    return f"{_head()}<Containers>{items}</Containers><NextMarker/></EnumerationResults>"


def list_blobs(container: Container, request: AzureRequest) -> str:
    """List one page. The marker is the number of the entry at which the next page begins."""
    query = request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    size = min(int(query.get("maxresults", _LARGEST_PAGE)), _LARGEST_PAGE)
    start = int(query.get("marker") or 0)
    include = set(query.get("include", "").split(","))
    entries: list[str] = []
    grouped: set[str] = set()
    for name, named in container.sorted():
        if not name.startswith(prefix) or name.encode() < query.get("startfrom", "").encode():
            continue
        below, separator, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        shown = list(_shown(named, include))
        if not separator:
            entries += [_blob(name, named, blob, include) for blob in shown]
        elif shown and (group := prefix + below + separator) not in grouped:
            grouped.add(group)
            entries.append(f"<BlobPrefix>{_name(group)}</BlobPrefix>")
    page = "".join(entries[start : start + size])
    marker = str(start + size) if start + size < len(entries) else ""
    return f"{_head()}<Blobs>{page}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"


def _head() -> str:
    return '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/">'


def _shown(named: Named, include: set[str]) -> Iterator[Blob]:
    """Choose versions, the oldest first. Those of a deleted blob are shown only to whoever asks for them."""
    if named.current is None and "deletedwithversions" not in include:
        return
    for blob in named.versions:
        if blob is named.current or "versions" in include or "deletedwithversions" in include:
            yield blob


def _blob(name: str, named: Named, blob: Blob, include: set[str]) -> str:
    version = ""
    if "versions" in include and blob.version_id is not None:
        version = f"<VersionId>{blob.version_id}</VersionId>"
        version += "<IsCurrentVersion>true</IsCurrentVersion>" if blob is named.current else ""
    metadata = "".join(f"<{key}>{escape(text)}</{key}>" for key, text in blob.metadata.items())
    properties = {
        "Creation-Time": blob.modified,
        "Last-Modified": blob.modified,
        "Etag": blob.etag,  # without quotes here, and only here
        "Content-Length": str(len(blob.data)),
        "Content-Type": blob.headers.get("content-type", "application/octet-stream"),
        "Content-MD5": blob.headers.get("content-md5", ""),
        "BlobType": "BlockBlob",
        "AccessTier": blob.tier,
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
        "ServerEncrypted": "true",
    }
    inside = "".join(f"<{key}>{escape(text)}</{key}>" for key, text in properties.items())
    shown = f"<Metadata>{metadata}</Metadata>" if "metadata" in include else ""
    return f"<Blob>{_name(name)}{version}<Properties>{inside}</Properties>{shown}</Blob>"


def _name(name: str) -> str:
    if _UNFIT.search(name):
        return f'<Name Encoded="true">{quote(name)}</Name>'
    return f"<Name>{escape(name)}</Name>"
