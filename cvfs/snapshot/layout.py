"""Joins the outs of a commit into one tree, and settles what happens where they meet.

Of two outs with the same path the first metafile's stays. An out inside a directory out is merged into it, and wins
over an entry of its name; below a file it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cvfs.model import Kind, Problem
from cvfs.snapshot.placing import Part, PlacedOut


@dataclass(slots=True)
class Directory:
    """A directory that lies above an out.

    ``under`` is the directory of another out that it is merged with, as part and row; ``out`` is that out where it is
    the out's topmost directory.
    """

    under: tuple[int, int] | None = None
    out: PlacedOut | None = None
    children: dict[bytes, Directory | PlacedOut] = field(default_factory=dict)


@dataclass(slots=True)
class Layout:
    """The directories above the outs, and the totals of what is shown."""

    top: Directory = field(default_factory=Directory)
    files: int = 0
    size: int = 0


def lay_out(parts: Sequence[Part], outs: Sequence[PlacedOut], problems: list[Problem]) -> Layout:
    """Join outs into a tree; outs that have no place in it are added to ``problems``."""
    layout = Layout()
    # Parents come before what lies in them, and of equal paths the first metafile's comes first.
    for placed in sorted(outs, key=lambda placed: (placed.path, placed.metafile.path, placed.number)):
        try:
            _attach(layout, parts, placed)
        except _Conflict as conflict:
            shown = b"/".join(placed.path).decode("utf-8", "surrogateescape")
            problems.append(Problem(placed.metafile.path, placed.out.line, f"out {shown!r} is refused: {conflict}"))
    return layout


class _Conflict(Exception):  # noqa: N818 - an out that loses is no error of ours
    pass


def _attach(layout: Layout, parts: Sequence[Part], placed: PlacedOut) -> None:
    *above, name = placed.path
    directory, missing = _deepest(layout.top, above)
    # Nothing is changed before it is certain that no file is in the way.
    unders = list(_unders(parts, directory.under, missing))
    for component, under in zip(missing, unders, strict=True):
        below = Directory(under)
        directory.children[component] = below
        directory = below
    present = directory.children.get(name)
    if isinstance(present, PlacedOut):
        raise _Conflict(f"{present.metafile.path} has an out of the same path")
    assert present is None
    if (row := _find(parts, directory.under, name)) is not None:
        assert directory.under is not None
        files, size = parts[directory.under[0]].segment.totals(row)
        layout.files, layout.size = layout.files - files, layout.size - size
    directory.children[name] = placed
    layout.files, layout.size = layout.files + placed.out.files, layout.size + placed.out.size


def _deepest(directory: Directory, components: Sequence[bytes]) -> tuple[Directory, Sequence[bytes]]:
    """Go down as far as there are directories; return the last, and the components that are left."""
    for depth, component in enumerate(components):
        child = directory.children.get(component)
        if isinstance(child, PlacedOut):
            if child.out.kind is Kind.FILE:
                raise _Conflict(f"it lies below a file, which {child.metafile.path} has as an out")
            child = directory.children[component] = Directory((child.part, child.number), child)
        if child is None:
            return directory, components[depth:]
        directory = child
    return directory, ()


def _unders(
    parts: Sequence[Part], under: tuple[int, int] | None, components: Sequence[bytes]
) -> Iterator[tuple[int, int] | None]:
    """Yield what each directory on a new path is merged with."""
    for component in components:
        row = _find(parts, under, component)
        if row is None or under is None:
            under = None
        elif parts[under[0]].segment.row(row).kind is Kind.FILE:
            raise _Conflict(f"it lies below the file {component.decode('utf-8', 'surrogateescape')!r} of another out")
        else:
            under = (under[0], row)
        yield under


def _find(parts: Sequence[Part], under: tuple[int, int] | None, name: bytes) -> int | None:
    if under is None:
        return None
    segment = parts[under[0]].segment
    row = segment.row(under[1])
    return segment.find(row.first, row.count, name)
