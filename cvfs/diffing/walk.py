"""Walks through two trees side by side and yields where they differ. Holds the names of no directory in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cvfs.diffing.trees import Branch, Leaf, MemoryBranch
from cvfs.model import Kind
from cvfs.workspace.dvc_cache import CachedFile, listing_md5

Entry = Leaf | Branch

#: Gives the files of the directory that an UNLISTED leaf stands for, None if no cache has its listing.
Listings = Callable[[Leaf], Sequence[CachedFile] | None]

#: A path, and what each tree has there.
Difference = tuple[bytes, Leaf | None, Leaf | None]

#: What one name of two directories comes to: differences at the name itself, and the directories to go on in.
_Step = tuple[list[Difference], Branch | None, Branch | None]


def meets(path: bytes, within: Sequence[bytes]) -> bool:
    """Tell whether a path is one of ``within``, or below or above one; without any, all are."""
    return not within or any(
        path == wanted or path.startswith(wanted + b"/") or wanted.startswith(path + b"/") for wanted in within
    )


@dataclass(frozen=True, slots=True)
class Walk:
    """One comparison. ``within`` are the paths that are looked at; none stands for everything."""

    within: Sequence[bytes]
    listings: Listings

    def differences(self, old: Branch, new: Branch) -> Iterator[Difference]:
        """Yield each file that differs, or that only one tree has; directories where nothing more is known."""
        if old.surely_equals(new):
            return
        waiting = [(b"", _side_by_side(old, new))]
        while waiting:
            above, names = waiting[-1]
            step = next(names, None)
            if step is None:
                waiting.pop()
                continue
            name, mine, theirs = step
            path = above + name
            if not meets(path, self.within):
                continue
            found, mine, theirs = self._step(path, mine, theirs)
            yield from found
            if mine is not None or theirs is not None:
                waiting.append((path + b"/", _side_by_side(mine, theirs)))

    def _step(self, path: bytes, mine: Entry | None, theirs: Entry | None) -> _Step:
        if _is_directory(mine) and _is_directory(theirs):
            assert mine is not None
            assert theirs is not None
            return self._directories(path, mine, theirs)
        if isinstance(mine, Leaf) and isinstance(theirs, Leaf) and mine.kind is theirs.kind:
            return ([] if _is_same_file(mine, theirs) else [(path, mine, theirs)]), None, None
        # Only one tree has the name, or the name has become something else: then that is two differences.
        found: list[Difference] = []
        old, new = self._open(mine), self._open(theirs)
        if isinstance(old, Leaf):
            found.append((path, old, None))
            old = None
        if isinstance(new, Leaf):
            found.append((path, None, new))
            new = None
        return found, old, new

    def _directories(self, path: bytes, mine: Entry, theirs: Entry) -> _Step:
        if _is_same_directory(mine, theirs):
            return [], None, None
        old, new = self._open(mine), self._open(theirs)
        if isinstance(old, Leaf) or isinstance(new, Leaf):
            # The files of one are not known: they differ in something.
            return [(path, _as_leaf(mine), _as_leaf(theirs))], None, None
        return [], old, new

    def _open(self, entry: Entry | None) -> Entry | None:
        """Put a directory in the place of a hash, if a cache has the listing behind it."""
        if not isinstance(entry, Leaf) or entry.kind is not Kind.UNLISTED:
            return entry
        files = self.listings(entry)
        if files is None:
            return entry
        branch = MemoryBranch()
        for file in files:
            branch.put(file.relpath, Leaf(Kind.FILE, None, file.md5, entry.legacy, entry.root))
        return branch


def _is_directory(entry: Entry | None) -> bool:
    return entry is not None and (not isinstance(entry, Leaf) or entry.kind is Kind.UNLISTED)


def _side_by_side(old: Branch | None, new: Branch | None) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """Yield every name of two directories with what it is in each."""
    olds, news = (iter(()) if branch is None else branch.entries() for branch in (old, new))
    mine, theirs = next(olds, None), next(news, None)
    while mine is not None or theirs is not None:
        if theirs is None or (mine is not None and mine[0] < theirs[0]):
            assert mine is not None
            yield mine[0], mine[1], None
            mine = next(olds, None)
        elif mine is None or theirs[0] < mine[0]:
            yield theirs[0], None, theirs[1]
            theirs = next(news, None)
        else:
            yield mine[0], mine[1], theirs[1]
            mine, theirs = next(olds, None), next(news, None)


def _is_same_file(mine: Leaf, theirs: Leaf) -> bool:
    """Tell whether two files have the same content, as far as what is recorded can tell."""
    if mine.md5 is not None and theirs.md5 is not None:
        if mine.legacy == theirs.legacy:
            return mine.md5 == theirs.md5
        if mine.md5 == theirs.md5:
            # A legacy hash is that of other bytes if line ends were changed, and then the size gives it away.
            return mine.size == theirs.size
    if mine.version_id is not None and theirs.version_id is not None:
        return mine.version_id == theirs.version_id
    return mine.etag is not None and (mine.etag, mine.size) == (theirs.etag, theirs.size)


def _is_same_directory(mine: Entry, theirs: Entry) -> bool:
    """Tell whether two directories are equal, as far as that is known without going through both."""
    if isinstance(mine, Leaf) and isinstance(theirs, Leaf):
        return mine.md5 is not None and mine.md5 == theirs.md5
    if isinstance(mine, Leaf):
        return not isinstance(theirs, Leaf) and _has_listing(theirs, mine)
    if isinstance(theirs, Leaf):
        return _has_listing(mine, theirs)
    return mine.surely_equals(theirs)


def _has_listing(branch: Branch, unlisted: Leaf) -> bool:
    """Tell whether the listing of a directory has the hash that another one is known by."""
    files = _files(branch)
    hashes = [(path, leaf.md5) for path, leaf in files if leaf.md5 is not None and leaf.legacy == unlisted.legacy]
    return len(hashes) == len(files) and listing_md5(hashes) == unlisted.md5


def _as_leaf(entry: Entry) -> Leaf:
    """Return what stands for a whole directory."""
    if isinstance(entry, Leaf):
        return entry
    sizes = [leaf.size for _, leaf in _files(entry)]
    known = [size for size in sizes if size is not None]
    return Leaf(Kind.DIRECTORY, sum(known) if len(known) == len(sizes) else None, None)


def _files(top: Branch) -> list[tuple[str, Leaf]]:
    """List the files below a directory."""
    found: list[tuple[str, Leaf]] = []
    waiting: list[tuple[str, Branch]] = [("", top)]
    while waiting:
        above, branch = waiting.pop()
        for name, entry in branch.entries():
            path = above + name.decode("utf-8", "surrogateescape")
            if isinstance(entry, Leaf):
                found.append((path, entry))
            else:
                waiting.append((f"{path}/", entry))
    return found
