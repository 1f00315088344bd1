"""A storage account in memory: containers, blobs and their versions, as Azure's Blob service keeps them.

What is said of versions: https://learn.microsoft.com/azure/storage/blobs/versioning-overview. Every method is to be
called with the account's ``lock`` held.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime

#: Azure counts time in steps of 100 ns.
_TICKS = 10_000_000


class Refused(Exception):
    """An answer with an error status; ``code`` is Azure's, ``text`` what the service says along with it."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text or f"The service says {code}."


def missing_blob() -> Refused:
    """Return the answer for a blob, or a version, that does not exist."""
    return Refused(404, "BlobNotFound", "The specified blob does not exist.")


@dataclass(frozen=True, slots=True)
class Copy:
    """Where a blob was copied from. ``polls`` is how often it has yet to be asked for before the copy is done."""

    copy_id: str
    source: str
    polls: int = 0
    outcome: str = "success"

    @property
    def status(self) -> str:
        """What the service calls it."""
        return "pending" if self.polls else self.outcome


@dataclass(slots=True)
class Blob:
    """One version. ``headers`` are those that were set by the upload, in lower case and without ``x-ms-blob-``."""

    data: bytes
    etag: str
    ticks: int
    version_id: str | None
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tier: str = "Hot"
    rehydrating: bool = False
    copied: Copy | None = None

    @property
    def modified(self) -> str:
        """The time of Last-Modified."""
        return http_date(self.ticks)


@dataclass(slots=True)
class Named:
    """All versions of one name, the oldest first. ``blocks`` were staged and not yet committed."""

    versions: list[Blob] = field(default_factory=list)
    current: Blob | None = None
    blocks: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Container:
    """A container. ``public`` is what anonymous requests may do: nothing (None), read a ``blob``, or list, too."""

    ticks: int
    names: dict[str, Named] = field(default_factory=dict)
    public: str | None = None

    def named(self, name: str) -> Named:
        """Return what is there of ``name``, or an empty place for it."""
        return self.names.setdefault(name, Named())

    def find(self, name: str, version_id: str | None) -> Blob:
        """Return a version, or the current one. Refused: there is none."""
        named = self.names.get(name)
        if named is None:
            raise missing_blob()
        if version_id is None:
            if named.current is None:
                raise missing_blob()
            return named.current
        found = next((blob for blob in named.versions if blob.version_id == version_id), None)
        if found is None:
            raise missing_blob()
        return found

    def sorted(self) -> Iterator[tuple[str, Named]]:
        """Return names in the order of a listing."""
        return iter(sorted(self.names.items(), key=lambda item: item[0].encode()))


class Account:
    """One account. ``versioning`` and ``pending_polls`` (how long a copy takes) may be changed at any time."""

    def __init__(self, *, versioning: bool = True) -> None:
        self.lock = threading.RLock()
        self.versioning = versioning
        self.pending_polls = 0
        self.copies_end = "success"
        self.containers: dict[str, Container] = {}
        self._last = 0

    def container(self, name: str) -> Container:
        """Return a container. Refused: there is none."""
        if name not in self.containers:
            raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
        return self.containers[name]

    def create(self, name: str, public: str | None) -> Container:
        """Make a container."""
        if name in self.containers:
            raise Refused(409, "ContainerAlreadyExists", "The specified container already exists.")
        self.containers[name] = Container(self.now(), public=public)
        return self.containers[name]

    def now(self) -> int:
        """Return a time, in ticks since 1970, that was never returned before."""
        self._last = max(self._last + 1, time.time_ns() // 100)
        return self._last

    def pass_time(self, seconds: int) -> None:
        """Have so much time pass before the next request."""
        self._last = self.now() + seconds * _TICKS

    def write(self, container: Container, name: str, blob: Callable[[int, str | None], Blob]) -> Blob:
        """Make what ``blob`` returns for a time and a version id the current version of ``name``."""
        ticks = self.now()
        named = container.named(name)
        written = blob(ticks, version_text(ticks) if self.versioning else None)
        self._retire(named)
        named.versions.append(written)
        named.current = written
        named.blocks.clear()
        return written

    def set_properties(self, container: Container, name: str, **changed: object) -> Blob:
        """Change the current blob's metadata, which makes a version of its own."""
        current = container.find(name, None)
        return self.write(
            container,
            name,
            lambda ticks, version: replace(current, ticks=ticks, version_id=version, etag=etag_text(ticks), **changed),
        )

    def delete(self, container: Container, name: str, version_id: str | None) -> None:
        """Delete the current blob, whose versions stay, or one version for good."""
        blob = container.find(name, version_id)
        named = container.names[name]
        if version_id is None:
            self._retire(named)
        elif blob is named.current:
            raise Refused(403, "OperationNotAllowedOnRootBlob", "The current version has to be deleted as such.")
        else:
            named.versions.remove(blob)

    def _retire(self, named: Named) -> None:
        """Turn the current blob into a previous version, or drop it where no versions are kept."""
        old, named.current = named.current, None
        if old is None or old.version_id is not None:
            return
        if self.versioning:
            # A blob from before versioning gets an id when it stops being the current one.
            old.version_id = version_text(old.ticks)
        else:
            named.versions.remove(old)


def version_text(ticks: int) -> str:
    """Render a time as a version id."""
    seconds, rest = divmod(ticks, _TICKS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:07}Z"


def etag_text(ticks: int) -> str:
    """Render a time as an ETag, without quotes."""
    return f"0x8D{ticks & 0xFFFFFFFFFFFFF:013X}"


def http_date(ticks: int) -> str:
    """Render a time as HTTP does."""
    return format_datetime(datetime.fromtimestamp(ticks // _TICKS, UTC), usegmt=True)


def md5_text(data: bytes) -> str:
    """Return the md5 as Content-MD5 has it."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def new_blob(data: bytes, headers: Mapping[str, str], metadata: Mapping[str, str], tier: str) -> Callable[..., Blob]:
    """Return what makes an uploaded blob, for ``Account.write``."""
    return lambda ticks, version: Blob(data, etag_text(ticks), ticks, version, dict(headers), dict(metadata), tier)
