"""Record one out: hash its files, compare them with what is recorded, and write the difference."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace

from cvfs.adding.choosing import Chosen
from cvfs.adding.looking import Looked, check_missing, check_readable
from cvfs.adding.recording import ignore, new_metafile, write_new, write_update
from cvfs.adding.updating import Update, plan_update
from cvfs.clone import Clone
from cvfs.comparison import Comparison, Status, compare
from cvfs.errors import ChangedMeanwhileError, MetafileError, TargetError, WorkspaceError
from cvfs.metafiles.records import Recorded
from cvfs.progress import Task
from cvfs.targets import SelectedOut
from cvfs.tracking import TrackedMetafile
from cvfs.workspace.contents import contents_of
from cvfs.workspace.scanning import Scan
from cvfs.workspace.stat_cache import StatCache

#: Somebody who writes to a metafile again and again is not merged with forever.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AddedOut:
    """One out as it is recorded now. Paths are relative to the top of the work tree, numbers are of files."""

    path: str
    metafile: str
    new: int
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


class OutRecorder:
    """Records the outs of one DVC root. Hold ``Clone.locked``. Blocking."""

    def __init__(self, clone: Clone, cache: StatCache, task: Task, *, threads: int | None, force: bool) -> None:
        self._clone = clone
        self._cache = cache
        self._task = task
        self._threads = threads
        self._force = force

    def record(self, looked: Looked, written: list[str]) -> AddedOut:
        """Record an out, and append the paths of what was written to ``written``.

        Raises:
            WorkspaceError, MetafileError: it cannot be, and nothing of it was written.
        """
        chosen = looked.chosen
        if chosen.metafile is None or chosen.selected is None:
            assert looked.scan is not None
            return self._new(chosen, looked.scan, written)
        return self._update(chosen, chosen.metafile, chosen.selected, looked.scan, written)

    def _new(self, chosen: Chosen, scan: Scan, written: list[str]) -> AddedOut:
        files: dict[str, Recorded] = {}
        problems: list[WorkspaceError] = []
        for found, outcome in contents_of(
            self._clone.directory(chosen.root),
            scan,
            self._cache,
            threads=self._threads,
            progress=self._task.advance,
            hashed=self._hashed(chosen.root),
        ):
            if isinstance(outcome, WorkspaceError):
                problems.append(outcome)
            else:
                files[found.relpath] = Recorded(md5=outcome.md5, size=found.state.size, isexec=found.isexec)
        check_readable(chosen.path, problems)
        text = new_metafile(posixpath.basename(chosen.path), files, is_directory=scan.is_directory)
        written += write_new(self._clone, chosen, text)
        return AddedOut(chosen.path, chosen.metafile_path, len(files))

    def _update(
        self, chosen: Chosen, metafile: TrackedMetafile, selected: SelectedOut, scan: Scan | None, written: list[str]
    ) -> AddedOut:
        for _ in range(_ATTEMPTS):
            update = self._plan(selected, self._compared(chosen.root, selected, scan))
            if update.edit is None:
                break
            if write_update(self._clone, metafile, update.edit):
                written.append(metafile.path)
                self._cache.forget(selected.out.key(relpath) for relpath in update.removed)
                break
            metafile, selected = self._read_again(metafile, selected)
            check_missing(self._clone, replace(chosen, selected=selected), scan, self._cache, force=self._force)
        else:
            raise ChangedMeanwhileError(
                f"{metafile.path} is being changed all the time by another program", hint="run the command again later"
            )
        written += ignore(self._clone, chosen)
        return AddedOut(
            chosen.path,
            metafile.path,
            *map(len, (update.new, update.changed, update.removed, update.unchanged)),
        )

    def _compared(self, root: str, selected: SelectedOut, scan: Scan | None) -> Comparison:
        return compare(
            self._clone.directory(root),
            selected.out,
            scan,
            self._cache,
            self._clone.dvc_cache(root),
            threads=self._threads,
            progress=self._task.advance,
            hashed=self._hashed(root),
        )

    def _plan(self, selected: SelectedOut, comparison: Comparison) -> Update:
        out = selected.out
        unreadable = [item for item in comparison.of(Status.UNREADABLE) if selected.includes(item.relpath)]
        check_readable(out.path, [item.problem for item in unreadable if item.problem is not None])
        if comparison.unlisted:
            known = not out.record.legacy and not comparison.is_other_kind
            if known and comparison.dir_hash() == out.record.recorded.md5:
                return Update(unchanged=[item.relpath for item in comparison.items])
            if not self._force or "" not in selected.within:
                raise TargetError(
                    f"{out.path} is recorded by the hash of a listing that is not in DVC's cache, so that nobody can "
                    "tell which files went",
                    hint=f"`dvc fetch {out.path}` gets the listing; `cvfs add --force {out.path}` records what is here",
                )
        update = plan_update(selected, comparison, self._size_of(out.root, legacy=out.record.legacy))
        if update.is_empty:
            raise TargetError(f"no file of {out.path} is left", hint=f"`cvfs remove {out.metafile}` stops tracking it")
        return update

    def _read_again(self, metafile: TrackedMetafile, selected: SelectedOut) -> tuple[TrackedMetafile, SelectedOut]:
        now = self._clone.tree.read(metafile.source)
        if now.problems:
            raise MetafileError(f"{now.path} was changed meanwhile, and cannot be used now: {now.problems[0]}")
        for out in now.outs:
            if out.path == selected.out.path:
                return now, SelectedOut(out, selected.within)
        raise ChangedMeanwhileError(f"{now.path} was changed meanwhile, and tracks {selected.out.path} no more")

    def _size_of(self, root: str, *, legacy: bool) -> Callable[[str], int | None]:
        dvc_cache = self._clone.dvc_cache(root)

        def size_of(md5: str) -> int | None:
            path = dvc_cache.path(md5, legacy=legacy)
            return None if path is None else os.path.getsize(path)

        return size_of

    def _hashed(self, root: str) -> Callable[[str], None]:
        return lambda path: self._task.finished(posixpath.join(root, path))
