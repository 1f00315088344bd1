"""Takes in the records of metafiles and hands them back sorted, without holding them in memory.

SQLite's private temporary database (on disk, gone when closed) does the sorting. In memory are the directories and the
outs only. Every name is checked here: what could do harm in a mount is refused, entry by entry.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from cvfs.metafiles.names import check_relpath
from cvfs.metafiles.records import FileRecord, OutRecord, Record, Recorded, Refusal
from cvfs.model import Kind
from cvfs.snapshot.segment import ETAG_IS_MD5, EXECUTABLE, HAS_MD5, NO_SIZE

#: Refusals kept for one metafile: enough to see what is wrong with it, few enough that a hostile one takes no memory.
REFUSALS_KEPT = 1000

#: What the sorter may hold in memory, in KiB.
SORTER_CACHE = 16 << 10

#: Lengths and numbers that a row has two bytes for.
SHORT_MAX = 0xFFFF

#: Flags, size, md5, number of the remote's name, version id, etag: a row's fields that come from the metafile.
Details = tuple[int, int, bytes, int, bytes, bytes]

#: Directory, name, the directory that the name stands for or NO_CHILD, the details, line.
Entry = tuple[int, bytes, int, int, int, bytes, int, bytes, bytes, int]

_COLUMNS = "directory, name, child, flags, size, md5, remote, version, etag, line"

NO_CHILD = -1


def safe_components(relpath: str) -> list[str]:
    """Split a path from a metafile, after making sure that it can do no harm in a mount. ValueError says why it could.

    DVC never records ``.git``. In a mount it would be a repository to every program that looks for one, and git runs
    what a repository's configuration says.
    """
    components = check_relpath(relpath)
    if ".git" in components:
        raise ValueError("the path holds '.git', which DVC never records and programs would take for a repository")
    return components


@dataclass(slots=True)
class TakenOut:
    """An out as far as it has been read. Without ``record`` the metafile ended before it, and its files are dropped."""

    metafile: int
    directory: int | None = None
    record: OutRecord | None = None
    details: Details | None = None
    remote: int = 0


@dataclass(slots=True)
class Refusals:
    """What is refused, with metafile, line and reason: at most so much per metafile."""

    kept: list[tuple[int, int | None, str]] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, metafile: int, line: int | None, reason: str) -> None:
        """Take one in."""
        count = self.counts[metafile] = self.counts.get(metafile, 0) + 1
        if count <= REFUSALS_KEPT:
            self.kept.append((metafile, line, reason))

    def result(self) -> list[tuple[int, int | None, str]]:
        """Return them by metafile and line."""
        more = [
            (metafile, None, f"{count - REFUSALS_KEPT} more entries are refused")
            for metafile, count in self.counts.items()
            if count > REFUSALS_KEPT
        ]
        return sorted(self.kept, key=lambda refusal: (refusal[0], refusal[1] or 0)) + more


class Intake:
    """Sorts entries. Directories have numbers, and one has a smaller number than all that lie below it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{SORTER_CACHE}"):
            database.execute(f"PRAGMA {setting}")
        database.execute(f"CREATE TABLE entry ({_COLUMNS})")
        self._metafiles = 0
        self._outs_by_number: dict[int, int] = {}
        self._directories: dict[tuple[int, str], int] = {}
        self.outs: list[TakenOut] = []
        self.remotes: dict[str, int] = {}
        self.refusals = Refusals()
        #: By directory, the out (an index of ``outs``) that it is a part of.
        self.out_of = array("Q")

    def entries(self) -> Iterator[Entry]:
        """Yield all entries by directory and name; equal names in the order in which they were taken in."""
        return self._database.execute(f"SELECT {_COLUMNS} FROM entry ORDER BY directory, name, rowid")  # noqa: S608

    def add(self, records: Iterable[Record]) -> None:
        """Take in one metafile."""
        self._outs_by_number = {}
        self._directories = {}
        entries = chain.from_iterable(map(self._take, records))
        self._database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", entries)
        self._metafiles += 1

    def _take(self, record: Record) -> Iterable[Entry]:
        if isinstance(record, Refusal):
            self.refusals.add(self._metafiles, record.line, record.reason)
            return ()
        try:
            return self._take_file(record) if isinstance(record, FileRecord) else self._take_out(record)
        except ValueError as error:
            what = record.relpath if isinstance(record, FileRecord) else record.path
            self.refusals.add(self._metafiles, record.line, f"{what!r} is refused: {error}")
            return ()

    def _take_out(self, record: OutRecord) -> Iterable[Entry]:
        record.path.encode("utf-8", "surrogateescape")
        details = self._details(record.kind, record.recorded)
        remote = self._remote(record.remote)
        out = self.outs[self._out(record.out)]
        out.record, out.details, out.remote = record, details, remote
        return ()

    def _take_file(self, record: FileRecord) -> Iterable[Entry]:
        above, _, name = record.relpath.rpartition("/")
        directory = self._directories.get((record.out, above))
        new: list[Entry] = []
        details = self._details(Kind.FILE, record.recorded)
        if directory is None or not name:
            components = safe_components(record.relpath)
            directory = self._make_directories(record.out, components[:-1], record.line, new)
        else:
            safe_components(name)
        new.append((directory, name.encode("utf-8", "surrogateescape"), NO_CHILD, *details, record.line))
        return new

    def _make_directories(self, out: int, components: list[str], line: int, new: list[Entry]) -> int:
        """Return the directory of a file, after adding to ``new`` those above it that are met for the first time."""
        path = ""
        directory = self._directories.get((out, path))
        if directory is None:
            directory = self._new_directory(out, path)
            self.outs[self._out(out)].directory = directory
        for component in components:
            path = f"{path}/{component}" if path else component
            child = self._directories.get((out, path))
            if child is None:
                child = self._new_directory(out, path)
                name = component.encode("utf-8", "surrogateescape")
                new.append((directory, name, child, Kind.DIRECTORY, NO_SIZE, b"", 0, b"", b"", line))
            directory = child
        return directory

    def _new_directory(self, out: int, path: str) -> int:
        directory = self._directories[out, path] = len(self.out_of)
        self.out_of.append(self._out(out))
        return directory

    def _out(self, number: int) -> int:
        index = self._outs_by_number.get(number)
        if index is None:
            index = self._outs_by_number[number] = len(self.outs)
            self.outs.append(TakenOut(self._metafiles))
        return index

    def _details(self, kind: Kind, recorded: Recorded) -> Details:
        digest = (recorded.md5 or "").removesuffix(".dir")
        flags = kind | (EXECUTABLE if recorded.isexec else 0) | (HAS_MD5 if digest else 0)
        version = (recorded.version_id or "").encode("utf-8", "surrogatepass")
        etag = (recorded.etag or "").encode("utf-8", "surrogatepass")
        if digest and recorded.etag == digest:
            flags, etag = flags | ETAG_IS_MD5, b""
        if max(len(version), len(etag)) > SHORT_MAX:
            raise ValueError("its version id or etag is too long")
        size = NO_SIZE if recorded.size is None else recorded.size
        return flags, size, bytes.fromhex(digest), self._remote(recorded.remote), version, etag

    def _remote(self, name: str | None) -> int:
        if name is None:
            return 0
        number = self.remotes.setdefault(name, len(self.remotes) + 1)
        if number > SHORT_MAX:
            raise ValueError("too many different remotes are named")
        return number
