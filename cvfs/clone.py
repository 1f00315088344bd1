"""A clone as the commands see it that work on the files of its work tree: what is tracked, and what cvfs keeps there.

cvfs keeps its own state below ``.dvc/tmp/cvfs`` of each DVC root, which DVC's own ``.gitignore`` covers: stat cache,
journal of uploads, and a lock. Blocking.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from cvfs.configuration import load_work_configs
from cvfs.errors import WorkspaceError
from cvfs.git import Repository
from cvfs.metafiles.config import Config
from cvfs.pushing.journal import Journal
from cvfs.snapshot.scan import Scan
from cvfs.stores.registry import RemoteSet
from cvfs.tracking import TrackedMetafile, WorkTree
from cvfs.workspace.dvc_cache import DvcCache
from cvfs.workspace.lock import clone_lock, dvc_lock
from cvfs.workspace.stat_cache import StatCache


@dataclass(frozen=True, slots=True)
class Clone:
    """One work tree, with the DVC roots in it. A root is named by its path below the top ('' for the top itself)."""

    repository: Repository
    tree: WorkTree
    found: Scan
    configs: Mapping[str, Config]
    remotes: RemoteSet

    @property
    def roots(self) -> Sequence[str]:
        """Name the DVC roots, sorted."""
        return sorted(self.configs)

    def directory(self, root: str) -> str:
        """Return the absolute path of a DVC root."""
        return os.path.join(self.tree.top, root) if root else self.tree.top

    def dvc_dir(self, root: str) -> str:
        """Return the absolute path of its ``.dvc`` directory."""
        return os.path.join(self.directory(root), ".dvc")

    def metafiles(self) -> Iterator[TrackedMetafile]:
        """Read all metafiles as they are on disk now."""
        return self.tree.metafiles(self.found)

    def stat_cache(self, root: str) -> StatCache:
        """Open the stat cache of a DVC root, whose paths are relative to the root. To be closed."""
        return StatCache(os.path.join(self.dvc_dir(root), "tmp", "cvfs", "stat.db"))

    def journal(self, root: str) -> Journal:
        """Open the journal of uploads of a DVC root. Hold ``locked``. To be closed."""
        return Journal(os.path.join(self.dvc_dir(root), "tmp", "cvfs", "uploads.jsonl"))

    def dvc_cache(self, root: str) -> DvcCache:
        """Return DVC's own cache of a DVC root, which need not exist."""
        named = self.configs[root].option("cache", "dir")
        directory = os.path.join(self.dvc_dir(root), "cache")
        if named is not None:
            # A relative path begins at the file that says it, and both such files lie in .dvc.
            directory = os.path.join(self.dvc_dir(root), named.text)
        return DvcCache(directory)

    def locked(self, root: str) -> AbstractContextManager[None]:
        """Be the only cvfs that writes to this DVC root. Raises LockedError."""
        return clone_lock(self.dvc_dir(root))

    def dvc_locked(self, root: str) -> AbstractContextManager[None]:
        """Keep DVC away while metafiles are replaced. Raises LockedError."""
        return dvc_lock(self.dvc_dir(root), hardlink=self.flag(root, "hardlink_lock"))

    def flag(self, root: str, name: str) -> bool:
        """Tell whether a setting of the section ``core`` is on."""
        value = self.configs[root].core(name)
        return value is not None and value.text.lower() == "true"


@contextmanager
def open_clone(
    env: Mapping[str, str],
    repository: str | None = None,
    overrides: Sequence[str] = (),
    *,
    trust_config: bool = False,
) -> Iterator[Clone]:
    """Open the clone that holds ``repository``, or the current directory. No store is asked anything.

    ``overrides`` are ``NAME.KEY=VALUE``, options of remotes for this command alone.

    Raises:
        RepositoryError: there is none, or it has no work tree.
        WorkspaceError: it is not a DVC repository.
        ConfigError: its configuration cannot be read.
    """
    opened = Repository.open(repository, env)
    tree = WorkTree(opened, env)
    found = tree.scan()
    if not found.roots:
        raise WorkspaceError(f"{tree.top} is not a DVC repository", hint="run `cvfs init` at its top")
    configs = load_work_configs(sorted(found.roots), tree.top, env, overrides)
    with closing(RemoteSet(configs, trusted=trust_config)) as remotes:
        yield Clone(opened, tree, found, configs, remotes)
