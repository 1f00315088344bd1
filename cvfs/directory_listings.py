"""Where the listings of directories come from: DVC's caches on this machine, or the remotes, several at once.

What cannot be had is told in one warning, and nothing fails: such a directory is shown without its files.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from typing import IO

from cvfs.checking.workers import Workers
from cvfs.configuration import dvc_caches, load_configs
from cvfs.errors import ConfigError, CvfsError
from cvfs.fetch.listings import RemoteListings
from cvfs.metafiles.config import Config
from cvfs.metafiles.records import Source
from cvfs.snapshot.listings import ListingCommit, WantedListing
from cvfs.stores.registry import RemoteSet, open_store
from cvfs.stores.retry import RetryPolicy
from cvfs.workspace.dvc_cache import DvcCache

_log = logging.getLogger(__name__)

#: Listings under way at once. Each is one small request, or a few.
_AT_ONCE = 16
#: A command that only lists must not hang for a minute because there is no network.
_IMPATIENT = RetryPolicy(attempts=3, total_time=5.0)


class DirectoryListings:
    """Implements ``cvfs.snapshot.listings.Listings`` for one command.

    ``env`` is the environment of whoever asks, ``work_tree`` the repository's or None, ``directory`` takes unnamed
    files; ``overrides`` and ``trusted`` are as for any command that reads from remotes.
    """

    def __init__(
        self, env: Mapping[str, str], work_tree: str | None, directory: str, overrides: Iterable[str], *, trusted: bool
    ) -> None:
        self._env = env
        self._work_tree = work_tree
        self._directory = directory
        self._overrides = overrides
        self._trusted = trusted
        self._reasons: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """Say what could not be had: one sentence, or none."""
        count = len(self._reasons)
        if not count:
            return []
        what = "the files of 1 directory are" if count == 1 else f"the files of {count} directories are"
        return [f"{what} not shown, because only the hash of the listing is known: {self._reasons[0]}"]

    def bring(
        self, commit: ListingCommit, wanted: Sequence[WantedListing]
    ) -> Generator[tuple[WantedListing, IO[bytes]], None, None]:
        """Yield those that can be had, as ``Listings.bring``. Blocking."""
        try:
            configs = load_configs(commit, self._work_tree, self._env, self._overrides)
        except ConfigError as error:
            self._reasons += [error.message] * len(wanted)
            return
        caches = [DvcCache(directory) for directory in dvc_caches(configs, self._work_tree)]
        elsewhere = []
        for listing in wanted:
            copies = (cache.open_listing(listing.md5, legacy=listing.legacy) for cache in caches)
            cached = next((copy for copy in copies if copy is not None), None)
            if cached is None:
                elsewhere.append(listing)
                continue
            with cached:
                yield listing, cached
        yield from self._fetched(elsewhere, configs)

    def refuse(self, wanted: WantedListing, reason: str) -> None:
        """Take note that the bytes are no listing."""
        self._reasons.append(f"{wanted.md5}.dir is no listing: {reason}")

    def _fetched(
        self, wanted: Sequence[WantedListing], configs: Mapping[str, Config]
    ) -> Generator[tuple[WantedListing, IO[bytes]], None, None]:
        if not wanted:
            return
        with closing(RemoteSet(configs, trusted=self._trusted, open_store=_impatiently)) as remotes:
            listings = RemoteListings(remotes, self._directory)
            calls = ((listing, fetching(listings, listing)) for listing in wanted)
            with closing(at_once(calls)) as answers:
                for listing, answer in answers:
                    if isinstance(answer, str):
                        self._reasons.append(answer)
                        continue
                    with answer:
                        yield listing, answer


#: Makes stores that give up after some seconds.
_impatiently = partial(open_store, policy=_IMPATIENT)


def fetching(listings: RemoteListings, wanted: WantedListing) -> Callable[[], IO[bytes] | str]:
    """Return what gets a listing, or the reason why it cannot be had."""

    def fetch() -> IO[bytes] | str:
        if wanted.source is not Source.REMOTE:
            return "it was not pushed from here (an import, or push: false), and DVC's cache does not have it"
        try:
            return listings.fetch(wanted.root, wanted.remote, wanted.md5, legacy=wanted.legacy)
        except CvfsError as error:
            _log.info("listing %s.dir: %s", wanted.md5, error.message)
            return error.message
        except OSError as error:
            return f"there is no room for it: {error.strerror}"

    return fetch


def at_once(
    calls: Iterable[tuple[WantedListing, Callable[[], IO[bytes] | str]]],
) -> Generator[tuple[WantedListing, IO[bytes] | str], None, None]:
    """Make calls in several threads; yield the answers in order."""
    workers: Workers[IO[bytes] | str] = Workers(_AT_ONCE)
    waiting: deque[tuple[WantedListing, Future[IO[bytes] | str]]] = deque()
    try:
        for listing, call in calls:
            waiting.append((listing, workers.submit(call)))
            if len(waiting) > _AT_ONCE:
                first, answer = waiting.popleft()
                yield first, answer.result()
        while waiting:
            first, answer = waiting.popleft()
            yield first, answer.result()
    finally:
        workers.stop()
        for _, answer in waiting:
            answer.add_done_callback(_close_answer)


def _close_answer(answer: Future[IO[bytes] | str]) -> None:
    with suppress(BaseException):
        found = answer.result()
        if not isinstance(found, str):
            found.close()
