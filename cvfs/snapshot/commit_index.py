"""The commit index: how the segments of one commit hang together. Small, and read like a segment.

Its rows are the directories above the outs, and the outs; row 0 is the top of the repository. The inode of a directory
is its row plus one. Behind these numbers every segment has a range: an out's inode, and that of all below it, is the
segment's base plus the row there. So inodes are the same wherever the same commit is mounted.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left
from dataclasses import dataclass
from enum import IntEnum

from cvfs.model import Problem
from cvfs.snapshot.indexfile import IndexFile, open_index

COMMIT = b"comm"
ROWS, HEAP, ATTACHED, META = range(4)

#: Where the name begins in the heap; parent's row; first child and number of children; target; length of name; kind.
ROW = struct.Struct("<QIIIQBB")
#: Per out of each segment, the row that shows it (0 where none does) and the number of its DVC root.
ATTACHED_OUT = struct.Struct("<II")

ROOT_INO = 1


class RowKind(IntEnum):
    """What a row of the commit index is."""

    DIRECTORY = 0
    #: An out; the target is the inode of its own row.
    OUT = 1
    #: A directory joined with one of an out; the target is that one's inode, which is not shown.
    MERGED = 2


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One row."""

    name: bytes
    kind: RowKind
    parent: int
    first: int
    count: int
    target: int


class CommitIndex:
    """A commit index, open. Safe to use from several threads."""

    def __init__(self, file: IndexFile) -> None:
        self._data = file.data
        self._rows, length = file.sections[ROWS]
        self._heap = file.sections[HEAP][0]
        self._attached = file.sections[ATTACHED][0]
        meta = json.loads(file.section(META))
        self.row_count = length // ROW.size
        self.roots: list[str] = meta["roots"]
        self.bases: list[int] = meta["bases"]
        #: The key of the last segment, where it holds what Git tracks.
        self.git_segment: str | None = meta["git_segment"]
        self.totals: tuple[int, int] = (meta["totals"][0], meta["totals"][1])
        self.problems = [Problem(*problem) for problem in meta["problems"]]
        self.merged: dict[int, int] = dict(meta["merged"])
        self._first_outs: list[int] = meta["first_outs"]

    @classmethod
    def open(cls, path: str) -> CommitIndex | None:
        """Open the index in a file; None where there is none that can be used."""
        file = open_index(path, COMMIT)
        return None if file is None else cls(file)

    def row(self, number: int) -> CommitRow:
        """Return a row."""
        start, parent, first, count, target, length, kind = ROW.unpack_from(self._data, self._rows + number * ROW.size)
        start += self._heap
        return CommitRow(self._data[start : start + length], RowKind(kind), parent, first, count, target)

    def name(self, number: int) -> bytes:
        """Return a row's name."""
        return self.row(number).name

    def find(self, first: int, count: int, name: bytes) -> int | None:
        """Return the row of ``name`` among a directory's children."""
        stop = first + count
        found = bisect_left(range(first, stop), name, key=self.name) + first
        return found if found < stop and self.name(found) == name else None

    def attached(self, part: int, out: int) -> tuple[int, str] | None:
        """Return the row that shows an out of segment number ``part``, and its DVC root; None if none shows it."""
        row, root = ATTACHED_OUT.unpack_from(
            self._data, self._attached + (self._first_outs[part] + out) * ATTACHED_OUT.size
        )
        return (row, self.roots[root]) if row else None
