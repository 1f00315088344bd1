"""Compare an out with the work tree: file by file, by content, reading only what the stat cache does not know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from cvfs.errors import WorkspaceError
from cvfs.fetch.hashing import TextMd5
from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.tracking import TrackedOut
from cvfs.workspace.contents import contents_of
from cvfs.workspace.dvc_cache import DvcCache, listing_md5
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.hashing import Progress
from cvfs.workspace.scanning import Found, Scan, read_ignore_rules, scan_out
from cvfs.workspace.stat_cache import Known, StatCache

_PIECE = 1 << 20


class Status(Enum):
    """How a file of the work tree stands to its entry."""

    SAME = "same"
    CHANGED = "changed"
    NEW = "new"
    #: Recorded, and not in the work tree. That says nothing about whether somebody wanted it gone.
    ABSENT = "absent"
    UNREADABLE = "unreadable"

    @property
    def keeps_version(self) -> bool:
        """Tell whether a recorded version still is what the entry means."""
        return self in (Status.SAME, Status.ABSENT)


@dataclass(frozen=True, slots=True)
class Item:
    """One file of an out. ``relpath`` is '' for an out that is a file itself.

    ``line`` is that of the entry in the metafile, None where it has none (a new file, or one that only the listing of
    a ``.dir`` hash names). ``known`` is what the file of the work tree holds, ``problem`` why that is not known.
    """

    relpath: str
    status: Status
    recorded: Recorded | None = None
    line: int | None = None
    found: Found | None = None
    known: Known | None = None
    problem: WorkspaceError | None = None

    @property
    def is_pushed(self) -> bool:
        """Tell whether a version of the recorded content is recorded."""
        return self.recorded is not None and self.recorded.version_id not in (None, "", "null")


@dataclass(slots=True)
class Comparison:
    """An out and its files, sorted by relpath.

    ``scan`` is None where nothing is at the out's path. ``was_directory`` says what the metafile has, None where it
    records nothing yet. ``unlisted`` says that the out is known by a ``.dir`` hash whose listing is in no cache: then
    all files are NEW, and which ones are missing cannot be told.
    """

    out: TrackedOut
    scan: Scan | None
    was_directory: bool | None
    unlisted: bool = False
    items: list[Item] = field(default_factory=list)

    @property
    def is_other_kind(self) -> bool:
        """Tell whether a file has become a directory, or a directory a file."""
        return self.scan is not None and self.was_directory is not None and self.scan.is_directory != self.was_directory

    def dir_hash(self) -> str:
        """Return the hash that DVC gives a directory with the files of the work tree, with its ``.dir``."""
        files = ((item.relpath, item.known.md5) for item in self.items if item.known is not None)
        return f"{listing_md5(files)}.dir"

    def of(self, *statuses: Status) -> list[Item]:
        """Return the items with one of these statuses."""
        return [item for item in self.items if item.status in statuses]


@dataclass(frozen=True, slots=True)
class _Entry:
    recorded: Recorded
    line: int | None


def scan_tracked(directory: str, out: TrackedOut) -> Scan | None:
    """Find the files of an out. ``directory`` is the absolute path of its DVC root. Raises WorkspaceError. Blocking."""
    return scan_out(directory, out.key(), read_ignore_rules(directory, out.key()))


def compare(
    directory: str,
    out: TrackedOut,
    scan: Scan | None,
    cache: StatCache,
    dvc_cache: DvcCache,
    *,
    threads: int | None = None,
    progress: Progress = lambda _count: None,
    hashed: Callable[[str], None] = lambda _path: None,
) -> Comparison:
    """Compare what ``scan`` found of an out with what its metafile records. Blocking.

    ``directory`` is the absolute path of the DVC root. ``progress`` is called from other threads; ``hashed`` is
    told the path, below the root, of each file that had to be read.
    """
    entries, unlisted = _entries(out, dvc_cache)
    result = Comparison(out, scan, _was_directory(out), unlisted)
    if scan is not None:
        for found, outcome in contents_of(directory, scan, cache, threads=threads, progress=progress, hashed=hashed):
            entry = None if result.is_other_kind else entries.pop(found.relpath, None)
            path = os.path.join(directory, out.key(found.relpath))
            result.items.append(_item(path, found, outcome, entry, legacy=out.record.legacy))
    result.items += [
        Item(relpath, Status.ABSENT, entry.recorded, entry.line)
        for relpath, entry in entries.items()
        if relpath or scan is None
    ]
    result.items.sort(key=lambda item: item.relpath)
    return result


def recorded_files(out: TrackedOut, dvc_cache: DvcCache) -> dict[str, Recorded] | None:
    """Return what an out records, by relpath ('' for a file); None for a ``.dir`` hash without its listing."""
    entries, unlisted = _entries(out, dvc_cache)
    return None if unlisted else {relpath: entry.recorded for relpath, entry in entries.items()}


def _entries(out: TrackedOut, dvc_cache: DvcCache) -> tuple[dict[str, _Entry], bool]:
    record = out.record
    if record.kind is Kind.DIRECTORY:
        return {file.relpath: _Entry(file.recorded, file.line) for file in out.files}, False
    if record.kind is Kind.FILE:
        return ({"": _Entry(record.recorded, record.line)} if record.recorded.md5 else {}), False
    if not record.recorded.md5:
        return {}, False  # an empty list of files
    listed = dvc_cache.listing(record.recorded.md5, legacy=record.legacy)
    return {file.relpath: _Entry(Recorded(md5=file.md5), None) for file in listed or ()}, listed is None


def _was_directory(out: TrackedOut) -> bool | None:
    if out.record.kind is not Kind.FILE:
        return True
    return False if out.record.recorded.md5 else None


def _item(path: str, found: Found, outcome: Known | WorkspaceError, entry: _Entry | None, *, legacy: bool) -> Item:
    recorded, line = (None, None) if entry is None else (entry.recorded, entry.line)
    if isinstance(outcome, WorkspaceError):
        return Item(found.relpath, Status.UNREADABLE, recorded, line, found, problem=outcome)
    if recorded is None:
        return Item(found.relpath, Status.NEW, None, None, found, outcome)
    same = outcome.md5 == recorded.md5 or (legacy and recorded.md5 is not None and _is_text_of(path, recorded.md5))
    return Item(found.relpath, Status.SAME if same else Status.CHANGED, recorded, line, found, outcome)


def _is_text_of(path: str, md5: str) -> bool:
    """Tell whether a file has the legacy hash ``md5``: that of its bytes after CRLF became LF."""
    digest = TextMd5()
    try:
        with open(to_bytes(path), "rb") as file:
            while data := file.read(_PIECE):
                digest.update(data)
    except OSError:
        return False
    return digest.matches(md5)


def sizes(items: Iterable[Item]) -> int:
    """Add up the bytes of files in the work tree."""
    return sum(item.found.state.size for item in items if item.found is not None)
