"""Writes the commit index: numbers the directories above the outs, and gives every segment its range of inodes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field

from cvfs.errors import SnapshotError
from cvfs.model import Problem
from cvfs.snapshot.commit_index import ATTACHED_OUT, COMMIT, ROOT_INO, ROW, RowKind
from cvfs.snapshot.indexfile import IndexWriter
from cvfs.snapshot.layout import Directory, Layout
from cvfs.snapshot.placing import Part, PlacedOut


@dataclass(slots=True)
class _Numbered:
    """A row: what it shows, and where its parent and its children are."""

    name: bytes
    parent: int
    node: Directory | PlacedOut
    first: int = 0
    count: int = 0


@dataclass(slots=True)
class _Places:
    """Where the segments begin: their first inodes, and the first of their outs in the list of all."""

    bases: list[int] = field(default_factory=list)
    first_outs: list[int] = field(default_factory=list)
    outs: int = 0


def write_commit_index(
    path: str, parts: Sequence[Part], layout: Layout, problems: Iterable[Problem], git_segment: str | None
) -> None:
    """Write the index of the commit that is made of ``parts``.

    ``git_segment`` is the key of the last part where it holds what Git tracks. Blocking: call from a worker thread.

    Raises:
        SnapshotError: there is no room for it, or the directory cannot be written.
    """
    rows = _number(layout.top)
    places = _places(parts, ROOT_INO + len(rows))
    roots = sorted({metafile.root for part in parts for _, metafile in part.files})
    meta = {
        "roots": roots,
        "bases": places.bases,
        "first_outs": places.first_outs,
        "git_segment": git_segment,
        "totals": [layout.files, layout.size],
        "problems": [astuple(problem) for problem in problems],
        "merged": [
            (_ino(places, row.node), number + ROOT_INO)
            for number, row in enumerate(rows)
            if _kind(row) is RowKind.MERGED
        ],
    }
    try:
        with IndexWriter(path, COMMIT, sections=4) as writer:
            writer.write_section(_packed(rows, places))
            writer.write_section(row.name for row in rows)
            writer.write_section([_attached(rows, places, roots)])
            writer.write_section([json.dumps(meta).encode()])
    except OSError as error:
        raise SnapshotError(f"the index file {path} cannot be written: {error}", hint="use --cache-dir") from error


def _number(top: Directory) -> list[_Numbered]:
    """Number breadth first, so that a directory's children are one range."""
    rows = [_Numbered(b"", 0, top)]
    for number, row in enumerate(rows):  # grows meanwhile
        if isinstance(row.node, Directory):
            row.first, row.count = len(rows), len(row.node.children)
            rows.extend(_Numbered(name, number, child) for name, child in sorted(row.node.children.items()))
    return rows


def _places(parts: Sequence[Part], base: int) -> _Places:
    places = _Places()
    for part in parts:
        places.bases.append(base)
        places.first_outs.append(places.outs)
        base += part.segment.row_count
        places.outs += part.segment.out_count
    return places


def _kind(row: _Numbered) -> RowKind:
    if isinstance(row.node, PlacedOut):
        return RowKind.OUT
    return RowKind.DIRECTORY if row.node.under is None else RowKind.MERGED


def _ino(places: _Places, node: Directory | PlacedOut) -> int:
    """Return the inode, in its segment, of an out or of the directory that one is merged with; else 0."""
    if isinstance(node, PlacedOut):
        return places.bases[node.part] + node.number
    return 0 if node.under is None else places.bases[node.under[0]] + node.under[1]


def _packed(rows: Sequence[_Numbered], places: _Places) -> Iterable[bytes]:
    start = 0
    for row in rows:
        numbers = (row.parent, row.first, row.count, _ino(places, row.node))
        yield ROW.pack(start, *numbers, len(row.name), _kind(row))
        start += len(row.name)


def _attached(rows: Sequence[_Numbered], places: _Places, roots: Sequence[str]) -> bytes:
    numbers = {root: number for number, root in enumerate(roots)}
    packed = bytearray(places.outs * ATTACHED_OUT.size)
    for number, row in enumerate(rows):
        placed = row.node if isinstance(row.node, PlacedOut) else row.node.out
        if placed is not None:
            out = places.first_outs[placed.part] + placed.number
            ATTACHED_OUT.pack_into(packed, out * ATTACHED_OUT.size, number, numbers[placed.metafile.root])
    return bytes(packed)
