"""Decide what a pull of one out has to do, from what is recorded and what the work tree holds. No store is asked.

The rules, in short: what is absent is placed. What differs gives way if it is safe elsewhere (``stored.py``) or force
is used, and is kept otherwise. A file that the metafile does not list is left alone, unless a commit that this clone
stood at a moment ago listed this very content at this very path: then it is data of that commit, and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from cvfs.comparison import Comparison, Item, Status, compare, recorded_files, scan_tracked
from cvfs.errors import NotPushedError, TargetError, UnlistedError, WorkspaceError
from cvfs.metafiles.records import Source
from cvfs.model import Kind
from cvfs.pulling.judging import KEPT, FileJudge, check_path
from cvfs.pulling.leftovers import remove_leftovers
from cvfs.pulling.orders import InPlace, OutPlan
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.pulling.stored import Stored
from cvfs.targets import SelectedOut
from cvfs.tracking import TrackedOut
from cvfs.workspace.hashing import Progress
from cvfs.workspace.scanning import Scan


class Planner:
    """Plans outs, one at a time. ``outs`` are the paths of all that is tracked. Blocking: hashes what is not known.

    ``unlisted`` has, by md5, the reason why a listing cannot be had. ``named`` says that the user named what to pull;
    ``progress`` counts the bytes that were compared.
    """

    def __init__(
        self,
        outs: Iterable[str],
        stored: Stored,
        unlisted: Mapping[str, str],
        *,
        named: bool,
        force: bool,
        progress: Callable[[int], None],
    ) -> None:
        self._outs = frozenset(outs)
        self._stored = stored
        self._unlisted = unlisted
        self._named = named
        self._force = force
        self._progress: Progress = progress

    def plan(self, selected: SelectedOut, root: RootDirectory) -> OutPlan:
        """Plan one out.

        Raises:
            TargetError: a path inside the out was named that it does not record.
            UnlistedError: nobody knows which files it has.
            WorkspaceError: it cannot be looked at, or must not be where it says.
        """
        out = selected.out
        check_path(out.path)
        scan = scan_tracked(root.directory, out)
        narrow = replace(out, files=[file for file in out.files if selected.includes(file.relpath)])
        comparison = compare(
            root.directory, narrow, _narrowed(scan, selected), root.stat_cache, root.dvc_cache, progress=self._progress
        )
        is_directory = out.record.kind is not Kind.FILE
        plan = OutPlan(out.path, is_directory, scan is not None)
        if scan is not None:
            remove_leftovers(root, scan.leftovers)
        if comparison.unlisted:
            self._plan_unlisted(plan, out)
            return plan
        if scan is not None and not scan.is_directory and is_directory:
            self._clear(plan, comparison, root)
        judge = FileJudge(plan, out, root, self._stored, force=self._force, nested=self._nested(out))
        for item in _items(comparison, narrow, root):
            if selected.includes(item.relpath):
                judge.take(item)
        _check_named(selected, judge.recorded)
        self._tell_skipped(plan, out, judge.skipped)
        return plan

    def _nested(self, out: TrackedOut) -> Callable[[str], bool]:
        """Return what tells whether a path below the out belongs to another out."""
        inner = [path for path in self._outs if path.startswith(f"{out.path}/")]
        return lambda path: any(f"{path}/".startswith(f"{other}/") for other in inner)

    def _clear(self, plan: OutPlan, comparison: Comparison, root: RootDirectory) -> None:
        """Have a file go that is where a directory is to be."""
        [item] = comparison.items[:1] if comparison.items and comparison.items[0].relpath == "" else [None]
        if item is None or item.found is None or item.known is None:
            raise WorkspaceError(f"{plan.path} is a file that cannot be read, where a directory is to be placed")
        if not self._force and not self._stored.has(plan.path, item.known.md5, item.found.state.size):
            raise WorkspaceError(
                f"{plan.path} is a file that is stored nowhere else, where a directory is to be placed", hint=KEPT
            )
        path = comparison.out.key()
        plan.removals.append(InPlace(plan, root, path, plan.path, item.found.state, item.known))

    def _plan_unlisted(self, plan: OutPlan, out: TrackedOut) -> None:
        if out.record.source in (Source.IMPORT, Source.UNPUSHED):
            self._tell_skipped(plan, out, 1)
            return
        md5 = out.record.recorded.md5
        reason = self._unlisted.get((md5 or "").removesuffix(".dir"))
        raise UnlistedError(
            f"only the hash of the listing is recorded ({md5 or 'none'}), and the listing is not in DVC's cache"
            + (f": {reason}" if reason else ""),
            hint="a push from where it was made brings it to the remote: cvfs push records every file",
        )

    def _tell_skipped(self, plan: OutPlan, out: TrackedOut, count: int) -> None:
        if not count:
            return
        if out.record.source is Source.IMPORT:
            what = "it was imported, and cvfs cannot fetch imports yet"
            hint = f"`dvc pull {out.path}` fetches it"
        else:
            what = "it is never pushed (push: false), and DVC's cache does not have it"
            hint = "make it again: `dvc repro`"
        if self._named:
            plan.failures.append(Failure(plan.path, NotPushedError(what, hint=hint)))
        elif out.record.source is Source.IMPORT:
            plan.notes.append(f"{plan.path} was passed over: {what}; {hint}")


def _items(comparison: Comparison, out: TrackedOut, root: RootDirectory) -> Iterable[Item]:
    """Return the files to decide about, also where a directory is in the place of a file."""
    if not comparison.is_other_kind or comparison.was_directory:
        return comparison.items
    recorded = recorded_files(out, root.dvc_cache) or {}
    return [*comparison.items, *(Item(relpath, Status.ABSENT, entry) for relpath, entry in recorded.items())]


def _narrowed(scan: Scan | None, selected: SelectedOut) -> Scan | None:
    """Leave out the files that were not named, which then need not be hashed."""
    if scan is None or not scan.is_directory:
        return scan
    return replace(scan, files=[file for file in scan.files if selected.includes(file.relpath)])


def _check_named(selected: SelectedOut, recorded: set[str]) -> None:
    for part in sorted(selected.within - {""}):
        if not any(relpath == part or relpath.startswith(f"{part}/") for relpath in recorded):
            raise TargetError(
                f"{selected.out.path} records no {part!r}", hint="`cvfs ls` shows what a commit has of it"
            )
