"""What is to change in a metafile so that an out, or the part of it that was named, is recorded as it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cvfs.comparison import Comparison, Item, Status
from cvfs.metafiles.editing import OutEdit
from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.targets import SelectedOut


@dataclass(slots=True)
class Update:
    """The change of one out, by relpath ('' for a file); ``edit`` is None where the metafile says it all already."""

    edit: OutEdit | None = None
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    #: Whether the out holds a file at all.
    is_empty: bool = False


def plan_update(selected: SelectedOut, comparison: Comparison, size_of: Callable[[str], int | None]) -> Update:
    """Plan the update of a tracked out. No item of the named part may be UNREADABLE.

    ``size_of`` knows the sizes of contents by md5, for files outside of the part that only a ``.dir`` listing names.
    """
    update = Update()
    named = [item for item in comparison.items if selected.includes(item.relpath)]
    for item in named:
        _list_of(update, item).append(item.relpath)
    others = [item for item in comparison.items if not selected.includes(item.relpath)]
    update.is_empty = not others and len(update.removed) == len(named)
    if update.new or update.changed or update.removed:
        update.edit = _edit(comparison, named, others, size_of)
    return update


def as_found(item: Item) -> Recorded:
    """Return what a file holds now as an entry that was not pushed."""
    assert item.found is not None
    assert item.known is not None
    return Recorded(md5=item.known.md5, size=item.found.state.size, isexec=item.found.isexec)


def _list_of(update: Update, item: Item) -> list[str]:
    match item.status:
        case Status.NEW:
            return update.new
        case Status.ABSENT:
            return update.removed
        case Status.SAME:
            return update.unchanged if _new_values(item) == item.recorded else update.changed
        case _:
            return update.changed


def _new_values(item: Item) -> Recorded:
    """Return what the entry of a file that is there should say. The version stays as long as the content does."""
    if item.status is not Status.SAME or item.recorded is None or item.found is None:
        return as_found(item)
    if item.line is None and item.relpath:
        return item.recorded  # of a listing, which holds nothing but hashes
    return replace(item.recorded, isexec=item.found.isexec)


def _edit(
    comparison: Comparison, named: list[Item], others: list[Item], size_of: Callable[[str], int | None]
) -> OutEdit:
    record = comparison.out.record
    if comparison.scan is not None and not comparison.scan.is_directory:
        (item,) = (item for item in named if item.status is not Status.ABSENT)
        return OutEdit(record.line, recorded=_plain(item))
    changed: dict[int, Recorded | None] = {}
    added: dict[str, Recorded] = {}
    for item in named:
        if item.status is Status.ABSENT:
            if item.line is not None:
                changed[item.line] = None
        elif item.line is not None:
            changed[item.line] = _plain(item)
        else:
            added[item.relpath] = as_found(item)
    for item in others:
        if item.line is None and item.recorded is not None and item.recorded.md5 is not None:
            size = item.found.state.size if item.status is Status.SAME and item.found else size_of(item.recorded.md5)
            added[item.relpath] = Recorded(md5=item.recorded.md5, size=size)
    present = [(file.relpath, file.line) for file in comparison.out.files] if record.kind is Kind.DIRECTORY else []
    return OutEdit(record.line, present, changed, added, directory=True)


def _plain(item: Item) -> Recorded:
    """Return the new values with the md5 of the bytes, which the entry of a legacy out may not have yet.

    Where it does not, the recorded version may be of the same text with other line ends: it is to be pushed again.
    """
    values = _new_values(item)
    assert item.known is not None
    return values if values.md5 == item.known.md5 else as_found(item)
