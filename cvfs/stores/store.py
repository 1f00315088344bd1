"""The protocol of all stores. Every method blocks: call it from a worker thread.

Every store is safe to use from several threads at once and raises nothing but the ``StoreError`` family; the contract
suite in ``tests/stores/`` holds all of them to what is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol


class Versioning(Enum):
    """Whether a store keeps old versions."""

    ON = "on"
    OFF = "off"
    #: The store does not tell (no permission, or no such question in its API): the answer to an upload will.
    UNKNOWN = "unknown"
    #: The store does not tell, nor will the answer to an upload: every object has a version, kept or not (GCS).
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Stat:
    """What a store says of one version. ``etag`` has no quotes but those that DVC keeps (Azure)."""

    size: int
    version_id: str | None
    etag: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one version: ``data`` begins at ``start``; ``stat`` describes the whole object.

    Its etag is None where the store has etags that say nothing of the content (GCS).
    """

    data: bytes
    start: int
    stat: Stat


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file to be uploaded, and who watches: ``progress`` is told how many bytes were read since the last call.

    The number is negative when an attempt is given up. What ``progress`` raises otherwise ends the upload.
    """

    path: Path
    progress: Callable[[int], object]


#: What can be uploaded.
Uploadable = bytes | Path | WatchedFile


@dataclass(frozen=True, slots=True)
class Listed:
    """A current object that a listing found. ``key`` is relative to the store's URL."""

    key: str
    stat: Stat


def key_order(key: str) -> bytes:
    """Return what keys are sorted by in a listing: their bytes, as in S3."""
    return key.encode("utf-8", "surrogateescape")


class Store(Protocol):
    """One remote's URL (a bucket and prefix, a directory), as an object of many versions per key."""

    @property
    def url(self) -> str:
        """Name the remote without secrets, as its identity and for messages: URL, and the endpoint if it has one."""

    def full_key(self, key: str) -> str:
        """Prefix ``key`` (relative to the URL) with what the store's own tools want: the key in the bucket."""

    def check(self) -> None:
        """Find out, without asking the store itself, whether reads can be tried.

        Raises:
            CredentialsError: credentials are missing, or cannot be renewed. Looking for them may use the network.
            StoreError: something else that reads need is missing (of a local store: the directory).
        """

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, or the current object where ``version_id`` is None: all of it, or a range from ``start``.

        A range that ends beyond the object is cut at its end; one that starts at or beyond it raises IntegrityError
        (but reading an empty object from 0 gives nothing). So does an answer that is not the range asked for or names
        another version id than the one asked for; the current object may have any. An answer that breaks off raises
        UnavailableError. A negative ``start`` or a ``length`` below 1 is a mistake of the caller: ValueError.

        Raises:
            VersionNotFoundError, AccessDeniedError, CredentialsError, ArchivedError, UnavailableError, IntegrityError.
        """

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Ask for one version's size, id and etag; the current one where ``version_id`` is None."""

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Store a new version and return it, with the id from the answer to this very upload.

        What was stored is what was read from ``source``: the store itself checks a checksum that is sent along, or its
        answer is compared. ``md5`` is that of the whole content in hex; a source with another one leaves the store as
        it was. ``create_only`` leaves an object alone that is there already (as far as the store can promise that).

        Raises:
            SourceChangedError: the source has another md5 than ``md5``, or another size at its end than at its start.
            KeyTakenError: ``create_only``, and the key has a current object, perhaps of an earlier try of this upload.
            VersioningOffError: the answer named no version (or ``null``). The object has been written.
            IntegrityError: the store got, or says that it has, other bytes than those sent.
        """

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Store a version's content as a new version of the key ``target``, without the bytes passing through here.

        Both keys are relative to the store's URL. The id returned is that of the copy, from the store's answer to it.

        Raises:
            VersionNotFoundError: there is no such version (any more).
            VersioningOffError: as ``put``.
            IntegrityError: the copy is not what the version was.
        """

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List the current objects whose keys begin with ``prefix``, sorted by ``key_order``, with their versions.

        ``prefix`` is a key or, ending with a slash, a directory; '' is the whole store. Nothing is hidden: what tools
        leave to mark an empty directory (a key that ends with a slash) is listed, too. Of an object that has no version
        (``null`` is none) the id is None. With ``after``, the list begins behind that key.

        Raises:
            AccessDeniedError: the store refuses to list versions, whatever else it allows.
            VersionNotFoundError: the bucket or directory does not exist.
        """

    def versioning(self) -> Versioning:
        """Ask whether overwritten objects are kept."""

    def enable_versioning(self) -> None:
        """Turn versioning on. Raises StoreError with the provider's own command where the API cannot."""

    def close(self) -> None:
        """Release connections. No call may follow."""
