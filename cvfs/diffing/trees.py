"""What is compared: trees of names with the hashes of their contents, whether from a commit or from the work tree.

What Git itself holds (``cache: false``) is in none of them: ``git diff`` shows that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cvfs.metafiles.records import Recorded, Source
from cvfs.model import Kind
from cvfs.snapshot import Snapshot, Terms
from cvfs.snapshot.commit_index import ROOT_INO


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path: a file, or (UNLISTED) a directory of which only the md5 of its listing is known.

    A DIRECTORY stands for one that cannot be compared file by file; its size is that of all its files. ``legacy`` says
    that the md5 is a "md5-dos2unix". ``root`` is the DVC root. ``version_id`` and ``etag`` are as recorded.
    """

    kind: Kind
    size: int | None
    md5: str | None
    legacy: bool = False
    root: str = ""
    version_id: str | None = None
    etag: str | None = None


def leaf_of(kind: Kind, recorded: Recorded, terms: Terms) -> Leaf:
    """Make the leaf of what a metafile has."""
    md5 = recorded.md5.removesuffix(".dir") if recorded.md5 else None
    size = None if kind is Kind.UNLISTED else recorded.size
    return Leaf(kind, size, md5, terms.legacy, terms.root, recorded.version_id, recorded.etag)


class Branch(Protocol):
    """A directory whose entries are known."""

    def entries(self) -> Iterator[tuple[bytes, Leaf | Branch]]:
        """Yield what is in it, in the order of the names' bytes."""

    def surely_equals(self, other: Branch) -> bool:
        """Tell whether both are found to be equal, with all that is below, at little cost. False says nothing."""


@dataclass(frozen=True, slots=True)
class SnapshotBranch:
    """A directory of a commit. ``terms`` are those of its out, None above the outs. Nothing is kept in memory."""

    snapshot: Snapshot
    ino: int = ROOT_INO
    terms: Terms | None = None

    def entries(self) -> Iterator[tuple[bytes, Leaf | Branch]]:
        """Yield names and what they stand for, as they are read from the index."""
        for _, node in self.snapshot.children(self.ino):
            terms = self.terms or self.snapshot.terms(node.ino)
            if terms is not None and terms.source is Source.GIT:
                continue
            if node.kind is Kind.DIRECTORY:
                yield node.name, SnapshotBranch(self.snapshot, node.ino, terms)
            else:
                assert terms is not None
                yield node.name, leaf_of(node.kind, self.snapshot.recorded(node.ino), terms)

    def surely_equals(self, other: Branch) -> bool:
        """Ask the index."""
        return isinstance(other, SnapshotBranch) and self.snapshot.surely_equals(self.ino, other.snapshot, other.ino)


@dataclass(slots=True)
class MemoryBranch:
    """A directory in memory."""

    names: dict[bytes, Leaf | MemoryBranch] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[bytes, Leaf | Branch]]:
        """Yield names and what they stand for."""
        yield from sorted(self.names.items())

    def surely_equals(self, other: Branch) -> bool:  # noqa: ARG002 - the protocol's
        """Find out nothing."""
        return False

    def put(self, path: str, leaf: Leaf) -> None:
        """Add a path. What would lie below a file, or in the place of a directory, is left out, as in a commit."""
        found = self._above(path)
        if found is not None and not isinstance(found[0].names.get(found[1]), MemoryBranch):
            found[0].names[found[1]] = leaf

    def clear(self, path: str) -> None:
        """Take away what is at a path, and all below it."""
        found = self._above(path)
        if found is not None:
            found[0].names.pop(found[1], None)

    def _above(self, path: str) -> tuple[MemoryBranch, bytes] | None:
        """Return the directory of a path, made if need be, and the last name; None where a file is in the way."""
        *above, name = path.encode("utf-8", "surrogateescape").split(b"/")
        branch = self
        for component in above:
            below = branch.names.setdefault(component, MemoryBranch())
            if isinstance(below, Leaf):
                return None
            branch = below
        return branch, name


def has_path(top: Branch, components: Sequence[bytes]) -> bool:
    """Tell whether a tree has, or could have below an unknown listing, something at a path."""
    found: Leaf | Branch | None = top
    for component in components:
        if found is None or isinstance(found, Leaf):
            break
        found = next((entry for name, entry in found.entries() if name == component), None)
    else:
        return found is not None
    return isinstance(found, Leaf) and found.kind is Kind.UNLISTED
