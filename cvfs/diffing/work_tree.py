"""The work tree as a tree to compare: its files as they are, and where one is not here, what its metafile records.

Absence says nothing about what anybody wanted: a fresh clone has no files at all, and has changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cvfs.clone import Clone
from cvfs.comparison import Comparison, Item, Status, compare, scan_tracked
from cvfs.diffing.trees import Leaf, MemoryBranch, leaf_of
from cvfs.diffing.walk import meets
from cvfs.errors import WorkspaceError
from cvfs.metafiles.records import Source
from cvfs.model import Kind, Problem
from cvfs.progress import Progress
from cvfs.snapshot import Terms
from cvfs.tracking import TrackedOut
from cvfs.workspace.scanning import Scan


def work_tree(clone: Clone, within: Sequence[bytes], progress: Progress) -> tuple[MemoryBranch, list[Problem]]:
    """Look at all files of a clone; return the tree, and what could not be read or used. Blocking.

    ``within`` are the paths that matter, none standing for all. A file that cannot be read counts as what is recorded.
    """
    metafiles = list(clone.metafiles())
    problems = [problem for metafile in metafiles for problem in metafile.problems]
    look = _Look(clone, list(dict.fromkeys([*clone.found.problems, *problems])))
    outs: dict[str, TrackedOut] = {}
    for metafile in metafiles:
        for out in metafile.outs:
            if out.record.source is not Source.GIT and meets(out.path.encode("utf-8", "surrogateescape"), within):
                outs.setdefault(out.path, out)
    in_order = sorted(outs.values(), key=lambda out: out.path.count("/"))
    for root in clone.roots:
        look.take(root, [out for out in in_order if out.root == root], progress)
    return look.tree, look.problems


@dataclass(slots=True)
class _Look:
    clone: Clone
    problems: list[Problem]
    tree: MemoryBranch = field(default_factory=MemoryBranch)

    def take(self, root: str, outs: list[TrackedOut], progress: Progress) -> None:
        """Take in some outs of one DVC root."""
        directory, dvc_cache = self.clone.directory(root), self.clone.dvc_cache(root)
        scans = [self._scan(directory, out) for out in outs]
        size = sum(file.state.size for scan in scans if scan is not None for file in scan.files)
        with self.clone.stat_cache(root) as cache, progress.task("hashing", size=size) as task:
            for out, scan in zip(outs, scans, strict=True):
                self._add(compare(directory, out, scan, cache, dvc_cache, progress=task.advance))

    def _scan(self, directory: str, out: TrackedOut) -> Scan | None:
        try:
            return scan_tracked(directory, out)
        except WorkspaceError as error:
            self.problems.append(Problem(out.path, None, error.message))
            return None

    def _add(self, comparison: Comparison) -> None:
        out = comparison.out
        terms = Terms(out.record.source, out.record.legacy, out.root)
        # A deeper out hides what the one around it has in its place.
        self.tree.clear(out.path)
        if comparison.unlisted and comparison.scan is None:
            self.tree.put(out.path, leaf_of(Kind.UNLISTED, out.record.recorded, terms))
        for item in comparison.items:
            path = out.file(item.relpath)
            if item.problem is not None:
                self.problems.append(Problem(path, None, item.problem.message))
            leaf = None if item.status is Status.ABSENT and comparison.is_other_kind else _leaf(item, terms)
            if leaf is not None:
                self.tree.put(path, leaf)


def _leaf(item: Item, terms: Terms) -> Leaf | None:
    if item.status in (Status.NEW, Status.CHANGED):
        assert item.found is not None
        assert item.known is not None
        return Leaf(Kind.FILE, item.found.state.size, item.known.md5, root=terms.root)
    return None if item.recorded is None else leaf_of(Kind.FILE, item.recorded, terms)
