"""Tell how the work tree stands to its metafiles, and these to what was pushed and committed.

Needs no network: what was pushed is what has a version recorded. Blocking.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cvfs.clone import Clone
from cvfs.comparison import Comparison, Item, Status, compare, scan_tracked
from cvfs.errors import RemoteError, TargetError, WorkspaceError
from cvfs.metafiles.records import Source
from cvfs.model import Kind
from cvfs.progress import Progress, Silence, Task
from cvfs.status_report import Entry, Report, State
from cvfs.targets import SelectedOut, Selection, select
from cvfs.tracking import TrackedOut
from cvfs.workspace.dvc_cache import listing_md5
from cvfs.workspace.scanning import Scan
from cvfs.workspace.stat_cache import StatCache

#: Files that a commit needs besides the data, wherever they lie.
_METAFILES = ("*.dvc", "dvc.yaml", "dvc.lock", ".dvcignore", ".dvc/config")

_STATES = {Status.NEW: State.NEW, Status.CHANGED: State.CHANGED, Status.UNREADABLE: State.UNREADABLE}


def status(
    clone: Clone, targets: Sequence[str] = (), *, threads: int | None = None, progress: Progress | None = None
) -> Report:
    """Compare the outs that ``targets`` name (metafiles, outs, stages, paths in outs), or all, with the work tree.

    What Git itself holds is left to ``git status``. ``threads`` hash; one per processor unless given.

    Raises:
        TargetError: a target names nothing that is tracked, or a path in an out that is neither here nor recorded.
        WorkspaceError, RepositoryError.
    """
    metafiles = list(clone.metafiles())
    selections = select(clone.tree, metafiles, targets, inside=True)
    paths = sorted(out.path for metafile in metafiles for out in metafile.outs)
    report = Report()
    problems = [problem for selection in selections for problem in selection.metafile.problems]
    if not targets:
        problems = [*clone.found.problems, *problems]
    report.add(
        Entry(State.PROBLEM, problem.path, line=problem.line, reason=problem.reason)
        for problem in dict.fromkeys(problems)
    )
    outs = [selected for selection in selections for selected in selection.outs]
    outs = [selected for selected in outs if selected.out.record.source is not Source.GIT]
    report.outs = len(outs)
    for root in clone.roots:
        of_root = [selected for selected in outs if selected.out.root == root]
        if of_root:
            _Look(clone, root, report, threads, paths).take(of_root, progress or Silence())
    report.add(_uncommitted(clone, None if not targets else selections))
    return report


def _uncommitted(clone: Clone, selections: Sequence[Selection] | None) -> Iterator[Entry]:
    named = None if selections is None else {selection.metafile.path for selection in selections}
    for file in clone.tree.index.uncommitted(_METAFILES):
        if named is None or file.path in named:
            yield Entry(State.UNCOMMITTED, file.path, staged=not file.unstaged)


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at the outs of one DVC root. ``paths`` are those of all outs, sorted."""

    clone: Clone
    root: str
    report: Report
    threads: int | None
    paths: Sequence[str]

    def take(self, outs: Sequence[SelectedOut], progress: Progress) -> None:
        """Report on outs."""
        scans = [self._scan(selected) for selected in outs]
        size = sum(file.state.size for scan in scans if isinstance(scan, Scan) for file in scan.files)
        with self.clone.stat_cache(self.root) as cache, progress.task("hashing", size=size) as task:
            for selected, scan in zip(outs, scans, strict=True):
                if isinstance(scan, WorkspaceError):
                    self.report.add([_entry(State.UNREADABLE, selected.out, reason=scan.message)])
                else:
                    self._compare(selected, scan, cache, task)

    def _scan(self, selected: SelectedOut) -> Scan | WorkspaceError | None:
        try:
            scan = scan_tracked(self.clone.directory(self.root), selected.out)
        except WorkspaceError as error:
            return error
        if scan is None or not scan.is_directory or selected.out.record.kind is Kind.UNLISTED:
            return scan
        # What was not named, or belongs to an out of its own, need not be hashed.
        inner = [path[len(selected.out.path) + 1 :] for path in self._inside(selected.out)]
        files = [file for file in scan.files if selected.includes(file.relpath) and not _is_below(file.relpath, inner)]
        return replace(scan, files=files)

    def _inside(self, out: TrackedOut) -> Sequence[str]:
        """Return the outs that lie in an out."""
        return self.paths[bisect_left(self.paths, f"{out.path}/") : bisect_left(self.paths, f"{out.path}0")]

    def _compare(self, selected: SelectedOut, scan: Scan | None, cache: StatCache, task: Task) -> None:
        out = selected.out
        directory, dvc_cache = self.clone.directory(self.root), self.clone.dvc_cache(self.root)
        compared = compare(directory, out, scan, cache, dvc_cache, threads=self.threads, progress=task.advance)
        self.report.add(_of_out(compared, selected))
        if compared.unlisted or compared.is_other_kind:
            return
        _check_within(compared, selected)
        judged = [(item, self._state(out, item, cache)) for item in compared.items if selected.includes(item.relpath)]
        entries = [(item.relpath, _of_item(state, out, item)) for item, state in judged if state is not None]
        self.report.add_files(out.path, entries, (item.relpath for item in compared.items))

    def _state(self, out: TrackedOut, item: Item, cache: StatCache) -> State | None:
        """Judge one file; None if there is nothing to say."""
        if item.status in _STATES:
            return _STATES[item.status]
        is_absent = item.status is Status.ABSENT
        source = out.record.source
        if source is Source.REMOTE and out.record.kind is not Kind.UNLISTED:
            if not item.is_pushed:
                return State.LOST if is_absent else State.NOT_PUSHED
            if not self._has_remote(out, item):
                return State.NO_REMOTE
        if not is_absent or source is Source.UNPUSHED:
            return None
        if source is Source.IMPORT:
            return State.NOT_IMPORTED
        return State.DELETED if cache.known(out.key(item.relpath)) else State.MISSING

    def _has_remote(self, out: TrackedOut, item: Item) -> bool:
        recorded = item.recorded.remote if item.recorded else None
        try:
            return bool(self.clone.remotes.candidates(self.root, recorded, out.record.remote))
        except RemoteError:
            return False


