"""The contents that Git itself holds (outs with ``cache: false``), read blob by blob."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from cvfs.git import Repository

#: Bytes of blobs kept: the kernel asks for a file piece by piece, and each blob costs a git process.
_KEPT = 32 * 1024 * 1024


class GitContents:
    """Reads blobs of one repository. Safe to use from several threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._lock = threading.Lock()
        self._kept: LRUCache[str, bytes] = LRUCache(_KEPT, getsizeof=len)

    def read(self, oid: str) -> bytes:
        """Return a blob. Blocking: call from a worker thread. Raises RepositoryError."""
        with self._lock:
            data: bytes | None = self._kept.get(oid)
        if data is None:
            ((_, data),) = self._repository.read_blobs([oid])
            if len(data) <= _KEPT:
                with self._lock:
                    self._kept[oid] = data
        return data
