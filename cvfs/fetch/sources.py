"""From a content to the bytes that one of its remotes answers with, checked.

Threading: blocking, from any thread, but for what is said to never block.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from cachetools import LRUCache

from cvfs.errors import AccessDeniedError, CvfsError, IntegrityError, NotPushedError, RemoteError, VersionNotFoundError
from cvfs.fetch.checks import check_range, check_whole, describe
from cvfs.fetch.identity import cache_key, is_md5
from cvfs.model import Content, Version
from cvfs.stores.store import Piece, Store

_log = logging.getLogger(__name__)

#: Errors after which another remote may still have the version. A refusal is one of them, because that is how S3 says
#: "no such version" to those who may not list.
_ELSEWHERE = (VersionNotFoundError, AccessDeniedError, RemoteError)
#: Contents of which it is remembered which remote had them: as many as may well be read in turns.
_REMEMBERED = 4096


class Remotes(Protocol):
    """The remotes of every DVC root of a commit; ``cvfs.stores.registry.RemoteSet`` is one."""

    def candidates(self, root: str, recorded: str | None, out_remote: str | None) -> list[str]:
        """Name the remotes that may have a file, the most likely one first. Raises RemoteError. Never blocks."""

    def store(self, root: str, name: str) -> Store:
        """Give the store of a remote. Blocking. Raises RemoteError, ConfigError."""


class Sources:
    """Reads of versions, from the first of their remotes that has them."""

    def __init__(self, remotes: Remotes) -> None:
        self._remotes = remotes
        self._lock = threading.Lock()
        self._urls: dict[tuple[str, str], str] = {}
        self._last: LRUCache[Content, str] = LRUCache(_REMEMBERED)

    def lane(self, content: Content) -> tuple[str, str]:
        """Name the remote that is asked first, to keep apart those who wait for different ones. Never blocks.

        Raises:
            NotPushedError, RemoteError: there is nobody to ask.
        """
        return content.root, self._candidates(content)[0]

    def known_keys(self, content: Content) -> list[str]:
        """List the keys under which the cache may have the content, as far as stores have been made. Never blocks."""
        if is_md5(content.md5):
            return [f"md5-{content.md5}"]
        if content.version is None:
            return []
        try:
            names = self._candidates(content)
        except CvfsError:
            return []
        urls = [self._urls[content.root, name] for name in names if (content.root, name) in self._urls]
        return [key for url in urls if (key := cache_key(content, url)) is not None]

    def make_stores(self, content: Content) -> None:
        """Make the stores that ``known_keys`` needs. A remote that cannot be used is passed over if another can.

        Raises:
            RemoteError, ConfigError: none can be used; what the first one said.
        """
        errors = []
        for name in self._candidates(content):
            try:
                self._store(content, name)
            except CvfsError as error:
                errors.append(error)
        if errors and not self.known_keys(content):
            raise errors[0]

    def describe(self, content: Content) -> str:
        """Name the version that is read, for messages. Never blocks; holds no secret."""
        version = _version_of(content)
        names = self._candidates(content)
        url = next((self._urls[content.root, name] for name in names if (content.root, name) in self._urls), names[0])
        return f"{url}: key {version.key!r}, version {version.version_id}"

    def read_start(self, content: Content, length: int) -> tuple[Piece, str]:
        """Read at most ``length`` bytes from the start of a content, and name its key in the cache.

        If that is all of it, it has been checked as a whole, else as a range. Asking for no more than that keeps an
        object that is far larger than its record from filling the memory.

        Raises:
            CvfsError: what the first of the remotes answered, if none has it; IntegrityError after a second try.
        """

        def check(piece: Piece, where: str) -> None:
            if piece.stat.size <= length:
                check_whole(piece, content, where)
            else:
                check_range(piece, content, 0, length, where)

        return self._read(content, 0, length, check)

    def read_range(self, content: Content, start: int, stop: int) -> bytes:
        """Read bytes that lie within the content, and check what a range allows. Raises as ``read_start``."""
        piece, _ = self._read(
            content, start, stop - start, lambda piece, where: check_range(piece, content, start, stop, where)
        )
        return piece.data

    def _read(
        self, content: Content, start: int, length: int | None, check: Callable[[Piece, str], None]
    ) -> tuple[Piece, str]:
        names = self._candidates(content)
        errors: dict[str, CvfsError] = {}
        for name in self._in_likely_order(content, names):
            try:
                store = self._store(content, name)
                piece = _read_twice(store, content, start, length, check)
            except CvfsError as error:
                errors[name] = error
                if not isinstance(error, _ELSEWHERE):
                    break
            else:
                with self._lock:
                    self._last[content] = name
                key = cache_key(content, store.url)
                assert key is not None
                return piece, key
        # What stopped the search, or else what the likeliest remote said, is what the user has to deal with.
        name = name if not isinstance(errors[name], _ELSEWHERE) else names[0]
        version = _version_of(content)
        where = self._urls.get((content.root, name), f"remote {name}")
        # Whoever reads knows the path, and logs the failure; read-ahead that fails is nobody's business yet.
        _log.debug(
            "download failed: %s, key %r, version %s: %s", where, version.key, version.version_id, errors[name].message
        )
        raise errors[name]

    def _in_likely_order(self, content: Content, names: list[str]) -> list[str]:
        with self._lock:
            last = self._last.get(content)
        return sorted(names, key=lambda name: name != last)

    def _candidates(self, content: Content) -> list[str]:
        version = _version_of(content)
        return self._remotes.candidates(content.root, version.remote, content.out_remote)

    def _store(self, content: Content, name: str) -> Store:
        store = self._remotes.store(content.root, name)
        self._urls[content.root, name] = store.url
        return store


def _read_twice(
    store: Store, content: Content, start: int, length: int | None, check: Callable[[Piece, str], None]
) -> Piece:
    """Read and check, and once more if the check fails: a damaged transfer happens, a wrong object stays wrong."""
    version = _version_of(content)
    where = describe(store, content)
    try:
        piece = store.read(version.key, version.version_id, start, length)
        check(piece, where)
    except IntegrityError as error:
        _log.debug("once more: %s", error.message)
        piece = store.read(version.key, version.version_id, start, length)
        check(piece, where)
    return piece


def _version_of(content: Content) -> Version:
    if content.version is None:
        raise NotPushedError(
            "the commit records no version of this file, and no cache on this machine has its content",
            hint="push it from where it was made and commit what that writes: cvfs push, or dvc push",
        )
    return content.version
