"""Open a commit for reading: repository, snapshot, configuration, stores, cache, fetcher, in this order.

Nothing of it asks a store anything. Blocking: for a worker thread, or for a process before it serves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cvfs.cache.cache import Cache
from cvfs.cache.limits import Limits, parse_size
from cvfs.configuration import load_configs
from cvfs.errors import CvfsError, MetafileError
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.local_copies import LocalCopies
from cvfs.git import Repository
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

    ``repository`` None is the one git would use in the current directory. ``overrides`` are ``NAME.KEY=VALUE``.
    ``cache_dir`` None is the user's own; sizes are as ``parse_size`` takes them.
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


def open_tree(request: CommitRequest) -> tuple[Repository, Snapshot]:
    """Open what is enough to list a commit.

    Raises:
        RepositoryError, RevisionError, SnapshotError.
    """
    repository = Repository.open(request.repository, request.env)
    return repository, open_snapshot(repository, request.revision, os.path.join(request.cache_path, "index"))


@contextmanager
def open_commit(request: CommitRequest) -> Iterator[OpenedCommit]:
    """Open a commit for reading until the end of the context.

    Raises:
        RepositoryError, RevisionError, SnapshotError, ConfigError, CacheError.
    """
    limits = request.limits()
    repository, snapshot = open_tree(request)
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


def dvc_caches(configs: Mapping[str, Config], work_tree: str | None) -> list[str]:
    """Name DVC's own caches, which may have the files already."""
    found = []
    for root, config in configs.items():
        named = config.option("cache", "dir")
        if named is not None and os.path.isabs(named.text):
            found.append(named.text)
        elif work_tree is not None:
            found.append(os.path.join(work_tree, root, ".dvc", "cache"))
    return found
