"""Stores that misbehave on demand, and remotes made of them, for the tests of every layer above the stores.

Usage: ``store = FaultyStore(MemoryStore())``; ``stat = store.put("a", b"x")``; then ``store.fail_next(...)``,
``store.stall()`` / ``store.release()``, ``store.change_next(...)``, and look at ``store.requests`` (reads). For uploads
and copies there are ``fail_next_upload``, ``lose_next_answer``, ``before_upload`` and ``store.uploads``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cvfs.errors import RemoteError
from cvfs.model import Addressing
from cvfs.stores.store import Piece, Stat

#: A stalled read that nobody releases is a mistake in the test: fail it instead of hanging.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One call of ``read``, as it arrived."""

    key: str
    version_id: str
    start: int
    length: int | None


@dataclass(frozen=True, slots=True)
class Upload:
    """One call of ``put``, or of ``copy`` with the key that it was ``copied_from``, as it arrived."""

    key: str
    copied_from: str | None = None


class FaultyStore:
    """Wrap any store: log its reads and uploads, and let them fail, stall or answer wrongly when told to."""

    def __init__(self, store):
        self.inner = store
        self.requests: list[Request] = []
        self.uploads: list[Upload] = []
        #: Called with each upload before it begins: what others do at that moment, or a kill.
        self.before_upload: Callable[[Upload], object] | None = None
        self._upload_faults: list[tuple[str | None, BaseException, bool]] = []
        self.waiting = 0
        self._faults: list[tuple[str | None, BaseException | Callable[[Piece], Piece]]] = []
        self._stalled: Callable[[Request], bool] | None = None
        self._changed = threading.Condition()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def fail_next(self, exception: BaseException, times: int = 1, key: str | None = None) -> None:
        """Let the next ``times`` reads (of ``key``, if given) raise ``exception``."""
        with self._changed:
            self._faults += [(key, exception)] * times

    def change_next(self, change: Callable[[Piece], Piece], times: int = 1, key: str | None = None) -> None:
        """Let the next ``times`` reads answer ``change(piece)``: other bytes, another start, another stat."""
        with self._changed:
            self._faults += [(key, change)] * times

    def fail_next_upload(self, exception: BaseException, times: int = 1, key: str | None = None) -> None:
        """Let the next ``times`` uploads and copies (to ``key``, if given) raise ``exception``, and store nothing."""
        with self._changed:
            self._upload_faults += [(key, exception, False)] * times

    def lose_next_answer(self, exception: BaseException, times: int = 1, key: str | None = None) -> None:
        """Let the next ``times`` uploads and copies (to ``key``, if given) store a version and raise ``exception``."""
        with self._changed:
            self._upload_faults += [(key, exception, True)] * times

    def stall(self, key: str | None = None) -> None:
        """Hold all reads (of ``key``, if given) from now on until ``release()``."""
        with self._changed:
            self._stalled = lambda request: key is None or request.key == key

    def stall_where(self, held: Callable[[Request], bool]) -> None:
        """Hold the reads for which ``held`` is true from now on until ``release()``."""
        with self._changed:
            self._stalled = held

    def release(self) -> None:
        """Let held reads go on, and hold no more."""
        with self._changed:
            self._stalled = None
            self._changed.notify_all()

    @contextmanager
    def stalled(self, key: str | None = None):
        """Hold reads inside the block; they go on when it is left, however it is left."""
        self.stall(key)
        try:
            yield self
        finally:
            self.release()

    def wait_for_requests(self, number: int, timeout: float = PATIENCE) -> None:
        """Block until ``number`` reads have arrived in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= number, timeout), self.requests

    def wait_for_more_waiting(self, number: int, timeout: float = PATIENCE) -> None:
        """Block until at least ``number`` reads are being held."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.waiting >= number, timeout), self.waiting

    def wait_for_waiting(self, number: int, timeout: float = PATIENCE) -> None:
        """Block until exactly ``number`` reads are being held."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.waiting == number, timeout), self.waiting

    def read(self, key: str, version_id: str, start: int = 0, length: int | None = None) -> Piece:
        request = Request(key, version_id, start, length)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            self._hold(request)
            fault = self._take_fault(key)
        if isinstance(fault, BaseException):
            raise fault
        piece = self.inner.read(key, version_id, start, length)
        return piece if fault is None else fault(piece)

    def put(self, key, source, *, md5=None, create_only=False):
        return self._upload(Upload(key), lambda: self.inner.put(key, source, md5=md5, create_only=create_only))

    def copy(self, key, version_id, target):
        return self._upload(Upload(target, key), lambda: self.inner.copy(key, version_id, target))

    def _upload(self, upload: Upload, action: Callable[[], Stat]) -> Stat:
        with self._changed:
            self.uploads.append(upload)
            fault = next((fault for fault in self._upload_faults if fault[0] in {None, upload.key}), None)
            if fault is not None:
                self._upload_faults.remove(fault)
        if self.before_upload is not None:
            self.before_upload(upload)
        if fault is None:
            return action()
        if fault[2]:
            action()
        raise fault[1]

    def _hold(self, request: Request) -> None:
        def may_go() -> bool:
            return self._stalled is None or not self._stalled(request)

        if may_go():
            return
        self.waiting += 1
        self._changed.notify_all()
        try:
            assert self._changed.wait_for(may_go, PATIENCE), f"nobody released {request}"
        finally:
            self.waiting -= 1
            self._changed.notify_all()

    def _take_fault(self, key: str):
        for index, (wanted, fault) in enumerate(self._faults):
            if wanted is None or wanted == key:
                del self._faults[index]
                return fault
        return None


class FakeRemotes:
    """Stand in for ``RemoteSet``: remotes by name, the same ones for every DVC root.

    A value that is an exception is raised by ``store()``, as a remote that cannot be used does.
    """

    def __init__(
        self,
        stores: Mapping[str, object],
        default: str | None = None,
        addressings: Mapping[str, Addressing] | None = None,
    ) -> None:
        self._stores = dict(stores)
        self._default = default or next(iter(self._stores), None)
        self._addressings = dict(addressings or {})

    def candidates(self, root: str, recorded: str | None, out_remote: str | None) -> list[str]:
        names: Iterable[str | None] = (recorded, out_remote, self._default)
        found = list(dict.fromkeys(name.lower() for name in names if name and name.lower() in self._stores))
        if not found:
            raise RemoteError(f"no remote is configured for {root or 'the repository'}")
        return found

    def addressing(self, root: str, name: str) -> Addressing:
        return self._addressings.get(name, Addressing.VERSIONS)

    def store(self, root: str, name: str):
        found = self._stores[name]
        if isinstance(found, BaseException):
            raise found
        return found
