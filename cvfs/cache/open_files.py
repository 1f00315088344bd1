"""Open files, kept for the next reader: a bounded number, closed only when nobody is using them.

Threading: every method may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from cachetools import LRUCache


class Closable(Protocol):
    """An open file in whatever form."""

    def close(self) -> None:
        """Give the descriptor back."""


T = TypeVar("T", bound=Closable)


class _Entry(Generic[T]):
    __slots__ = ("file", "retired", "users")

    def __init__(self, file: T) -> None:
        self.file = file
        self.users = 0
        #: No longer in the table: whoever uses it last closes it.
        self.retired = False


class _Use(Generic[T]):
    """What a ``with`` statement holds: a class, because a generator costs as much as the read itself."""

    __slots__ = ("_entry", "_lock")

    def __init__(self, entry: _Entry[T], lock: threading.Lock) -> None:
        self._entry = entry
        self._lock = lock

    def __enter__(self) -> T:
        return self._entry.file

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._entry.users -= 1
            if self._entry.retired and self._entry.users == 0:
                self._entry.file.close()


class _Table(LRUCache[Hashable, _Entry[T]]):
    """An LRU table that hands what falls out of it to a function."""

    def __init__(self, maxsize: int, fallen: Callable[[_Entry[T]], None]) -> None:
        super().__init__(maxsize)
        self._fallen = fallen

    def popitem(self) -> tuple[Hashable, _Entry[T]]:
        key, entry = super().popitem()
        self._fallen(entry)
        return key, entry


class OpenFiles(Generic[T]):
    """At most ``limit`` open files by key (and those in use beyond that), the least recently used closed first."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._table: _Table[T] = _Table(limit, self._retire)

    def use(self, key: Hashable, opener: Callable[[], T]) -> _Use[T]:
        """Open ``key`` by ``opener``, unless it is open, for as long as a ``with`` statement takes.

        Two threads that ask at once may both call ``opener``; one of the two files is then closed again and both get
        the other. Whatever ``opener`` raises comes through. Blocking.
        """
        with self._lock:
            entry = self._take(key)
        if entry is None:
            file = opener()
            with self._lock:
                entry = self._take(key)
                if entry is None:
                    entry = self._table[key] = _Entry(file)
                    entry.users = 1
                else:
                    file.close()
        return _Use(entry, self._lock)

    def forget(self, key: Hashable, file: T | None = None) -> None:
        """Open ``key`` anew for the next user; only if ``file`` is what is open now, where one is given."""
        with self._lock:
            entry = self._table.get(key)
            if entry is not None and (file is None or entry.file is file):
                del self._table[key]
                self._retire(entry)

    def in_use(self, key: Hashable) -> bool:
        """Tell whether somebody is using the file at this moment."""
        with self._lock:
            entry = self._table.get(key)
            return entry is not None and entry.users > 0

    def forget_where(self, stale: Callable[[T], bool]) -> None:
        """Close the idle files for which ``stale`` is true."""
        with self._lock:
            idle = [(key, entry) for key, entry in self._table.items() if entry.users == 0]
            for key, entry in idle:
                if stale(entry.file):
                    del self._table[key]
                    self._retire(entry)

    def __len__(self) -> int:
        return len(self._table)

    def close(self) -> None:
        """Close all files; those in use, as soon as their users are done."""
        with self._lock:
            while self._table:
                self._table.popitem()

    def _take(self, key: Hashable) -> _Entry[T] | None:
        entry = self._table.get(key)
        if entry is not None:
            entry.users += 1
        return entry

    def _retire(self, entry: _Entry[T]) -> None:
        entry.retired = True
        if entry.users == 0:
            entry.file.close()
