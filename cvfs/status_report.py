"""What ``cvfs status`` has to say, as values: every path, and the same in fewer words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from cvfs.metafiles.records import Recorded


class State(Enum):
    """What there is to say of a path."""

    #: A metafile, or an entry in it, that cannot be used.
    PROBLEM = "problem"
    #: A file that cannot be read or recorded.
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    NEW = "new"
    #: Here as it is recorded, but no version of it is.
    NOT_PUSHED = "not_pushed"
    #: Recorded and pushed; it was here, and is gone.
    DELETED = "deleted"
    #: Recorded and pushed, and never was in this clone.
    MISSING = "missing"
    #: Recorded, neither here nor pushed.
    LOST = "lost"
    #: Not here, and to be had from where it was imported.
    NOT_IMPORTED = "not_imported"
    #: Pushed to a remote that is not configured, nor is any other that may have it.
    NO_REMOTE = "no_remote"
    #: A directory recorded by the hash of its listing alone, as DVC does it for remotes without versions.
    HASH_ONLY = "hash_only"
    #: A metafile that differs from the last commit.
    UNCOMMITTED = "uncommitted"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path and what is the matter with it. Paths are below the top of the work tree.

    ``size`` (bytes) and ``md5`` are those of the file in the work tree; ``recorded`` is what ``line`` of the metafile
    has. ``staged`` is for UNCOMMITTED alone: git's index has all of the change.
    """

    state: State
    path: str
    metafile: str | None = None
    out: str | None = None
    line: int | None = None
    size: int | None = None
    md5: str | None = None
    recorded: Recorded | None = None
    reason: str | None = None
    staged: bool | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One path, or a directory in which ``files`` files, and no others, have the same state."""

    state: State
    path: str
    files: int = 1
    size: int = 0
    is_directory: bool = False
    reason: str | None = None


@dataclass(slots=True)
class Report:
    """All that there is to say: ``entries`` in full, ``lines`` in brief. ``outs`` is how many outs were looked at."""

    entries: list[Entry] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    outs: int = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries that are a line each."""
        for entry in entries:
            self.entries.append(entry)
            self.lines.append(_own_line(entry))

    def add_files(self, out: str, entries: Sequence[tuple[str, Entry]], relpaths: Iterable[str]) -> None:
        """Add entries of files of one out, by relpath; ``relpaths`` are all files of the out, alike or not."""
        self.entries += [entry for _, entry in entries]
        self.lines += _summed_up(out, entries, relpaths)


def _summed_up(out: str, entries: Sequence[tuple[str, Entry]], relpaths: Iterable[str]) -> Iterator[Line]:
    """Yield a line for each topmost directory whose files are all in one state, and for each other file."""
    if not entries:
        return
    totals = Counter(directory for relpath in relpaths for directory in _above(relpath))
    alike = Counter((entry.state, directory) for relpath, entry in entries for directory in _above(relpath))
    sums: dict[tuple[State, str], list[int]] = {}
    for relpath, entry in entries:
        state = entry.state
        whole = (name for name in _above(relpath) if alike[state, name] == totals[name] > 1 and entry.reason is None)
        directory = next(whole, None)
        if directory is None:
            yield _own_line(entry)
            continue
        counted = sums.setdefault((state, directory), [0, 0])
        counted[0] += 1
        counted[1] += _size(entry)
    for (state, directory), (files, size) in sums.items():
        yield Line(state, f"{out}/{directory}" if directory else out, files, size, is_directory=True)


def _above(relpath: str) -> Iterator[str]:
    """Yield the directories above a file, the out itself ('') first."""
    if relpath:
        yield ""
    at = relpath.find("/")
    while at >= 0:
        yield relpath[:at]
        at = relpath.find("/", at + 1)


def _own_line(entry: Entry) -> Line:
    path = entry.path if entry.line is None or entry.state is not State.PROBLEM else f"{entry.path}:{entry.line}"
    return Line(entry.state, path, 1, _size(entry), reason=entry.reason)


def _size(entry: Entry) -> int:
    if entry.size is not None:
        return entry.size
    return (entry.recorded and entry.recorded.size) or 0
