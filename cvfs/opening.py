"""Open a commit for reading: repository, snapshot, configuration, stores, cache, fetcher, in this order.

Nothing of it asks a store anything but for the listings of directories that the commit knows by a hash alone, where no
cache on this machine has them. Blocking: for a worker thread, or for a process before it serves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cvfs.cache.cache import Cache
from cvfs.cache.limits import Limits, parse_size
from cvfs.configuration import dvc_caches, load_configs
from cvfs.directory_listings import DirectoryListings
from cvfs.errors import CvfsError, MetafileError
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.local_copies import LocalCopies
from cvfs.git import RemoteRepository, Repository
from cvfs.git.urls import parse_url
from cvfs.git_contents import GitContents
from cvfs.metafiles.config import Config
from cvfs.model import Problem
from cvfs.mount_record import cache_home
from cvfs.snapshot import Snapshot, open_snapshot
from cvfs.stores.registry import RemoteSet

#: So many problems of a commit are told one by one; the rest are counted.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """Which commit to open, and how. ``env`` is the environment of whoever asks.

    ``repository`` is a path or a URL, None the one git would use in the current directory. ``overrides`` are
    ``NAME.KEY=VALUE``. ``cache_dir`` None is the user's own; sizes are as ``parse_size`` takes them.
    """

    revision: str
    env: Mapping[str, str]
    repository: str | None = None
    overrides: tuple[str, ...] = ()
    trust_config: bool = False
    cache_dir: str | None = None
    max_cache_size: str | None = None
    min_free_space: str | None = None

    @property
    def cache_path(self) -> str:
        """Return the absolute path of the cache directory."""
        return os.path.abspath(self.cache_dir or os.path.join(cache_home(self.env), "cvfs"))

    def limits(self) -> Limits:
        """Return the limits of the cache. Raises CacheError."""
        limits = Limits(max_size=parse_size(self.max_cache_size) if self.max_cache_size else None)
        return Limits(limits.max_size, parse_size(self.min_free_space)) if self.min_free_space else limits


@dataclass(frozen=True, slots=True)
class OpenedCommit:
    """A commit whose files can be listed and read. ``fetcher`` reads inside its ``running()``."""

    repository: Repository
    snapshot: Snapshot
    configs: Mapping[str, Config]
    remotes: RemoteSet
    cache: Cache
    fetcher: Fetcher
    blobs: GitContents


def open_repository(request: CommitRequest) -> Repository:
    """Open the repository of a request. Of a URL a bare partial clone is kept below the cache directory.

    Raises:
        RepositoryError: there is none, or it cannot be had.
    """
    if request.repository is not None and not os.path.isdir(os.fsencode(request.repository)):
        url = parse_url(request.repository)
        if url is not None:
            return RemoteRepository.open_url(url, os.path.join(request.cache_path, "repositories"), request.env)
    return Repository.open(request.repository, request.env)


def open_tree(request: CommitRequest, on_unlisted: Callable[[str], None] | None = None) -> tuple[Repository, Snapshot]:
    """Open what is enough to list a commit.

    With ``on_unlisted``, listings that the commit does not hold are brought from DVC's caches and from remotes; it is
    told, in one sentence, why some are missing. Without it, what earlier commands brought is shown.

    Raises:
        RepositoryError, RevisionError, SnapshotError.
    """
    repository = open_repository(request)
    index = os.path.join(request.cache_path, "index")
    if on_unlisted is None:
        return repository, open_snapshot(repository, request.revision, index)
    listings = listings_for(request, repository)
    snapshot = open_snapshot(repository, request.revision, index, listings)
    for warning in listings.warnings:
        on_unlisted(warning)
    return repository, snapshot


def listings_for(request: CommitRequest, repository: Repository) -> DirectoryListings:
    """Return what brings the listings of a commit's directories that are known by a hash alone. Asks nobody yet."""
    index = os.path.join(request.cache_path, "index")
    trusted = request.trust_config
    return DirectoryListings(request.env, repository.work_tree, index, request.overrides, trusted=trusted)


@contextmanager
def open_commit(
    request: CommitRequest, on_unlisted: Callable[[str], None] = lambda _warning: None
) -> Iterator[OpenedCommit]:
    """Open a commit for reading until the end of the context. ``on_unlisted`` is as for ``open_tree``.

    Raises:
        RepositoryError, RevisionError, SnapshotError, ConfigError, CacheError.
    """
    limits = request.limits()
    repository, snapshot = open_tree(request, on_unlisted)
    configs = load_configs(snapshot, repository.work_tree, request.env, request.overrides)
    with (
        closing(RemoteSet(configs, trusted=request.trust_config)) as remotes,
        closing(Cache(request.cache_path, limits)) as cache,
    ):
        fetcher = Fetcher(cache, remotes, LocalCopies(dvc_caches(configs, repository.work_tree)))
        yield OpenedCommit(repository, snapshot, configs, remotes, cache, fetcher, GitContents(repository))


def describe_problems(problems: list[Problem], *, strict: bool) -> list[str]:
    """Return a warning for each problem of a commit, up to a bound.

    Raises:
        MetafileError: there is one, and ``strict``.
    """
    told = [str(problem) for problem in problems[:_TOLD]]
    if len(problems) > _TOLD:
        told.append(f"{len(problems) - _TOLD} more problems like these")
    if told and strict:
        raise MetafileError("\n".join(told), hint="without --strict the rest of the commit can be used")
    return told


def check_remotes(opened: OpenedCommit) -> list[str]:
    """Find out whether files could be fetched, without asking a store; return what to warn of.

    Each DVC root is judged by its default remote, else by any other that can be used: an old remote that is of no use
    any more hurts nobody. Looking for credentials may take the network, and so seconds.

    Raises:
        RemoteError, TrustError, ConfigError: a root has remotes, and none of them can be used.
    """
    warnings: list[str] = []
    for root, config in opened.configs.items():
        names = sorted(config.remote_names(), key=lambda name: name != config.default_remote)
        failures: list[CvfsError] = []
        for name in names:
            try:
                store = opened.remotes.store(root, name)
            except CvfsError as error:
                failures.append(error)
                continue
            try:
                store.check()
            except CvfsError as error:
                warnings.append(f"files that are not cached cannot be read: {error}")
            break
        else:
            if failures:
                raise failures[0]
            where = f"the DVC repository {root}" if root else "the commit"
            warnings.append(f"files that are not cached cannot be read: {where} configures no remote")
        warnings += [str(failure) for failure in failures[:1]]
    return warnings
