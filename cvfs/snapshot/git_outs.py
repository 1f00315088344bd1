"""Outs with ``cache: false``: DVC leaves their content to Git, so they are there as far as the commit has them."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cvfs.git import Repository, TreeEntry
from cvfs.metafiles.records import FileRecord, OutRecord, Record, Recorded, Source
from cvfs.model import Kind
from cvfs.snapshot.placing import PlacedOut
from cvfs.snapshot.segment import Segment


def path_of(placed: PlacedOut) -> str:
    """Return the path of an out as git knows it."""
    return b"/".join(placed.path).decode("utf-8", "surrogateescape")


def tracked_files(repository: Repository, commit: str, outs: Sequence[str]) -> dict[str, list[TreeEntry]]:
    """Return the files that the commit has at or below each path of ``outs``. Symbolic links are left out."""
    found: dict[str, list[TreeEntry]] = {out: [] for out in sorted(outs)}
    if not found:
        return {}
    for entry in repository.tree(commit, list(found)):
        if not stat.S_ISREG(entry.mode):
            continue
        path = entry.path
        while path:
            if path in found:
                found[path].append(entry)
            path = path.rpartition("/")[0]
    return {out: entries for out, entries in found.items() if entries}


def git_records(tracked: Mapping[str, Sequence[TreeEntry]], sizes: Mapping[str, int]) -> Iterator[Record]:
    """Yield records as if a metafile at the top had these outs; the version id of each file is its blob's id."""
    for number, (out, entries) in enumerate(tracked.items()):
        own = Recorded()
        kind = Kind.DIRECTORY
        for entry in entries:
            recorded = Recorded(size=sizes[entry.oid], isexec=bool(entry.mode & 0o100), version_id=entry.oid)
            if entry.path == out:
                own, kind = recorded, Kind.FILE
            else:
                yield FileRecord(number, entry.path[len(out) + 1 :], recorded, line=0)
        yield OutRecord(number, out, kind, own, legacy=False, source=Source.GIT, remote=None, line=0)


def tracked_outs(outs: Sequence[PlacedOut], segment: Segment, part: int) -> list[PlacedOut]:
    """Return those of ``outs`` that Git tracks, with their content from ``segment``, made of ``git_records``."""
    numbers = {out.path: number for number, out in enumerate(segment.outs())}
    tracked = []
    for placed in outs:
        number = numbers.get(b"/".join(placed.path))
        if number is not None:
            out = replace(segment.out(number), line=placed.out.line)
            tracked.append(PlacedOut(placed.path, part, number, placed.metafile, out))
    return tracked
