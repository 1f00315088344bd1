"""Snapshots from hand-made records, without Git, and what a snapshot shows as plain dictionaries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cvfs.git import Commit
from cvfs.metafiles.records import FileRecord, OutRecord, Record, Recorded, Source
from cvfs.model import Kind, Problem
from cvfs.snapshot import Node, Snapshot
from cvfs.snapshot.commit_index import ROOT_INO, CommitIndex
from cvfs.snapshot.commit_writer import write_commit_index
from cvfs.snapshot.layout import lay_out
from cvfs.snapshot.placing import Part, place_outs
from cvfs.snapshot.scan import Metafile
from cvfs.snapshot.segment import Segment
from cvfs.snapshot.segment_writer import build_segment


def md5_of(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogatepass")).hexdigest()


def recorded(text: str, size: int | None = 1, **more: object) -> Recorded:
    return Recorded(**{"md5": md5_of(text), "size": size, "remote": "up", "version_id": f"v-{text}", **more})  # type: ignore[arg-type]


def directory_out(path: str, files: Iterable[str], number: int = 0, line: int = 1) -> list[Record]:
    """A directory out whose files have their own relpath as content, one line each, from the line after the out's."""
    records: list[Record] = [
        FileRecord(number, name, recorded(name, len(name)), line + 1 + index) for index, name in enumerate(files)
    ]
    return [*records, out_record(path, Kind.DIRECTORY, Recorded(), number, line)]


def file_out(path: str, number: int = 0, line: int = 1, **more: object) -> list[Record]:
    return [out_record(path, Kind.FILE, recorded(path, len(path), **more), number, line)]


def unlisted_out(path: str, number: int = 0, line: int = 1) -> list[Record]:
    return [out_record(path, Kind.UNLISTED, Recorded(md5=md5_of(path) + ".dir"), number, line)]


def out_record(
    path: str,
    kind: Kind,
    own: Recorded,
    number: int = 0,
    line: int = 1,
    *,
    legacy: bool = False,
    source: Source = Source.REMOTE,
    remote: str | None = None,
) -> OutRecord:
    return OutRecord(number, path, kind, own, legacy, source, remote, line)


def make_segment(directory: Path, *metafiles: Sequence[Record]) -> Segment:
    path = directory / f"{len(list(directory.iterdir()))}.segment"
    build_segment(str(path), metafiles)
    segment = Segment.open(str(path))
    assert segment is not None
    return segment


def make_snapshot(directory: Path, metafiles: Mapping[str, Sequence[Record]], roots: Sequence[str] = ("",)) -> Snapshot:
    """Make the snapshot of a commit with these metafiles, a segment each. ``roots``: the innermost one last."""
    parts = []
    for path, records in metafiles.items():
        root = [root for root in roots if not root or path.startswith(f"{root}/")][-1]
        parts.append(Part(make_segment(directory, records), [(path, Metafile(path, "0" * 40, None, root))]))
    problems: list[Problem] = []
    layout = lay_out(parts, place_outs(parts, problems), problems)
    path = str(directory / "the.commit")
    write_commit_index(path, parts, layout, problems, None)
    index = CommitIndex.open(path)
    assert index is not None
    return Snapshot(Commit("c" * 40, 7), index, [part.segment for part in parts], roots, {})


@dataclass(frozen=True)
class Shown:
    """What a walk through a snapshot found: all nodes by path."""

    nodes: Mapping[bytes, Node]

    @property
    def files(self) -> dict[str, int | None]:
        return {
            path.decode("utf-8", "surrogateescape"): node.size
            for path, node in self.nodes.items()
            if node.kind is Kind.FILE
        }

    @property
    def directories(self) -> set[str]:
        return {
            path.decode("utf-8", "surrogateescape") for path, node in self.nodes.items() if node.kind is not Kind.FILE
        }


def walk(snapshot: Snapshot) -> Shown:
    """Walk through everything, and hold every way of asking against every other."""
    top = snapshot.node(ROOT_INO)
    assert top == snapshot.resolve(b"") == snapshot.resolve(b"/")
    assert top is not None
    assert (top.parent, top.name, top.kind, snapshot.path(ROOT_INO)) == (ROOT_INO, b"", Kind.DIRECTORY, b"")
    nodes = {b"": top}
    todo = [b""]
    while todo:
        path = todo.pop()
        ino = nodes[path].ino
        names = []
        for _, node in snapshot.children(ino):
            below = path + b"/" + node.name if path else node.name
            assert node == snapshot.node(node.ino) == snapshot.lookup(ino, node.name) == snapshot.resolve(below)
            assert node.parent == ino
            assert snapshot.path(node.ino) == below
            names.append(node.name)
            nodes[below] = node
            if node.kind is Kind.DIRECTORY:
                todo.append(below)
            else:
                assert snapshot.lookup(node.ino, b"x") is None or node.kind is Kind.UNLISTED
        assert names == sorted(set(names))
    assert len({node.ino for node in nodes.values()}) == len(nodes)
    return Shown(nodes)
