"""Compare the data of two commits, or of a commit and the work tree, from what is recorded: no store is asked.

Blocking.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cvfs.clone import Clone
from cvfs.configuration import dvc_caches, load_configs
from cvfs.diffing.changes import Changes, collected
from cvfs.diffing.trees import Branch, Leaf, SnapshotBranch, has_path
from cvfs.diffing.walk import Listings, Walk
from cvfs.diffing.work_tree import work_tree
from cvfs.errors import ConfigError, TargetError
from cvfs.git import Repository
from cvfs.model import Problem
from cvfs.opening import CommitRequest, listings_for, open_tree
from cvfs.progress import Progress, Silence
from cvfs.snapshot import Snapshot, open_snapshot
from cvfs.workspace.dvc_cache import CachedFile, DvcCache


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found. ``problems`` are entries on either side that could not be used, and are not compared."""

    changes: Changes
    problems: Sequence[Problem]


@contextmanager
def diff_commits(request: CommitRequest, revision: str, within: Sequence[str] = ()) -> Iterator[Compared]:
    """Compare the commit of ``request`` with the later one that ``revision`` names.

    ``within`` are paths from the top of the repository; none stands for all.

    Raises:
        RepositoryError, RevisionError, SnapshotError.
        TargetError: neither side has a path of ``within``.
    """
    repository, old = open_tree(request, _untold)
    index = os.path.join(request.cache_path, "index")
    new = open_snapshot(repository, revision, index, listings_for(request, repository))
    with _compared(
        _listings(repository, (old, new), request), SnapshotBranch(old), SnapshotBranch(new), within
    ) as found:
        yield Compared(found, list(dict.fromkeys([*old.problems, *new.problems])))


@contextmanager
def diff_work_tree(
    request: CommitRequest, clone: Clone, within: Sequence[str] = (), progress: Progress | None = None
) -> Iterator[Compared]:
    """Compare the commit of ``request`` with the work tree as it is; a file that is not here counts as recorded.

    Raises as ``diff_commits``, and WorkspaceError.
    """
    index = os.path.join(request.cache_path, "index")
    old = open_snapshot(clone.repository, request.revision, index, listings_for(request, clone.repository))
    new, problems = work_tree(clone, _encoded(within), progress or Silence())
    listings = _from_caches([clone.dvc_cache(root) for root in clone.roots])
    with _compared(listings, SnapshotBranch(old), new, within) as found:
        yield Compared(found, list(dict.fromkeys([*old.problems, *problems])))


@contextmanager
def _compared(listings: Listings, old: Branch, new: Branch, within: Sequence[str]) -> Iterator[Changes]:
    paths = _encoded(within)
    for path, name in zip(paths, within, strict=False):
        if not any(has_path(top, path.split(b"/")) for top in (old, new)):
            raise TargetError(
                f"neither side has data at {name!r}", hint="paths begin at the top of the repository, as in `cvfs ls`"
            )
    walk = Walk(paths, listings)
    with collected(walk.differences(old, new)) as changes:
        yield changes


def _encoded(within: Sequence[str]) -> list[bytes]:
    """Return paths as the trees have them; none where the top is one of them."""
    paths = [posixpath.normpath(path).strip("/").encode("utf-8", "surrogateescape") for path in within]
    return [] if b"." in paths or b"" in paths else paths


def _listings(repository: Repository, snapshots: Sequence[Snapshot], request: CommitRequest) -> Listings:
    """Return what finds the listings behind hashes in the work tree's own DVC caches, if there are any."""
    caches: dict[str, None] = {}
    for snapshot in snapshots:
        try:
            configs = load_configs(snapshot, repository.work_tree, request.env, request.overrides)
        except ConfigError:
            continue  # nothing but the place of a cache is wanted of it
        caches |= dict.fromkeys(dvc_caches(configs, repository.work_tree))
    return _from_caches([DvcCache(directory) for directory in caches])


def _from_caches(caches: Sequence[DvcCache]) -> Listings:
    def find(leaf: Leaf) -> Sequence[CachedFile] | None:
        if leaf.md5 is None:
            return None
        found = (cache.listing(leaf.md5, legacy=leaf.legacy) for cache in caches)
        return next((files for files in found if files is not None), None)

    return find


def _untold(_warning: str) -> None:
    """Say nothing: where a listing is missing, the changes themselves say so."""