def _is_below(relpath: str, paths: Sequence[str]) -> bool:
    return any(relpath == path or relpath.startswith(f"{path}/") for path in paths)


def _check_within(compared: Comparison, selected: SelectedOut) -> None:
    """Raise TargetError if a part of an out was named that there is not."""
    known = [item.relpath for item in compared.items] + [relpath for relpath, _ in _refused(compared)]
    for part in selected.within:
        if part and not any(_is_below(relpath, (part,)) for relpath in known):
            raise TargetError(f"{compared.out.path}/{part} is neither here nor recorded")


def _refused(compared: Comparison) -> Iterator[tuple[str, str]]:
    """Yield the files that cannot be recorded, by relpath, with the reason."""
    if compared.scan is not None:
        for problem in compared.scan.refused:
            yield problem.path[len(compared.scan.path) + 1 :], problem.reason


def _of_out(compared: Comparison, selected: SelectedOut) -> Iterator[Entry]:
    """Yield what there is to say of an out as a whole."""
    out, record = compared.out, compared.out.record
    for relpath, why in _refused(compared):
        if selected.includes(relpath):
            yield _entry(State.UNREADABLE, out, out.file(relpath), why)
    if compared.is_other_kind:
        was, now = ("directory", "file") if compared.was_directory else ("file", "directory")
        yield _entry(State.CHANGED, out, reason=f"was a {was}, and is a {now} now")
        return
    if record.kind is not Kind.UNLISTED or not record.recorded.md5:
        return
    absent = compared.unlisted and compared.scan is None
    if record.source is Source.REMOTE:
        reason = "not here, and no cache has the listing of its files" if absent else None
        yield _entry(State.HASH_ONLY, out, reason=reason)
    elif record.source is Source.IMPORT and absent:
        yield _entry(State.NOT_IMPORTED, out)
    if compared.unlisted and compared.scan is not None and not _is_listed(compared):
        reason = "its files are not those of the recorded hash; which of them differ cannot be told"
        yield _entry(State.CHANGED, out, reason=reason)


def _is_listed(compared: Comparison) -> bool:
    """Tell whether the files of the work tree are those that a ``.dir`` hash stands for."""
    hashes = [(item.relpath, item.known.md5) for item in compared.items if item.known is not None]
    return f"{listing_md5(hashes)}.dir" == compared.out.record.recorded.md5


def _of_item(state: State, out: TrackedOut, item: Item) -> Entry:
    return Entry(
        state,
        out.file(item.relpath),
        out.metafile,
        out.path,
        item.line,
        item.found.state.size if item.found else None,
        item.known.md5 if item.known else None,
        item.recorded,
        item.problem.message if item.problem else None,
    )


def _entry(state: State, out: TrackedOut, path: str | None = None, reason: str | None = None) -> Entry:
    recorded = out.record.recorded if path is None else None
    return Entry(state, path or out.path, out.metafile, out.path, out.record.line, recorded=recorded, reason=reason)
