"""The tree of one commit, read from its index files: names, sizes, hashes, versions. Never waits for the network.

Threading: immutable, so any number of threads may ask at once. Nothing is kept in memory per file; the pages of the
index files belong to the kernel, which may take them back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cvfs.errors import NotInSnapshotError, UnlistedError
from cvfs.git import Commit
from cvfs.metafiles.records import Recorded, Source, content_of
from cvfs.model import Content, Kind, Problem
from cvfs.snapshot.commit_index import ROOT_INO, CommitIndex, CommitRow, RowKind
from cvfs.snapshot.segment import Row, Segment, SegmentOut

#: A cookie of a merged directory holds two positions: above this bit that among the outs, below it that in the segment.
_COOKIE_SHIFT = 32
_COOKIE_MASK = (1 << _COOKIE_SHIFT) - 1


@dataclass(frozen=True, slots=True)
class Node:
    """One name of the tree. ``size`` is in bytes; None for directories and where none was recorded."""

    ino: int
    parent: int
    name: bytes
    kind: Kind
    size: int | None
    executable: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all of one out: where its content comes from, whether its hashes are DVC 2's, its DVC root and
    its own ``remote:``.
    """

    source: Source
    legacy: bool
    root: str
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A row of a segment, as an inode names it."""

    part: int
    segment: Segment
    base: int
    number: int


class Snapshot:
    """One commit's tree. The root's inode is 1; inodes are the same wherever the same commit is opened."""

    def __init__(
        self,
        commit: Commit,
        index: CommitIndex,
        segments: Sequence[Segment],
        roots: Sequence[str],
        config_blobs: Mapping[str, str],
    ) -> None:
        self.commit = commit.id
        self.time = commit.time
        self.roots = roots
        self.config_blobs = config_blobs
        self._index = index
        self._segments = segments

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be used. The rest of the commit is shown."""
        return self._index.problems

    @property
    def totals(self) -> tuple[int, int]:
        """Number of files, and the sum of their recorded sizes in bytes."""
        return self._index.totals

    def node(self, ino: int) -> Node | None:
        """Return what an inode stands for, None if it stands for nothing that is shown."""
        if ROOT_INO <= ino < ROOT_INO + self._index.row_count:
            row = self._index.row(ino - ROOT_INO)
            return None if row.kind is RowKind.OUT else self._directory(ino, row)
        place = self._place(ino)
        if place is None or ino in self._index.merged:
            return None
        row_of_segment = place.segment.row(place.number)
        if place.number >= place.segment.out_count:
            parent = place.base + row_of_segment.parent
            return _node(ino, self._index.merged.get(parent, parent), row_of_segment.name, row_of_segment)
        attached = self._index.attached(place.part, place.number)
        if attached is None:
            return None
        row = self._index.row(attached[0])
        return _node(ino, row.parent + ROOT_INO, row.name, row_of_segment)

    def lookup(self, parent: int, name: bytes) -> Node | None:
        """Return the entry ``name`` of a directory, None if it has none or is no directory."""
        place = self._place(parent)
        if place is None:
            if not ROOT_INO <= parent < ROOT_INO + self._index.row_count:
                return None
            row = self._index.row(parent - ROOT_INO)
            if row.kind is RowKind.OUT:
                return None
            found = self._index.find(row.first, row.count, name)
            if found is not None:
                return self._shown(found)
            if row.kind is RowKind.DIRECTORY:
                return None
            place = self._place_of(row.target)
        elif parent in self._index.merged:
            return None
        directory = place.segment.row(place.number)
        number = place.segment.find(directory.first, directory.count, name)
        return None if number is None else self._entry(place, number, parent)

    def resolve(self, path: bytes) -> Node | None:
        """Return what lies at a path from the root; slashes at its ends do not matter."""
        node = self.node(ROOT_INO)
        for name in path.strip(b"/").split(b"/") if path.strip(b"/") else ():
            node = self.lookup(node.ino, name) if node else None
        return node

    def path(self, ino: int) -> bytes:
        """Return the path of an inode from the root, ``b""`` for the root itself.

        Raises:
            NotInSnapshotError: nothing is shown by that number.
        """
        names = []
        node = self.node(ino)
        while node is not None and node.ino != ROOT_INO:
            names.append(node.name)
            node = self.node(node.parent)
        if node is None:
            raise NotInSnapshotError(f"commit {self.commit} has nothing with inode {ino}")
        return b"/".join(reversed(names))

    def children(self, ino: int, offset: int = 0) -> Iterator[tuple[int, Node]]:
        """Yield a directory's entries in the order of their names' bytes, each with the offset that goes on behind it.

        Any offset that was yielded can be gone on from, at any time and as often as wanted; 0 is the beginning.

        Raises:
            UnlistedError: the directory is known only by its hash.
            NotInSnapshotError: there is no such directory.
        """
        node = self.node(ino)
        if node is None or node.kind is Kind.FILE:
            raise NotInSnapshotError(f"commit {self.commit} has no directory with inode {ino}")
        if node.kind is Kind.UNLISTED:
            raise self._unlisted(ino)
        if ino >= ROOT_INO + self._index.row_count:
            return self._entries(self._place_of(ino), ino, offset)
        row = self._index.row(ino - ROOT_INO)
        if row.kind is RowKind.MERGED:
            return self._merged_entries(row, ino, offset)
        return ((n + 1, self._shown(row.first + n)) for n in range(max(offset, 0), row.count))

    def content(self, ino: int) -> Content:
        """Return what identifies and verifies the bytes of a file, and where they were pushed.

        Raises:
            NotInSnapshotError: there is no such file.
        """
        place, out, root = self._out_of(ino)
        recorded = place.segment.recorded(place.number)
        if out.source is Source.GIT:
            return Content(recorded.size, None, None, None, root)
        key = ""
        if recorded.version_id is not None:
            key = self.path(ino).decode("utf-8", "surrogateescape")[len(root) + 1 if root else 0 :]
        return content_of(recorded, key, legacy=out.legacy, root=root, remote=out.remote)

    def terms(self, ino: int) -> Terms | None:
        """Return what holds for the out that a name belongs to; None for a directory that is above outs.

        Raises:
            NotInSnapshotError: nothing is shown by that number.
        """
        node = self.node(ino)
        if node is None:
            raise NotInSnapshotError(f"commit {self.commit} has nothing with inode {ino}")
        place = self._behind(ino) if node.kind is Kind.UNLISTED else self._place(ino)
        if place is None:
            return None
        found = self._attached_out(place)
        assert found is not None
        out, root = found
        return Terms(out.source, out.legacy, root, out.remote)

    def recorded(self, ino: int) -> Recorded:
        """Return what the metafile has of a file, or of a directory known only by its hash. Fast: looks at one row.

        For what Git holds, the version id is that of the blob. Raises NotInSnapshotError for anything above the outs.
        """
        place = self._behind(ino)
        if place is None:
            raise NotInSnapshotError(f"commit {self.commit} records nothing with inode {ino}")
        return place.segment.recorded(place.number)

    def surely_equals(self, ino: int, other: Snapshot, others: int) -> bool:
        """Tell whether two directories are found to be equal, with all below them, at little cost. False says nothing.

        They are if they stand for the same rows of the same index file, or hold the same files and no directory.
        """
        mine, theirs = self._place(ino), other._place(others)
        if mine is None or theirs is None:
            return False
        if mine.segment.path == theirs.segment.path and mine.number == theirs.number:
            return True
        return mine.segment.same_files(mine.number, theirs.segment, theirs.number)

    def source(self, ino: int) -> Source:
        """Tell where the content of a file comes from. Raises NotInSnapshotError if there is no such file."""
        return self._out_of(ino)[1].source

    def git_blob(self, ino: int) -> str | None:
        """Return the id of the Git blob that is a file's content (``cache: false``), None for other files.

        Raises:
            NotInSnapshotError: there is no such file.
        """
        place, out, _ = self._out_of(ino)
        return place.segment.recorded(place.number).version_id if out.source is Source.GIT else None

    def _place(self, ino: int) -> _Place | None:
        part = bisect_right(self._index.bases, ino) - 1
        if part < 0:
            return None
        base = self._index.bases[part]
        segment = self._segments[part]
        return _Place(part, segment, base, ino - base) if ino - base < segment.row_count else None

    def _place_of(self, ino: int) -> _Place:
        place = self._place(ino)
        assert place is not None
        return place

    def _out_of(self, ino: int) -> tuple[_Place, SegmentOut, str]:
        place = self._place(ino)
        if place is not None and place.segment.row(place.number).kind is Kind.FILE:
            found = self._attached_out(place)
            if found is not None:
                return place, *found
        raise NotInSnapshotError(f"commit {self.commit} has no file with inode {ino}")

    def _attached_out(self, place: _Place) -> tuple[SegmentOut, str] | None:
        """Return the out that a row belongs to, and its DVC root; None if it is not shown."""
        number = place.number
        while number >= place.segment.out_count:
            number = place.segment.row(number).parent
        attached = self._index.attached(place.part, number)
        return None if attached is None else (place.segment.out(number), attached[1])

    def _behind(self, ino: int) -> _Place | None:
        """Return the row that an inode shows: of a merged directory, that of the out it is merged with."""
        place = self._place(ino)
        if place is None and ROOT_INO <= ino < ROOT_INO + self._index.row_count:
            row = self._index.row(ino - ROOT_INO)
            return self._place(row.target) if row.kind is RowKind.MERGED else None
        return place

    def _shown(self, number: int) -> Node:
        """Return the node of a row of the commit index."""
        row = self._index.row(number)
        if row.kind is not RowKind.OUT:
            return self._directory(number + ROOT_INO, row)
        place = self._place_of(row.target)
        return _node(row.target, row.parent + ROOT_INO, row.name, place.segment.row(place.number))

    def _directory(self, ino: int, row: CommitRow) -> Node:
        kind = Kind.DIRECTORY
        if row.kind is RowKind.MERGED:
            place = self._place_of(row.target)
            kind = place.segment.row(place.number).kind
        return Node(ino, row.parent + ROOT_INO, row.name, kind, None, executable=False)

    def _entry(self, place: _Place, number: int, parent: int) -> Node:
        row = place.segment.row(number)
        return _node(place.base + number, parent, row.name, row)

    def _entries(self, place: _Place, parent: int, offset: int) -> Iterator[tuple[int, Node]]:
        row = place.segment.row(place.number)
        for position in range(max(offset, 0), row.count):
            yield position + 1, self._entry(place, row.first + position, parent)

    def _merged_entries(self, row: CommitRow, parent: int, offset: int) -> Iterator[tuple[int, Node]]:
        place = self._place_of(row.target)
        under = place.segment.row(place.number)
        outs, entries = max(offset, 0) >> _COOKIE_SHIFT, max(offset, 0) & _COOKIE_MASK
        while outs < row.count or entries < under.count:
            name = self._index.name(row.first + outs) if outs < row.count else None
            below = place.segment.name(under.first + entries) if entries < under.count else None
            if name is None or (below is not None and below < name):
                node = self._entry(place, under.first + entries, parent)
                entries += 1
            else:
                node = self._shown(row.first + outs)
                outs += 1
                entries += name == below  # an out hides the entry of the same name
            yield outs << _COOKIE_SHIFT | entries, node

    def _unlisted(self, ino: int) -> UnlistedError:
        md5 = self.recorded(ino).md5
        known = f"by the hash {md5}.dir" if md5 else "by its name"
        path = self.path(ino).decode("utf-8", "replace")
        return UnlistedError(
            f"{path} is a directory that commit {self.commit} knows only {known}: it does not list the files",
            hint="the listing is in no cache on this machine, and no remote gave it when the commit was opened",
        )


def _node(ino: int, parent: int, name: bytes, row: Row) -> Node:
    size = row.size if row.kind is Kind.FILE else None
    return Node(ino, parent, name, row.kind, size, row.executable and row.kind is Kind.FILE)
