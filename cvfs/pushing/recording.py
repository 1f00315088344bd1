"""Put what was pushed into a metafile: entry by entry, into the metafile as it is now, all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from cvfs.clone import Clone
from cvfs.errors import ChangedMeanwhileError, MetafileError
from cvfs.metafiles.editing import OutEdit, edit_metafile
from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.tracking import TrackedMetafile, TrackedOut
from cvfs.workspace.replacing import replace_file
from cvfs.workspace.temporary import remove_leftovers

#: Somebody who writes to a metafile again and again is not merged with forever.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of an entry. ``base`` is what it was when the push began, None for a new one."""

    base: Recorded | None
    new: Recorded


@dataclass(slots=True)
class OutChange:
    """The changes of one out, by relpath ('' for a file). ``becomes_list`` and ``legacy`` are as in the plan."""

    out: TrackedOut
    changes: dict[str, Change] = field(default_factory=dict)
    becomes_list: bool = False
    legacy: bool = False


def record(clone: Clone, metafile: TrackedMetafile, outs: Sequence[OutChange]) -> tuple[bool, list[str]]:
    """Record the changes; return whether the metafile was replaced, and the paths of entries that were left alone.

    Those are entries which somebody else has changed since the push began: theirs stay. Hold ``Clone.locked``; this
    takes ``Clone.dvc_locked`` for the moment. Blocking.

    Raises:
        MetafileError: the metafile cannot be read or edited any more.
        WorkspaceError, LockedError: it cannot be replaced.
    """
    remove_leftovers(os.path.dirname(clone.tree.absolute(metafile.path)))
    for attempt in range(_ATTEMPTS):
        with clone.dvc_locked(metafile.root):
            now = clone.tree.read(metafile.source)
            if now.text == metafile.text:
                now = metafile
            elif now.problems:
                raise MetafileError(f"{metafile.path} was changed meanwhile, and cannot be read now: {now.problems[0]}")
            edits: list[OutEdit] = []
            left: list[str] = []
            for change in outs:
                edits += _edits(now, change, left)
            try:
                text = edit_metafile(now.text, edits)
            except MetafileError as error:
                raise MetafileError(f"{metafile.path}: {error.message}", hint=error.hint) from error
            if text == now.text:
                return False, left
            try:
                replace_file(clone.tree.absolute(metafile.path), text, expected=now.text)
            except ChangedMeanwhileError:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            return True, left
    raise AssertionError("the last attempt returns or raises")


def _edits(now: TrackedMetafile, change: OutChange, left: list[str]) -> list[OutEdit]:
    out = _same_out(now, change.out)
    if (
        out is None
        or out.record.kind is not change.out.record.kind
        or (change.becomes_list and out.record.recorded.md5 != change.out.record.recorded.md5)
    ):
        left += [change.out.file(relpath) for relpath in change.changes]
        return []
    if out.record.kind is Kind.FILE:
        merged = _merge(out.record.recorded, change.changes[""], out.file(""), left)
        return [] if merged is None else [OutEdit(out.record.line, recorded=merged, legacy=change.legacy)]
    entries = {file.relpath: file for file in out.files}
    changed: dict[int, Recorded | None] = {}
    added: dict[str, Recorded] = {}
    for relpath, wanted in change.changes.items():
        entry = entries.get(relpath)
        if entry is None and wanted.base is not None and not change.becomes_list:
            left.append(out.file(relpath))  # somebody took it out of the list
        elif entry is None:
            added[relpath] = wanted.new
        elif (merged := _merge(entry.recorded, wanted, out.file(relpath), left)) is not None:
            changed[entry.line] = merged
    if not changed and not added:
        return []
    present = [(file.relpath, file.line) for file in out.files]
    return [OutEdit(out.record.line, present, changed, added, directory=True, legacy=change.legacy)]


def _merge(now: Recorded, wanted: Change, path: str, left: list[str]) -> Recorded | None:
    """Return what to record, None to leave the entry alone."""
    if now == wanted.base or (now.md5 == wanted.new.md5 and not now.version_id):
        return wanted.new
    if now.md5 != wanted.new.md5:
        left.append(path)
    return None


def _same_out(now: TrackedMetafile, out: TrackedOut) -> TrackedOut | None:
    for other in now.outs:
        if (other.path, other.record.stage) == (out.path, out.record.stage):
            return other
    return None
