"""A store in memory: the protocol at its simplest, for tests of every layer above and for programs that embed cvfs."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cvfs.errors import VersionNotFoundError
from cvfs.stores.ranges import range_end
from cvfs.stores.store import Piece, Stat, Versioning


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

    def read(self, key: str, version_id: str, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, as ``Store.read``."""
        found = self._find(key, version_id)
        stop = range_end(found.stat.size, start, length, self._name(key, version_id))
        return Piece(found.data[start:stop], start, found.stat)

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Describe one version, or the current one."""
        return self._find(key, version_id).stat

    def put(self, key: str, source: bytes | Path) -> Stat:
        """Store a new version, which becomes the current one."""
        data = source if isinstance(source, bytes) else source.read_bytes()
        with self._lock:
            version_id = f"v{next(self._numbers)}"
            stat = Stat(len(data), version_id, hashlib.md5(data, usedforsecurity=False).hexdigest())
            self._versions[key, version_id] = _Stored(data, stat)
            self._current[key] = version_id
        return stat

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

    def _find(self, key: str, version_id: str | None) -> _Stored:
        with self._lock:
            wanted = self._current.get(key) if version_id is None else version_id
            found = None if wanted is None else self._versions.get((key, wanted))
        if found is None:
            raise VersionNotFoundError(f"{self._name(key, version_id)} does not exist")
        return found

    def _name(self, key: str, version_id: str | None) -> str:
        return f"{self._url}: {key!r} (version {version_id or 'current'})"
