"""Finds the metafiles in a commit's tree, and the DVC root that each belongs to."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from cvfs.git import TreeEntry
from cvfs.metafiles.ignore import IgnoreRules
from cvfs.model import Problem

#: What is taken for the DVC root where a commit has metafiles and no ``.dvc`` directory at all.
TOP = ""

#: ``Dvcfile`` is what DVC before 2 called the file of a stage that was given no name.
_METAFILES = ("dvc.lock", "Dvcfile")
_BESIDE = ("dvc.yaml", ".dvcignore")


@dataclass(frozen=True, slots=True)
class Metafile:
    """A ``.dvc`` file, or a ``dvc.lock`` with the blob of the ``dvc.yaml`` beside it. ``root`` is its DVC root.

    ``variables`` are the files that the templates of the ``dvc.yaml`` need: name relative to it, and blob.
    """

    path: str
    oid: str
    stages: str | None
    root: str
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def directory(self) -> str:
        """Return the directory that the metafile lies in; ``''`` for the top of the repository."""
        return posixpath.dirname(self.path)


@dataclass(slots=True)
class Scan:
    """What one walk through a commit's tree found, by path (or directory) and blob. Nothing has been read yet."""

    metafiles: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    ignores: dict[str, str] = field(default_factory=dict)
    configs: dict[str, str] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def blobs(self) -> set[str]:
        """Return every blob that may have to be read."""
        return {*self.metafiles.values(), *self.stages.values(), *self.ignores.values(), *self.configs.values()}


def scan(tree: Iterable[TreeEntry]) -> Scan:
    """Walk a tree and note what matters to DVC. Symbolic links are not followed, and are problems."""
    found = Scan()
    for entry in tree:
        above, inside, below = f"/{entry.path}".partition("/.dvc/")
        if inside:
            found.roots.add(above[1:])
            if below == "config" and _is_file(entry, found):
                found.configs[above[1:]] = entry.oid
            continue
        directory, _, name = entry.path.rpartition("/")
        is_metafile = name in _METAFILES or (name.endswith(".dvc") and name != ".dvc")
        if not (is_metafile or name in _BESIDE) or not _is_file(entry, found):
            continue
        if is_metafile:
            found.metafiles[entry.path] = entry.oid
        elif name == "dvc.yaml":
            found.stages[directory] = entry.oid
        else:
            found.ignores[directory] = entry.oid
    if found.metafiles and not found.roots:
        found.roots.add(TOP)
        reason = "the commit has no .dvc directory; the top of the repository is taken for the DVC root"
        found.problems.append(Problem(".dvc", None, reason))
    return found


def _is_file(entry: TreeEntry, found: Scan) -> bool:
    if stat.S_ISLNK(entry.mode):
        found.problems.append(Problem(entry.path, None, "it is a symbolic link, which DVC does not follow"))
    return stat.S_ISREG(entry.mode)


def seen_metafiles(found: Scan, ignores: Mapping[str, str]) -> list[Metafile]:
    """Return the metafiles that DVC would see, by path; problems are added to ``found``.

    ``ignores`` are the texts of the ``.dvcignore`` files, by directory. Each DVC root has rules of its own.
    """

    @cache
    def root_of(directory: str) -> str | None:
        if directory in found.roots:
            return directory
        return root_of(posixpath.dirname(directory)) if directory else None

    texts: dict[str, dict[str, str]] = {root: {} for root in found.roots}
    for directory, text in ignores.items():
        root = root_of(directory)
        if root is not None:
            texts[root][_below(root, directory)] = text
    rules = {root: IgnoreRules(files) for root, files in texts.items()}

    seen = []
    for path, oid in sorted(found.metafiles.items()):
        directory = posixpath.dirname(path)
        stages = found.stages.get(directory) if posixpath.basename(path) == "dvc.lock" else None
        root = root_of(directory)
        if root is None:
            found.problems.append(Problem(path, None, "it lies outside every DVC root, where DVC would not see it"))
        elif rules[root].ignores(_below(root, path), is_dir=False):
            continue
        elif stages is None and posixpath.basename(path) == "dvc.lock":
            found.problems.append(Problem(path, None, "there is no dvc.yaml beside it, so DVC would not see it"))
        else:
            seen.append(Metafile(path, oid, stages, root))
    for root, rule in sorted(rules.items()):
        found.problems += [replace(problem, path=posixpath.join(root, problem.path)) for problem in rule.problems]
    return seen


def _below(root: str, path: str) -> str:
    return path[len(root) + 1 :] if root else path
