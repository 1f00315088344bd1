"""A store in memory that tells what it is asked, and lets tests step in at any moment of an upload."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cvfs.stores.memory import MemoryStore
from cvfs.stores.store import Stat, Uploadable, Versioning

Hook = Callable[[str], object]


class WatchedStore:
    """Wraps ``MemoryStore``. Hooks are called with the key, ``before`` or ``after`` each call of a method."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.log: list[tuple[str, ...]] = []
        self.before: dict[str, Hook] = {}
        self.after: dict[str, Hook] = {}
        self.state = Versioning.ON
        self.answer: Callable[[Stat], Stat] = lambda stat: stat
        self._lock = threading.Lock()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def calls(self) -> list[tuple[str, ...]]:
        """Return what was asked since the last time, sorted: uploads run side by side."""
        found, self.log = sorted(self.log), []
        return found

    def versioning(self) -> Versioning:
        self._note("versioning")
        return self.state

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        self._note("create" if create_only else "put", key)
        self.before.get("put", bool)(key)
        stat = self.inner.put(key, source, md5=md5, create_only=create_only)
        self.after.get("put", bool)(key)
        return self.answer(stat)

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        self._note("copy", key, target)
        self.before.get("copy", bool)(key)
        return self.answer(self.inner.copy(key, version_id, target))

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        self._note("stat", key)
        self.before.get("stat", bool)(key)
        return self.answer(self.inner.stat(key, version_id))

    def _note(self, *call: str) -> None:
        with self._lock:
            self.log.append(call)
