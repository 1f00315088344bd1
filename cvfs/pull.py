"""Place the recorded versions of data into the work tree; never over what is stored nowhere else.

Content comes through the same caches as in a mount, so that what one fetched the other need not, and so that a pull
goes on where the last one was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from cvfs.cache.cache import Cache
from cvfs.clone import Clone
from cvfs.commit_metafiles import metafiles_of
from cvfs.configuration import load_configs
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.lanes import Limits
from cvfs.fetch.local_copies import LocalCopies
from cvfs.opening import CommitRequest, open_tree
from cvfs.progress import Progress, Silence
from cvfs.pulling.execution import Execution
from cvfs.pulling.listings import fetch_listings
from cvfs.pulling.result import Pulled
from cvfs.pulling.roots import RootDirectory
from cvfs.pulling.stored import LATEST, Stored
from cvfs.pulling.visited import visit, visited
from cvfs.snapshot import Snapshot
from cvfs.snapshot.indexfile import make_directory
from cvfs.stores.registry import RemoteSet
from cvfs.targets import Selection, select
from cvfs.tracking import TrackedMetafile
from cvfs.workspace.placing import Link


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull, and how. ``revision`` None is what the metafiles of the work tree record now.

    ``jobs`` files are fetched at once; None is as many as a mount does. ``link`` is how files come out of DVC's own
    cache. The rest is as in ``CommitRequest``; ``overrides`` and ``trust_config`` count for ``revision`` only, as the
    clone was opened with its own.
    """

    targets: Sequence[str] = ()
    revision: str | None = None
    link: Link = Link.COPY
    force: bool = False
    jobs: int | None = None
    overrides: tuple[str, ...] = ()
    trust_config: bool = False
    cache_dir: str | None = None
    max_cache_size: str | None = None
    min_free_space: str | None = None


def pull(clone: Clone, request: PullRequest, env: Mapping[str, str], progress: Progress | None = None) -> Pulled:
    """Place the targets, or all that is tracked. Blocking. ``env`` says where the user's caches and settings are.

    A file that fails does not stop the others: it is among the result's failures.

    Raises:
        TargetError: a target names nothing.
        RevisionError, RepositoryError, SnapshotError, ConfigError: the commit or its configuration cannot be read.
        CacheError: the cache directory cannot be used.
        LockedError: another cvfs writes to this clone.
        KeyboardInterrupt: every file is the old one or the new one.
    """
    commit = _commit_request(clone, request, env)
    with ExitStack() as stack:
        snapshot = None if request.revision is None else open_tree(commit)[1]
        metafiles, remotes = _recorded(clone, commit, snapshot, stack)
        selections = select(clone.tree, metafiles, request.targets, inside=True)
        roots = {}
        for name in sorted({selection.metafile.root for selection in selections} & clone.configs.keys()):
            stack.enter_context(clone.locked(name))
            roots[name] = stack.enter_context(RootDirectory(clone, name))
        if request.revision is None and _changed(clone, selections):
            # A push that was under way before the lock was ours has recorded something.
            metafiles = list(clone.metafiles())
            selections = select(clone.tree, metafiles, request.targets, inside=True)
        cache = stack.enter_context(closing(Cache(commit.cache_path, commit.limits())))
        copies = LocalCopies([clone.dvc_cache(name).directory for name in clone.roots])
        vouching = [*LATEST, *(each for root in roots.values() for each in visited(root))]
        stored = Stored(cache, copies, clone.repository, vouching, os.path.join(commit.cache_path, "index"))
        limits = Limits()
        if request.jobs is not None:
            limits = Limits(foreground=request.jobs, background=min(request.jobs, limits.background))
        fetcher = Fetcher(cache, remotes, copies, limits)
        run = Execution(
            roots,
            progress or Silence(),
            fetcher,
            cache,
            revision=request.revision,
            named=bool(request.targets),
            force=request.force,
            link=request.link,
        )
        index = os.path.join(commit.cache_path, "index")
        make_directory(index)
        unlisted = fetch_listings(selections, roots, remotes, index)
        run.plan(selections, (out.path for metafile in metafiles for out in metafile.outs), stored, unlisted)
        if snapshot is not None:
            visit(roots.values(), snapshot.commit)
        run.carry_out(limits.foreground)
        return run.result()


def _commit_request(clone: Clone, request: PullRequest, env: Mapping[str, str]) -> CommitRequest:
    return CommitRequest(
        revision=request.revision or "HEAD",
        env=env,
        repository=clone.tree.top,
        overrides=request.overrides,
        trust_config=request.trust_config,
        cache_dir=request.cache_dir,
        max_cache_size=request.max_cache_size,
        min_free_space=request.min_free_space,
    )


def _recorded(
    clone: Clone, commit: CommitRequest, snapshot: Snapshot | None, stack: ExitStack
) -> tuple[list[TrackedMetafile], RemoteSet]:
    """Return what is recorded, and the remotes where it is: those of the work tree, or those of a commit."""
    if snapshot is None:
        return list(clone.metafiles()), clone.remotes
    configs = load_configs(snapshot, clone.tree.top, commit.env, commit.overrides)
    remotes = stack.enter_context(closing(RemoteSet(configs, trusted=commit.trust_config)))
    return list(metafiles_of(clone.repository, snapshot.commit)), remotes


def _changed(clone: Clone, selections: Iterable[Selection]) -> bool:
    """Tell whether one of the metafiles is no longer what was read."""
    for selection in selections:
        try:
            if Path(clone.tree.absolute(selection.metafile.path)).read_bytes() != selection.metafile.text:
                return True
        except OSError:
            return True
    return False
