"""A store in memory: the protocol at its simplest, for tests of every layer above and for programs that embed cvfs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from cvfs.errors import KeyTakenError, StoreError, VersionNotFoundError
from cvfs.stores.ranges import range_end
from cvfs.stores.source import opened
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning, key_order


@dataclass(frozen=True, slots=True)
class _Stored:
    data: bytes
    stat: Stat


class MemoryStore:
    """Keep every version of every object until told otherwise. Implements ``Store``."""

    def __init__(self, name: str = "memory") -> None:
        self._url = f"memory://{name}"
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._versions: dict[tuple[str, str], _Stored] = {}
        self._current: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Name the store."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the key itself: there is no prefix."""
        return key

    def check(self) -> None:
        """Do nothing: there is nothing to miss."""

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, or the current one, as ``Store.read``."""
        found = self._find(key, version_id)
        stop = range_end(found.stat.size, start, length, self._name(key, version_id))
        return Piece(found.data[start:stop], start, found.stat)

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Describe one version, or the current one."""
        return self._find(key, version_id).stat

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Store a new version, which becomes the current one, as ``Store.put``."""
        what = f"{self._url}: {key!r}"
        try:
            with opened(source, what, md5) as content:
                data = content.read(content.size)
                content.verify()
        except OSError as error:
            raise StoreError(f"{what}: {error}") from error
        return self._add(key, data, create_only=create_only)

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Make a version's content a new version of ``target``."""
        return self._add(target, self._find(key, version_id).data)

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List the current objects below ``prefix``, as ``Store.listing``."""
        with self._lock:
            stats = {key: self._versions[key, version_id].stat for key, version_id in self._current.items()}
        for key in sorted(stats, key=key_order):
            if key.startswith(prefix) and key_order(key) > key_order(after):
                yield Listed(key, stats[key])

    def delete(self, key: str) -> None:
        """Leave ``key`` without a current version, as a delete marker does; its versions stay."""
        with self._lock:
            self._current.pop(key, None)

    def expire(self, key: str, version_id: str) -> None:
        """Forget one version for good, as a lifecycle rule does."""
        with self._lock:
            self._versions.pop((key, version_id), None)
            if self._current.get(key) == version_id:
                del self._current[key]

    def versioning(self) -> Versioning:
        """Answer ON: versions are always kept."""
        return Versioning.ON

    def enable_versioning(self) -> None:
        """Do nothing: versions are always kept."""

    def close(self) -> None:
        """Do nothing: what was put stays readable by other users of this object."""

    def _add(self, key: str, data: bytes, *, create_only: bool = False) -> Stat:
        with self._lock:
            if create_only and key in self._current:
                raise KeyTakenError(f"{self._url}: {key!r} exists already")
            version_id = f"v{next(self._numbers)}"
            stat = Stat(len(data), version_id, hashlib.md5(data, usedforsecurity=False).hexdigest())
            self._versions[key, version_id] = _Stored(data, stat)
            self._current[key] = version_id
        return stat

    def _find(self, key: str, version_id: str | None) -> _Stored:
        with self._lock:
            wanted = self._current.get(key) if version_id is None else version_id
            found = None if wanted is None else self._versions.get((key, wanted))
        if found is None:
            raise VersionNotFoundError(f"{self._name(key, version_id)} does not exist")
        return found

    def _name(self, key: str, version_id: str | None) -> str:
        return f"{self._url}: {key!r} (version {version_id or 'current'})"
