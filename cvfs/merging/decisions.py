"""What becomes of one entry that two branches have each in their own way: the rules, on plain values."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from cvfs.metafiles.records import Recorded


class Conflict(Enum):
    """Why nobody but a person can say what is right."""

    CHANGED = "changed differently on both sides"
    REMOVED = "removed on one side, changed on the other"
    KIND = "made another kind of out on one side, changed on the other"
    TEXT = "changed differently on both sides, outside of the entries"


def decide(ancestor: Recorded | None, ours: Recorded | None, theirs: Recorded | None) -> Recorded | Conflict | None:
    """Return what the merged metafile records; None stands for no entry, in arguments and answer.

    What one side left as it was is as the other side has it. Else contents are compared, by md5 or, where that is
    missing, by all that is recorded. Where only one side changed the content, its record is
    taken whole: a version of the old content is of no use any more. Where both have the same content, a version id that
    only one side has is kept, and of two different ones ours. Whether a file is executable is merged by itself.
    """
    if theirs in (ours, ancestor):
        return ours
    if ours == ancestor:
        return theirs
    if ours is None or theirs is None:
        left = ours or theirs
        unchanged = ancestor and left and same_content(left, ancestor) and left.isexec == ancestor.isexec
        return None if unchanged else Conflict.REMOVED
    if same_content(ours, theirs):
        merged = _best_known(ancestor, ours, theirs)
    elif ancestor is not None and same_content(ours, ancestor):
        merged = theirs
    elif ancestor is not None and same_content(theirs, ancestor):
        merged = ours
    else:
        return Conflict.CHANGED
    changed_by_them = ancestor is not None and ours.isexec == ancestor.isexec
    return replace(merged, isexec=theirs.isexec if changed_by_them else ours.isexec)


def same_content(one: Recorded, other: Recorded) -> bool:
    """Tell whether two entries record the same bytes, as far as they tell."""
    if one.md5 and other.md5:
        return one.md5 == other.md5
    return replace(one, isexec=False) == replace(other, isexec=False)


def _best_known(ancestor: Recorded | None, ours: Recorded, theirs: Recorded) -> Recorded:
    """Choose between two records of the same content."""
    if _has_version(ours) != _has_version(theirs):
        return ours if _has_version(ours) else theirs
    unchanged = ancestor is not None and same_content(ours, ancestor) and _place(ours) == _place(ancestor)
    return theirs if unchanged else ours


def _has_version(recorded: Recorded) -> bool:
    return recorded.version_id not in (None, "", "null")


def _place(recorded: Recorded) -> tuple[str | None, str | None, str | None]:
    return recorded.remote, recorded.version_id, recorded.etag
