"""Stop tracking data: the opposite of ``add``. No object on a remote is touched."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from cvfs.clone import Clone
from cvfs.comparison import Comparison, Status, compare, scan_tracked
from cvfs.errors import ChangedMeanwhileError, TargetError
from cvfs.progress import Progress, Silence
from cvfs.targets import select
from cvfs.tracking import TrackedMetafile
from cvfs.workspace.gitignore import remove_from_gitignore
from cvfs.workspace.placing import Placer
from cvfs.workspace.replacing import remove_file

#: So many names are in an error's message; the others are counted.
_NAMED = 5
#: That somebody else edits .gitignore at the same moment is unlikely, and three times in a row no accident.
_ATTEMPTS = 3


@dataclass(slots=True)
class Removed:
    """What ``remove`` did. Paths are relative to the top of the work tree.

    ``metafiles`` are gone, ``ignore_files`` are the ``.gitignore`` files that changed or went; ``deleted`` counts files
    of data.
    """

    metafiles: list[str] = field(default_factory=list)
    ignore_files: list[str] = field(default_factory=list)
    deleted: int = 0


def remove(
    clone: Clone,
    targets: Sequence[str],
    *,
    outs: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Removed:
    """Delete the ``.dvc`` files that ``targets`` name, themselves or by their outs, and the lines in ``.gitignore``.

    With ``outs`` the tracked files are deleted, too, and the directories that this leaves empty: only if each of them
    is as recorded and was pushed, or with ``force``. All targets are checked before anything is deleted. A run that
    ends half-way leaves the metafile, and the next one goes on. Blocking.

    Raises:
        TargetError: a target is no ``.dvc`` file and no out of one, or data would be lost.
        ChangedMeanwhileError: a file is not the one any more that was looked at, and was left alone.
        WorkspaceError, LockedError: something cannot be read or deleted.
    """
    chosen = _chosen(clone, targets)
    result = Removed()
    with ExitStack() as stack:
        for root in sorted({metafile.root for metafile in chosen}):
            stack.enter_context(clone.locked(root))
        compared = [_compared(clone, each, threads, progress or Silence()) for each in chosen] if outs else []
        if not force:
            _check_stored([comparison for comparisons in compared for comparison in comparisons])
        for comparison in (comparison for comparisons in compared for comparison in comparisons):
            result.deleted += _delete(clone, comparison)
        for metafile in chosen:
            result.ignore_files += _forget(clone, metafile)
            with clone.dvc_locked(metafile.root):
                remove_file(clone.tree.absolute(metafile.path), expected=metafile.text)
            result.metafiles.append(metafile.path)
    return result


def _chosen(clone: Clone, targets: Sequence[str]) -> list[TrackedMetafile]:
    metafiles = list(clone.metafiles())
    named: dict[str, set[str]] = {}
    for target in targets:
        path = clone.tree.relative(target)
        for selection in select(clone.tree, metafiles, [target]):
            metafile = selection.metafile
            if posixpath.basename(metafile.path) == "dvc.lock":
                pipeline = posixpath.join(posixpath.dirname(metafile.path), "dvc.yaml")
                raise TargetError(
                    f"{target!r} is a stage of {pipeline}, which is yours to edit",
                    hint=f"take the stage out of {pipeline}",
                )
            outs = {selected.out.path for selected in selection.outs}
            if path != metafile.path and path not in outs:
                raise TargetError(f"{target!r} is a directory with tracked data in it", hint=f"name {metafile.path}")
            named.setdefault(metafile.path, set()).update(outs)
    chosen = [metafile for metafile in metafiles if metafile.path in named]
    for metafile in chosen:
        if metafile.problems:
            raise TargetError(f"{metafile.path} cannot be read in full: {metafile.problems[0]}", hint="repair it first")
        if rest := sorted({out.path for out in metafile.outs} - named[metafile.path]):
            raise TargetError(
                f"{metafile.path} also tracks {rest[0]}",
                hint=f"name {metafile.path} to stop tracking all that is in it",
            )
    return chosen


def _compared(clone: Clone, metafile: TrackedMetafile, threads: int | None, progress: Progress) -> list[Comparison]:
    directory = clone.directory(metafile.root)
    result = []
    with clone.stat_cache(metafile.root) as cache, progress.task("hashing") as task:
        for out in metafile.outs:
            scan = scan_tracked(directory, out)
            dvc_cache = clone.dvc_cache(metafile.root)
            result.append(compare(directory, out, scan, cache, dvc_cache, threads=threads, progress=task.advance))
    return result


def _check_stored(comparisons: Sequence[Comparison]) -> None:
    """Raise TargetError if files would be deleted of which no version is recorded."""
    unsafe = [
        comparison.out.file(item.relpath)
        for comparison in comparisons
        for item in comparison.items
        if item.status is not Status.ABSENT and not (item.status is Status.SAME and item.is_pushed)
    ]
    if not unsafe:
        return
    more = len(unsafe) - _NAMED
    raise TargetError(
        "these files are not recorded as pushed, and would be lost:\n"
        + "\n".join(f"  {path}" for path in unsafe[:_NAMED])
        + (f"\n  and {more} more" if more > 0 else ""),
        hint="`cvfs push` uploads them; --force deletes them",
    )


def _delete(clone: Clone, comparison: Comparison) -> int:
    """Delete the files that were compared, as long as they are the same; return how many."""
    out = comparison.out
    found = [item for item in comparison.items if item.found is not None]
    with Placer(clone.directory(out.root)) as placer, clone.stat_cache(out.root) as cache:
        for item in found:
            assert item.found is not None
            placer.remove(out.key(item.relpath), expected=item.found.state)
        cache.forget(out.key(item.relpath) for item in comparison.items)
    return len(found)


def _forget(clone: Clone, metafile: TrackedMetafile) -> list[str]:
    """Take the outs out of ``.gitignore``; return the paths of those files that changed."""
    changed = []
    for out in metafile.outs:
        directory, name = os.path.split(clone.tree.absolute(out.path))
        for attempt in range(_ATTEMPTS):
            try:
                if os.path.isdir(directory) and remove_from_gitignore(directory, name):
                    changed.append(posixpath.join(posixpath.dirname(out.path), ".gitignore"))
                break
            except ChangedMeanwhileError:
                if attempt + 1 == _ATTEMPTS:
                    raise
    return sorted(set(changed))
