"""Segments: the outs of some metafiles, as rows of fixed size in a file that is mapped into memory.

A segment knows neither commit nor remote URL nor where its metafiles lie, so all commits that hold the same metafile
share it. First come the outs' own rows, without a name; below them every directory's children are one range of rows,
sorted by the bytes of their names. Nothing is kept in memory per row.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from cvfs.metafiles.records import Recorded, Source
from cvfs.model import Kind
from cvfs.snapshot.indexfile import IndexFile, open_index

SEGMENT = b"segm"
ROWS, HEAP, OUTS, META = range(4)

#: Where the row's name, version id and etag begin in the heap; size; md5; parent's row; first child and number of
#: children; lengths of version id and etag; number of the remote's name; length of the name; flags.
ROW = struct.Struct("<Qq16sIIIHHHBB")
#: First child and number of children within ROW: known only when the children have been written.
RANGE = struct.Struct("<II")
RANGE_OFFSET = struct.calcsize("<Qq16sI")
#: What tells files apart: the name's place, size, md5, length of the name, flags.
_IDENTITY = struct.Struct(f"<Qq16s{struct.calcsize('<IIIHHH')}xBB")
_NAME = struct.Struct(f"<Q{struct.calcsize('<q16sIIIHHH')}xB")

#: Where the path begins in the heap and its length; metafile; line; number of the remote's name; kind, legacy, source;
#: number and total size of the files.
OUT = struct.Struct("<QIIIHBBBQQ")

KIND_MASK, EXECUTABLE, HAS_MD5, ETAG_IS_MD5 = 0b11, 0b100, 0b1000, 0b10000
_KNOWN = KIND_MASK | HAS_MD5
NO_SIZE = -1
SOURCES = tuple(Source)


@dataclass(frozen=True, slots=True)
class Row:
    """One name of a segment. ``parent``, ``first`` and the rest count rows of the same segment."""

    name: bytes
    kind: Kind
    size: int | None
    executable: bool
    parent: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class SegmentOut:
    """One out of the segment's file number ``metafile``. ``path`` is relative to that file's directory; not trusted."""

    path: bytes
    metafile: int
    line: int
    kind: Kind
    legacy: bool
    source: Source
    remote: str | None
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class SegmentRefusal:
    """A record of the segment's file number ``metafile`` that is not shown, and why."""

    metafile: int
    line: int | None
    reason: str


class Segment:
    """A segment, open. Safe to use from several threads; never blocks but on the pages of its file.

    The name of its file says what it was made of: two segments of the same ``path`` hold the same rows.
    """

    def __init__(self, file: IndexFile, path: str) -> None:
        self.path = path
        self._data = file.data
        self._rows, length = file.sections[ROWS]
        self._heap = file.sections[HEAP][0]
        self._outs, outs = file.sections[OUTS]
        self.row_count = length // ROW.size
        self.out_count = outs // OUT.size
        meta = json.loads(file.section(META))
        self._remotes: list[str | None] = [None, *meta["remotes"]]
        self.has_git_outs: bool = meta["git"]
        #: The outs that are directories known by the hash of their listing alone.
        self.unlisted: list[int] = meta["unlisted"]
        self.refusals = [SegmentRefusal(*refusal) for refusal in meta["refusals"]]

    @classmethod
    def open(cls, path: str) -> Segment | None:
        """Open the segment in a file; None where there is none that can be used."""
        file = open_index(path, SEGMENT)
        return None if file is None else cls(file, path)

    def row(self, number: int) -> Row:
        """Return what is known of a name without its hash and version. Rows below ``out_count`` are the outs' own."""
        start, size, _, parent, first, count, _, _, _, length, flags = ROW.unpack_from(
            self._data, self._rows + number * ROW.size
        )
        start += self._heap
        return Row(
            self._data[start : start + length],
            Kind(flags & KIND_MASK),
            None if size == NO_SIZE else size,
            bool(flags & EXECUTABLE),
            parent,
            first,
            count,
        )

    def name(self, number: int) -> bytes:
        """Return a row's name."""
        start, length = _NAME.unpack_from(self._data, self._rows + number * ROW.size)
        start += self._heap
        return self._data[start : start + length]

    def find(self, first: int, count: int, name: bytes) -> int | None:
        """Return the row of ``name`` in a directory's range of rows."""
        stop = first + count
        found = bisect_left(range(first, stop), name, key=self.name) + first
        return found if found < stop and self.name(found) == name else None

    def same_files(self, number: int, other: Segment, others: int) -> bool:
        """Tell whether two directories hold files of the same names, sizes and md5 values, and nothing else."""
        mine, theirs = self.row(number), other.row(others)
        return mine.count == theirs.count and all(
            self._same_file(mine.first + child, other, theirs.first + child) for child in range(mine.count)
        )

    def recorded(self, number: int) -> Recorded:
        """Return hash, size and version of a row, as its metafile has them."""
        start, size, md5, _, _, _, version, etag, remote, name, flags = ROW.unpack_from(
            self._data, self._rows + number * ROW.size
        )
        digest = md5.hex() if flags & HAS_MD5 else None
        start += self._heap + name
        return Recorded(
            md5=digest,
            size=None if size == NO_SIZE else size,
            isexec=bool(flags & EXECUTABLE),
            remote=self._remotes[remote],
            version_id=self._text(start, version),
            etag=digest if flags & ETAG_IS_MD5 else self._text(start + version, etag),
        )

    def out(self, number: int) -> SegmentOut:
        """Return one out; its own row has the same number."""
        start, length, metafile, line, remote, kind, legacy, source, files, size = OUT.unpack_from(
            self._data, self._outs + number * OUT.size
        )
        start += self._heap
        return SegmentOut(
            self._data[start : start + length],
            metafile,
            line,
            Kind(kind),
            bool(legacy),
            SOURCES[source],
            self._remotes[remote],
            files,
            size,
        )

    def outs(self) -> Iterator[SegmentOut]:
        """Yield all outs."""
        return map(self.out, range(self.out_count))

    def totals(self, number: int) -> tuple[int, int]:
        """Count files and bytes at and below a row. Takes time in proportion to them."""
        files = size = 0
        stack = [number]
        while stack:
            row = self.row(stack.pop())
            if row.kind is Kind.FILE:
                files, size = files + 1, size + (row.size or 0)
            stack.extend(range(row.first, row.first + row.count))
        return files, size

    def _same_file(self, number: int, other: Segment, others: int) -> bool:
        start, size, md5, length, flags = _IDENTITY.unpack_from(self._data, self._rows + number * ROW.size)
        theirs, *same = _IDENTITY.unpack_from(other._data, other._rows + others * ROW.size)
        # The other flags are not of the content, or follow from it.
        known = HAS_MD5 | Kind.FILE
        if flags & _KNOWN != known or same[3] & _KNOWN != known or same[:3] != [size, md5, length]:
            return False
        start, theirs = start + self._heap, theirs + other._heap
        return self._data[start : start + length] == other._data[theirs : theirs + length]

    def _text(self, start: int, length: int) -> str | None:
        return self._data[start : start + length].decode("utf-8", "surrogatepass") if length else None
