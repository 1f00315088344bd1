"""Decide what becomes of each file of an out, from what is recorded and what is at its place."""

from __future__ import annotations

import os
from collections.abc import Callable

from cvfs.comparison import Item, Status
from cvfs.errors import WorkspaceError
from cvfs.metafiles.records import Recorded, Source, content_of
from cvfs.pulling.orders import InPlace, Order, OutPlan
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.pulling.stored import Stored
from cvfs.snapshot.intake import safe_components
from cvfs.tracking import TrackedOut
from cvfs.workspace.file_state import FileState, to_bytes
from cvfs.workspace.placing import ANYTHING, Anything
from cvfs.workspace.stat_cache import Known

#: The hint beside a file that stays.
KEPT = "--force replaces it; `cvfs push` stores it as a new version"


class FileJudge:
    """Sorts the files of one out into its plan. ``nested`` tells whether a path belongs to an out inside this one.

    ``recorded`` collects the relpaths that have entries; ``skipped`` counts files that are nowhere for a good reason.
    """

    def __init__(
        self,
        plan: OutPlan,
        out: TrackedOut,
        root: RootDirectory,
        stored: Stored,
        *,
        force: bool,
        nested: Callable[[str], bool],
    ) -> None:
        self.recorded: set[str] = set()
        self.skipped = 0
        self._plan = plan
        self._out = out
        self._root = root
        self._stored = stored
        self._force = force
        self._nested = nested

    def take(self, item: Item) -> None:
        """Decide about one file."""
        shown = self._out.file(item.relpath)
        if item.recorded is not None:
            self.recorded.add(item.relpath)
        if self._nested(shown):
            return  # the inner out decides about it
        if item.recorded is None:
            self._take_unlisted(item, shown)
            return
        try:
            if item.relpath:
                check_path(item.relpath)
            match item.status:
                case Status.SAME:
                    self._restore_isexec(item, shown)
                case Status.ABSENT:
                    is_broken = os.path.islink(to_bytes(self._absolute(item)))
                    self._order(item, item.recorded, shown, ANYTHING if is_broken else None)
                case _:
                    self._order(item, item.recorded, shown, self._yielding(item, shown))
        except WorkspaceError as error:
            self._plan.failures.append(Failure(shown, error))

    def _yielding(self, item: Item, shown: str) -> FileState | Anything:
        """Return what a file may replace. WorkspaceError if it has to stay."""
        found, known = item.found, item.known
        if found is None or known is None:
            if self._force:
                return ANYTHING
            raise item.problem or WorkspaceError("cannot be read")
        if self._force or self._stored.has(shown, known.md5, found.state.size):
            return found.state
        raise WorkspaceError("kept, because it differs from what is recorded and is stored nowhere else", hint=KEPT)

    def _order(self, item: Item, recorded: Recorded, shown: str, over: FileState | Anything | None) -> None:
        out = self._out
        path = out.key(item.relpath)
        content = content_of(recorded, path, legacy=out.record.legacy, root=out.root, remote=out.record.remote)
        if content.version is None and out.record.source in (Source.IMPORT, Source.UNPUSHED):
            md5 = recorded.md5
            if md5 is None or self._root.dvc_cache.path(md5, legacy=out.record.legacy) is None:
                self.skipped += 1
                return
        self._plan.orders.append(Order(self._plan, self._root, path, shown, content, recorded.isexec, over))

    def _restore_isexec(self, item: Item, shown: str) -> None:
        """Have a file be executable that was recorded so. That it was not recorded says nothing: DVC leaves it out."""
        if item.found is None or item.known is None or not item.recorded or not item.recorded.isexec:
            return
        if not item.found.isexec and not os.path.islink(to_bytes(self._absolute(item))):
            self._plan.executables.append(self._in_place(item, shown, item.found.state, item.known))

    def _take_unlisted(self, item: Item, shown: str) -> None:
        if item.found is None or item.known is None or not item.relpath:
            return
        if self._stored.records(shown, item.known.md5, item.found.state.size):
            self._plan.removals.append(self._in_place(item, shown, item.found.state, item.known))
        elif self._stored.lists(shown):
            self._plan.notes.append(f"{shown} was left alone: it is recorded no longer, and has been changed")

    def _in_place(self, item: Item, shown: str, state: FileState, known: Known) -> InPlace:
        return InPlace(self._plan, self._root, self._out.key(item.relpath), shown, state, known)

    def _absolute(self, item: Item) -> str:
        return self._root.absolute(self._out.key(item.relpath))


def check_path(path: str) -> None:
    """Refuse what could do harm: a metafile may name anything.

    DVC never records what lies in a ``.dvc`` directory; ``.dvc/config.local`` would even be taken for the user's word.
    """
    try:
        harmful = ".dvc" in safe_components(path)
    except ValueError as error:
        raise WorkspaceError(f"refused: {error}") from error
    if harmful:
        raise WorkspaceError("refused: DVC keeps its own files in .dvc, and records none of them")
