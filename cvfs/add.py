"""Track files and directories: hash them, write their metafiles, have Git ignore them. Nothing is uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from cvfs.adding.choosing import choose
from cvfs.adding.looking import look
from cvfs.adding.one_out import AddedOut, OutRecorder
from cvfs.adding.places import locate
from cvfs.clone import Clone
from cvfs.errors import CvfsError, MetafileError, WorkspaceError
from cvfs.progress import Progress, Silence
from cvfs.workspace.contents import to_hash
from cvfs.workspace.stat_cache import StatCache


@dataclass(frozen=True, slots=True)
class NotAdded:
    """An out that could not be recorded. ``path`` is relative to the top of the work tree."""

    path: str
    error: CvfsError


@dataclass(slots=True)
class Added:
    """What ``add`` did. ``written`` are the files for git to add, which it has done already where ``staged`` says so.

    ``notes`` are sentences on what was passed over.
    """

    outs: list[AddedOut] = field(default_factory=list)
    failures: list[NotAdded] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    staged: bool = False
    notes: list[str] = field(default_factory=list)


def add(
    clone: Clone,
    paths: Sequence[str],
    *,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Added:
    """Track ``paths``, or bring them up to date where they are tracked. Blocking.

    A path inside of a directory that is tracked stands for that part of it. All paths are checked before anything is
    written. ``force`` also records that files went which this clone never had. A file that cannot be read, or changes
    while it is, keeps its whole out from being recorded; the others are.

    Raises:
        TargetError, WorkspaceError: a path cannot be tracked; nothing was written.
        LockedError: another cvfs writes to the clone.
        RepositoryError: git fails.
    """
    result = Added()
    with ExitStack() as stack:
        caches: dict[str, StatCache] = {}
        for root in sorted({locate(clone, path)[1] for path in paths}):
            stack.enter_context(clone.locked(root))
            caches[root] = stack.enter_context(clone.stat_cache(root))
        looked = [look(clone, chosen, caches[chosen.root], force=force) for chosen in choose(clone, paths)]
        unhashed = [to_hash(each.scan, caches[each.chosen.root]) if each.scan else () for each in looked]
        size = sum(file.state.size for each in looked if each.scan for file in each.scan.files)
        with (progress or Silence()).task("hashing", sum(map(len, unhashed)), size) as task:
            for each in looked:
                result.notes += [str(problem) for problem in (each.scan.warnings if each.scan else ())]
                recorder = OutRecorder(clone, caches[each.chosen.root], task, threads=threads, force=force)
                try:
                    result.outs.append(recorder.record(each, result.written))
                except (WorkspaceError, MetafileError) as error:
                    result.failures.append(NotAdded(each.chosen.path, error))
    result.written = sorted(set(result.written))
    if result.written and all(_has_autostage(clone, root) for root in caches):
        clone.tree.index.add(result.written)
        result.staged = True
    return result


def _has_autostage(clone: Clone, root: str) -> bool:
    value = clone.configs[root].core("autostage")
    return value is not None and value.text.lower() == "true"
