"""Which metafiles share a segment.

A large metafile has a segment of its own. Small ones are put together, because a commit may have a hundred thousand of
them, and a file and a descriptor for each would be too many. Where one group ends and the next begins is decided by the
metafiles themselves, not by counting: so a commit that changes one metafile changes one or two groups, and shares the
others with its parent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import Record
from cvfs.metafiles.stagefile import read_stages
from cvfs.snapshot.indexfile import FORMAT_VERSION
from cvfs.snapshot.scan import Metafile

#: Metafiles from this size in bytes (about a thousand files) have a segment of their own.
LARGE = 1 << 18

#: A group ends, on average, after this many metafiles.
GROUP = 256


@dataclass(frozen=True, slots=True)
class Group:
    """The metafiles of one segment. ``key`` names its file."""

    metafiles: tuple[Metafile, ...]

    @property
    def key(self) -> str:
        """Return the hash of all that the segment is made of."""
        parts = [(metafile.oid, metafile.stages, metafile.variables) for metafile in self.metafiles]
        return make_key("segment", parts)

    @property
    def files(self) -> list[tuple[str, Metafile]]:
        """Return path and metafile of every file that the segment was read from, in the order of their numbers."""
        files = []
        for metafile in self.metafiles:
            if metafile.stages is not None:
                files.append((metafile.path.removesuffix(".lock") + ".yaml", metafile))
            files.append((metafile.path, metafile))
        return files

    @property
    def blobs(self) -> list[str]:
        """Return the blobs that ``records`` reads."""
        blobs = []
        for metafile in self.metafiles:
            blobs += [oid for _, oid in metafile.variables]
            blobs += [metafile.oid] if metafile.stages is None else [metafile.stages, metafile.oid]
        return blobs

    def records(self, blobs: Iterator[bytes]) -> Iterator[Sequence[Record] | Iterator[Record]]:
        """Yield the records of each of ``files``, reading their content from ``blobs`` one at a time."""
        for metafile in self.metafiles:
            if metafile.stages is None:
                yield read_dvc(next(blobs))
            else:
                variables = {name: next(blobs) for name, _ in metafile.variables}
                stages = read_stages(next(blobs), variables.get)
                yield stages.problems
                yield read_lock(next(blobs), stages)


def make_groups(metafiles: Sequence[Metafile], sizes: Mapping[str, int]) -> list[Group]:
    """Divide metafiles into groups. ``sizes`` has the size in bytes of every ``oid``."""
    groups = []
    small: list[Metafile] = []
    for metafile in metafiles:
        if sizes[metafile.oid] >= LARGE:
            groups.append(Group((metafile,)))
            continue
        small.append(metafile)
        if int(metafile.oid[-8:], 16) % GROUP == 0:
            groups.append(Group(tuple(small)))
            small = []
    if small:
        groups.append(Group(tuple(small)))
    return groups


def make_key(what: str, parts: object) -> str:
    """Return a name for an index file that holds what was made of ``parts``."""
    return hashlib.sha256(json.dumps([what, FORMAT_VERSION, parts]).encode()).hexdigest()
