"""Bring one file to its place: from DVC's cache, from cvfs's own, or from a store, verified whatever the way.

Threading: in worker threads of trio, in which ``bring`` waits for the fetcher. Between two pieces it notices that the
pull was cancelled. Memory: one piece a file.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from cvfs.cache.cache import Cache
from cvfs.errors import CvfsError, IntegrityError
from cvfs.fetch.fetcher import SMALL, Fetcher
from cvfs.fetch.hashing import hash_for, recorded_hash
from cvfs.model import Content
from cvfs.progress import Task
from cvfs.pulling.orders import Order
from cvfs.workspace.file_state import FileState, to_bytes
from cvfs.workspace.hashing import hash_file
from cvfs.workspace.placing import Link
from cvfs.workspace.stat_cache import Known

_log = logging.getLogger(__name__)


class Delivery:
    """Brings files. ``link`` is how they come out of DVC's cache; cvfs's own has no files that could be linked to."""

    def __init__(self, cache: Cache, fetcher: Fetcher, link: Link, task: Task) -> None:
        self._cache = cache
        self._fetcher = fetcher
        self._link = link
        self._task = task

    def bring(self, order: Order) -> bool:
        """Place a file, and return whether it was fetched for that. Blocking.

        Raises:
            CvfsError: it could not be had, or not be placed; what was at its path is still there.
        """
        return _Errand(self._cache, self._fetcher, self._link, self._task, order).run()


class _Errand:
    """The way of one file."""

    def __init__(self, cache: Cache, fetcher: Fetcher, link: Link, task: Task, order: Order) -> None:
        self._cache = cache
        self._fetcher = fetcher
        self._link = link
        self._task = task
        self._order = order
        self._content = order.content
        self._counted = 0
        self._md5 = order.content.md5

    def run(self) -> bool:
        """Try the ways in turn, the cheapest first."""
        order = self._order
        is_here = self._content.size == 0 or self._fetcher.has(self._content)
        try:
            state = self._linked() or self._shared() or self._copied()
        except BaseException:
            self._task.advance(-self._counted)
            raise
        assert self._md5 is not None
        order.root.note(order.path, state, Known(self._md5, order.isexec))
        self._task.finished(order.shown)
        return not is_here

    def _linked(self) -> FileState | None:
        """Link to DVC's cache, if that is wished for, and its file is what its name says."""
        source = self._dvc_copy()
        if self._link is Link.COPY or source is None:
            return None
        try:
            hashed = hash_file(source, self._count)
        except CvfsError as error:
            _log.debug("not linked: %s", error.message)
            return None
        if hashed.md5 != self._content.md5:
            _log.warning("%s is not what its name says; DVC would call its cache corrupted", source)
            self._uncount()
            return None
        order = self._order
        return order.root.placer.place_file(order.path, source, link=self._link, isexec=order.isexec, over=order.over)

    def _shared(self) -> FileState | None:
        """Share the blocks of a cache's file, where the file system can."""
        md5, order = self._content.md5, self._order
        if md5 is None:
            return None
        with self._sharable(md5) as found:
            if found is None:
                return None
            descriptor, size = found
            try:
                return order.root.placer.place_shared(
                    order.path, descriptor, size, md5=md5, isexec=order.isexec, over=order.over, progress=self._count
                )
            except IntegrityError as error:
                _log.warning("a damaged copy in a cache was passed over: %s", error.message)
                self._uncount()
                return None

    @contextmanager
    def _sharable(self, md5: str) -> Iterator[tuple[int, int] | None]:
        source = self._dvc_copy()
        if source is None:
            with self._cache.opened(f"md5-{md5}") as found:
                yield found
            return
        try:
            descriptor = os.open(to_bytes(source), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            yield None
            return
        try:
            yield descriptor, os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _copied(self) -> FileState:
        order = self._order
        return order.root.placer.place_bytes(
            order.path, self._pieces(), md5=self._content.md5, isexec=order.isexec, over=order.over
        )

    def _pieces(self) -> Iterator[bytes]:
        """Yield the bytes as they come, and check what the placer cannot."""
        content, position = self._content, 0
        recorded = None if content.md5 is not None else recorded_hash(content)
        check = hash_for(content) if recorded else None
        digest = hashlib.md5(usedforsecurity=False)
        while content.size is None or position < content.size:
            data = trio.from_thread.run(self._fetcher.read, content, position, SMALL)
            position += len(data)
            self._count(len(data))
            if content.md5 is None:
                digest.update(data)
            if check is not None:
                check.update(data)
            yield data
            if len(data) < SMALL:
                break
        if content.size is not None and position != content.size:
            raise IntegrityError(f"{position} bytes came, and {content.size} are recorded")
        if check is not None and recorded is not None and not check.matches(recorded):
            raise IntegrityError(f"the bytes have {check}, and {recorded} is recorded")
        self._md5 = content.md5 or digest.hexdigest()

    def _dvc_copy(self) -> str | None:
        md5 = self._content.md5
        return None if md5 is None else self._order.root.dvc_cache.path(md5, legacy=False)

    def _count(self, size: int) -> None:
        trio.from_thread.check_cancelled()
        self._counted += size
        self._task.advance(size)

    def _uncount(self) -> None:
        self._task.advance(-self._counted)
        self._counted = 0


def is_large(content: Content) -> bool:
    """Tell whether a content comes in several requests, and so is not to be fetched beside very many others."""
    return content.size is not None and content.size > SMALL
