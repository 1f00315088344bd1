"""From a content to the bytes that one of its remotes answers with, checked.

Threading: blocking, from any thread, but for what is said to never block.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from cachetools import LRUCache

from cvfs.errors import AccessDeniedError, CvfsError, IntegrityError, NotPushedError, RemoteError, VersionNotFoundError
from cvfs.fetch.checks import check_range, check_whole, describe_object
from cvfs.fetch.identity import cache_key, is_md5
from cvfs.fetch.objects import object_keys
from cvfs.model import Addressing, Content
from cvfs.stores.store import Piece, Store

_log = logging.getLogger(__name__)

#: Errors after which another remote may still have the version. A refusal is one of them, because that is how S3 says
#: "no such version" to those who may not list.
_ELSEWHERE = (VersionNotFoundError, AccessDeniedError, RemoteError)
#: Contents of which it is remembered which remote had them: as many as may well be read in turns.
_REMEMBERED = 4096
_NO_VERSION = "the commit records no version of this file, no cache on this machine has its content"
_NOTHING_RECORDED = "the commit records no version of this file, and no cache on this machine has its content"


class Remotes(Protocol):
    """The remotes of every DVC root of a commit; ``cvfs.stores.registry.RemoteSet`` is one."""

    def candidates(self, root: str, recorded: str | None, out_remote: str | None) -> list[str]:
        """Name the remotes that may have a file, the most likely one first. Raises RemoteError. Never blocks."""

    def addressing(self, root: str, name: str) -> Addressing:
        """Tell how contents are found on a remote. Never blocks. Raises RemoteError, ConfigError."""

    def store(self, root: str, name: str) -> Store:
        """Give the store of a remote. Blocking. Raises RemoteError, ConfigError."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content may be: an object of a remote, by version id, or, where that is None, the current one.

    ``is_ordinary`` says that this is where DVC would have put it.
    """

    remote: str
    key: str
    version_id: str | None
    is_ordinary: bool = True


class Sources:
    """Reads of contents, from the first of their remotes that has them.

    What has a version is read by it, and never as the current object of its name. What has a hash only is read from
    where DVC keeps contents by their hash (``objects.py``): on ordinary remotes, and on others as a last resort, for
    the commits from the time between making a remote version-aware and the push that recorded versions.
    """

    def __init__(self, remotes: Remotes) -> None:
        self._remotes = remotes
        self._lock = threading.Lock()
        self._urls: dict[tuple[str, str], str] = {}
        self._last: LRUCache[Content, Place] = LRUCache(_REMEMBERED)

    def lane(self, content: Content) -> tuple[str, str]:
        """Name the remote that is asked first, to keep apart those who wait for different ones. Never blocks.

        Raises:
            NotPushedError, RemoteError: there is nobody to ask.
        """
        return content.root, self.places(content)[0].remote

    def places(self, content: Content) -> list[Place]:
        """Name the objects that may be the content, in the order in which they are asked for. Never blocks.

        Raises:
            NotPushedError, RemoteError: there are none.
        """
        version = content.version
        md5 = content.md5 if version is not None else content.md5 or content.text_md5
        if version is None and not is_md5(md5):
            raise _not_pushed(_NOTHING_RECORDED)
        try:
            recorded = None if version is None else version.remote
            names = self._remotes.candidates(content.root, recorded, content.out_remote)
        except RemoteError as error:
            if version is not None:
                raise
            raise _not_pushed(f"{_NO_VERSION}, and {error.message}") from error
        places = [] if version is None else [Place(name, version.key, version.version_id) for name in names]
        if md5 is not None and is_md5(md5):
            places += self._by_hash(content, md5, names)
        return places

    def known_keys(self, content: Content) -> list[str]:
        """List the keys under which the cache may have the content, as far as stores have been made. Never blocks."""
        if is_md5(content.md5):
            return [f"md5-{content.md5}"]
        try:
            names = self._names(content)
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
        for name in self._names(content):
            try:
                self._store(content, name)
            except CvfsError as error:
                errors.append(error)
        if errors and not self.known_keys(content):
            raise errors[0]

    def describe(self, content: Content) -> str:
        """Name the version that is read, for messages. Never blocks; holds no secret."""
        places = self._in_likely_order(content, self.places(content))
        place = next((place for place in places if (content.root, place.remote) in self._urls), places[0])
        return self._describe(content, place)

    def read_start(self, content: Content, length: int) -> tuple[Piece, str]:
        """Read at most ``length`` bytes from the start of a content, and name its key in the cache.

        If that is all of it, it has been checked as a whole, else as a range. Asking for no more than that keeps an
        object that is far larger than its record from filling the memory.

        Raises:
            CvfsError: what the first of the remotes answered, if none has it; IntegrityError after a second try.
        """

        def check(piece: Piece, place: Place, where: str) -> None:
            if piece.stat.size <= length:
                check_whole(piece, of_place(content, place), where)
            else:
                check_range(piece, of_place(content, place), 0, length, where)

        return self._read(content, 0, length, check)

    def read_range(self, content: Content, start: int, stop: int) -> bytes:
        """Read bytes that lie within the content, and check what a range allows. Raises as ``read_start``."""

        def check(piece: Piece, place: Place, where: str) -> None:
            check_range(piece, of_place(content, place), start, stop, where)

        piece, _ = self._read(content, start, stop - start, check)
        return piece.data

    def _read(
        self, content: Content, start: int, length: int | None, check: Callable[[Piece, Place, str], None]
    ) -> tuple[Piece, str]:
        places = self.places(content)
        errors: dict[Place, CvfsError] = {}
        for place in self._in_likely_order(content, places):
            try:
                store = self._store(content, place.remote)
                piece = _read_twice(store, place, start, length, check)
            except CvfsError as error:
                errors[place] = error
                if not isinstance(error, _ELSEWHERE):
                    break
            else:
                with self._lock:
                    self._last[content] = place
                key = cache_key(content, store.url)
                assert key is not None
                return piece, key
        # What stopped the search, or else what the likeliest remote said, is what the user has to deal with.
        place = place if not isinstance(errors[place], _ELSEWHERE) else places[0]
        # Whoever reads knows the path, and logs the failure; read-ahead that fails is nobody's business yet.
        _log.debug("download failed: %s: %s", self._describe(content, place), errors[place].message)
        if content.version is None and all(isinstance(error, _ELSEWHERE) for error in errors.values()):
            raise self._nowhere(content, errors) from errors[place]
        raise errors[place]

    def _by_hash(self, content: Content, md5: str, names: list[str]) -> list[Place]:
        """Name the objects that are the content by its hash. A remote whose settings make no sense has none."""
        places = []
        for name in names:
            try:
                addressing = self._remotes.addressing(content.root, name)
            except CvfsError:
                addressing = Addressing.HASHES  # making its store says what is wrong
            is_ordinary = addressing is Addressing.HASHES
            if content.version is None or is_ordinary:
                keys = object_keys(md5, addressing, legacy=content.md5 is None)
                places += [Place(name, key, None, is_ordinary) for key in keys]
        return sorted(places, key=lambda place: not place.is_ordinary)

    def _nowhere(self, content: Content, errors: dict[Place, CvfsError]) -> CvfsError:
        """Say that no remote has an object with the hash of a content that has no version."""
        for place, error in errors.items():
            # A remote that refused, or cannot be used, may well have it. Of one that has versions nobody expects it.
            if place.is_ordinary and not isinstance(error, VersionNotFoundError):
                return error
        asked = "; ".join(self._describe(content, place) for place in errors)
        return _not_pushed(f"{_NO_VERSION}, and no remote has its content by the hash (asked for: {asked})")

    def _in_likely_order(self, content: Content, places: list[Place]) -> list[Place]:
        with self._lock:
            last = self._last.get(content)
        return sorted(places, key=lambda place: place != last)

    def _names(self, content: Content) -> list[str]:
        return list(dict.fromkeys(place.remote for place in self.places(content)))

    def _describe(self, content: Content, place: Place) -> str:
        where = self._urls.get((content.root, place.remote), f"remote {place.remote}")
        version = "" if place.version_id is None else f", version {place.version_id}"
        return f"{where}: key {place.key!r}{version}"

    def _store(self, content: Content, name: str) -> Store:
        store = self._remotes.store(content.root, name)
        self._urls[content.root, name] = store.url
        return store


def _read_twice(
    store: Store, place: Place, start: int, length: int | None, check: Callable[[Piece, Place, str], None]
) -> Piece:
    """Read and check, and once more if the check fails: a damaged transfer happens, a wrong object stays wrong."""
    where = describe_object(store, place.key, place.version_id)
    try:
        piece = store.read(place.key, place.version_id, start, length)
        check(piece, place, where)
    except IntegrityError as error:
        _log.debug("once more: %s", error.message)
        piece = store.read(place.key, place.version_id, start, length)
        check(piece, place, where)
    return piece


def of_place(content: Content, place: Place) -> Content:
    """Return what an answer from a place is held to: an object by its hash has another version and etag."""
    return content if place.version_id is not None else replace(content, version=None)


def _not_pushed(reason: str) -> NotPushedError:
    return NotPushedError(
        reason, hint="push it from where it was made and commit what that writes: cvfs push, or dvc push"
    )
