"""The three-way merge of parts: by key where there are keys, by what is recorded, and by lines for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cvfs.errors import MetafileError
from cvfs.merging.decisions import Conflict, decide
from cvfs.merging.parts import HOLE, Part
from cvfs.merging.plain import BETWEEN, OURS, THEIRS, TextMerge
from cvfs.metafiles.editing import OutEdit, edit_metafile
from cvfs.metafiles.records import Recorded

#: Before a line that is a marker, so that it is not indented with the lines around it. No YAML text can hold it.
_MARK = "\x02"
_MARKERS = (OURS, BETWEEN, THEIRS)


class TreeMerge:
    """One merge. ``conflicts`` are found on the way: the name of a part, and why it cannot be merged."""

    def __init__(self, text: TextMerge) -> None:
        self._text = text
        self.conflicts: list[tuple[str, Conflict]] = []

    def merge(self, ancestor: Part, ours: Part, theirs: Part) -> list[str]:
        """Return the lines of the merged document, without their ends.

        Raises:
            MetafileError: the lines cannot be put together.
        """
        merged = self._merge(ancestor, ours, theirs) or []
        return [line.removeprefix(_MARK) for line in merged]

    def _merge(self, ancestor: Part | None, ours: Part | None, theirs: Part | None) -> list[str] | None:
        if theirs in (ours, ancestor):
            return _rendered(ours)
        if ancestor == ours:
            return _rendered(theirs)
        if ours is None or theirs is None:
            return None if _is_unchanged(ancestor, ours or theirs) else self._conflict(ours, theirs, Conflict.REMOVED)
        if ours.shape != theirs.shape:
            return self._conflict(ours, theirs, Conflict.KIND)
        if ours.recorded is None:
            return self._merge_container(ancestor or Part(), ours, theirs)
        return self._merge_entry(ancestor, ours, theirs)

    def _merge_entry(self, ancestor: Part | None, ours: Part, theirs: Part) -> list[str]:
        assert ours.recorded is not None
        if ancestor is not None and ancestor.shape != ours.shape:
            ancestor = None
        recorded = decide(None if ancestor is None else ancestor.recorded, ours.recorded, theirs.recorded)
        if not isinstance(recorded, Recorded):
            return self._conflict(ours, theirs, recorded or Conflict.CHANGED)
        # With the same values in all three, what still differs is comments and keys that cvfs has no word in.
        lines, conflicted = self._merge_lines(
            _with(ancestor, recorded) if ancestor else [], _with(ours, recorded), _with(theirs, recorded)
        )
        if conflicted:
            self.conflicts.append((ours.name, Conflict.TEXT))
        return lines

    def _merge_container(self, ancestor: Part, ours: Part, theirs: Part) -> list[str]:
        before = len(self.conflicts)
        fixed = ours.fixed and ours.lines != theirs.lines and ancestor.lines not in (ours.lines, theirs.lines)
        lines, conflicted = self._merge_lines([] if fixed else ancestor.lines, ours.lines, theirs.lines)
        if conflicted:
            self.conflicts.append((ours.name, Conflict.TEXT))
        inner = self._merge_children(ancestor.children or {}, ours.children or {}, theirs.children or {})
        if inner and not any(line.endswith(HOLE) for line in lines):
            # One side has taken out the list into which the other one put something.
            del self.conflicts[before:]
            return self._conflict(ours, theirs, Conflict.REMOVED)
        return _filled(lines, inner)

    def _merge_children(
        self, ancestor: Mapping[str, Part], ours: Mapping[str, Part], theirs: Mapping[str, Part]
    ) -> list[str]:
        lines: list[str] = []
        for key in _order(ours, theirs):
            lines += self._merge(ancestor.get(key), ours.get(key), theirs.get(key)) or []
        return lines

    def _merge_lines(self, ancestor: list[str], ours: list[str], theirs: list[str]) -> tuple[list[str], bool]:
        if theirs in (ours, ancestor):
            return ours, False
        if ancestor == ours:
            return theirs, False
        merged, conflicted = self._text.merge(_encoded(ancestor), _encoded(ours), _encoded(theirs))
        lines = merged.decode("utf-8").removesuffix("\n").split("\n") if merged else []
        return [_MARK + line if conflicted and line in _MARKERS else line for line in lines], conflicted

    def _conflict(self, ours: Part | None, theirs: Part | None, why: Conflict) -> list[str]:
        """Return both sides, marked."""
        self.conflicts.append(((ours or theirs or Part()).name, why))
        marks = [_MARK + marker for marker in _MARKERS]
        return [marks[0], *(_rendered(ours) or []), marks[1], *(_rendered(theirs) or []), marks[2]]


def _is_unchanged(ancestor: Part | None, left: Part | None) -> bool:
    """Tell whether nothing was changed that would be lost if the part were removed; being pushed is no change."""
    if ancestor is None or left is None:
        return False
    if ancestor.shape != left.shape or (ancestor.children or {}).keys() != (left.children or {}).keys():
        return False
    if ancestor.recorded is not None and left.recorded is not None:
        gone = decide(ancestor.recorded, None, left.recorded) is None
        return gone and _with(left, ancestor.recorded) == _with(ancestor, ancestor.recorded)
    mine = left.children or {}
    return ancestor.lines == left.lines and all(
        _is_unchanged(child, mine[key]) for key, child in (ancestor.children or {}).items()
    )


def _with(part: Part, recorded: Recorded) -> list[str]:
    """Return the lines of an entry with other values."""
    if part.recorded == recorded:
        return part.lines
    edited = edit_metafile(_encoded(["outs:", *part.lines]), [OutEdit(part.at + 2, recorded=recorded, legacy=True)])
    return edited.decode("utf-8").removesuffix("\n").split("\n")[1:]


def _order(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    """Return the keys of both: sorted if both are, else theirs behind the neighbours that they have there."""
    mine, others = list(ours), list(theirs)
    if mine == sorted(mine) and others == sorted(others):
        return sorted({*mine, *others})
    known = set(mine)
    behind: dict[str | None, list[str]] = {}
    neighbour: str | None = None
    for key in others:
        if key in known:
            neighbour = key
        else:
            behind.setdefault(neighbour, []).append(key)
    order = behind.get(None, [])
    for key in mine:
        order += [key, *behind.get(key, [])]
    return order


def _rendered(part: Part | None) -> list[str] | None:
    if part is None:
        return None
    if part.children is None:
        return part.lines
    return _filled(part.lines, [line for child in part.children.values() for line in _rendered(child) or []])


def _filled(lines: list[str], inner: list[str]) -> list[str]:
    """Put lines in the place of the hole."""
    result: list[str] = []
    for line in lines:
        if not line.endswith(HOLE):
            result.append(line)
        elif inner:
            indent = line.removesuffix(HOLE)
            result += [part if part.startswith(_MARK) or not part else indent + part for part in inner]
        else:
            _close_list(result)
    return result


def _close_list(lines: list[str]) -> None:
    """Say that the list whose key is on the last line is empty, rather than null."""
    if not lines or not lines[-1].rstrip().endswith(":"):
        raise MetafileError("a list is empty now whose key is not on a line of its own")
    lines[-1] = f"{lines[-1].rstrip()} {'{}' if lines[-1].strip() == 'stages:' else '[]'}"


def _encoded(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8")
