"""Remembers the md5 of files by their state, so that an unchanged file is never read again.

The problem that git calls "racy": a file that is written twice within one tick of the clock has the same state before
and after the second write. So an entry counts only if the file was last touched clearly before its hashing began;
younger files are hashed again the next time. The time is taken from the file system itself, since a server's clock
differs from ours.

Nothing here is worth a failed command: a database that cannot be used is an empty one, and a damaged one is replaced.
Every row has a checksum, so that no damage of whatever kind can pass for an md5.

Threading: every method may be called from any thread and any number of processes. Blocking (local disk).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeVar

from cvfs.workspace.file_state import FileState, to_bytes

_log = logging.getLogger(__name__)

T = TypeVar("T")

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    inode INTEGER NOT NULL, md5 TEXT NOT NULL, isexec INTEGER NOT NULL, sure INTEGER NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID
"""
#: What says that the file is no such database. Anything else (locked, full, read-only) passes.
_DAMAGE = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH))
#: Others write in batches that take far less.
_PATIENCE_S = 10.0

_SECOND_NS = 1_000_000_000
#: Kernels stamp files with a clock that ticks every 1 to 10 ms; ten ticks are on the safe side.
_FINE_TICK_NS = 100_000_000
#: FAT counts in steps of two seconds, older network file systems in steps of one.
_COARSE_TICK_NS = 2 * _SECOND_NS


@dataclass(frozen=True, slots=True)
class Known:
    """What a file holds: the md5 of its bytes in hex, and whether it may be executed."""

    md5: str
    isexec: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """What hashing found out about one file. ``path`` is relative to the DVC root."""

    path: str
    state: FileState
    known: Known


class StatCache:
    """The remembered files of one clone, in a SQLite file at ``path``, whose directory is made if it is missing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._complained = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def moment(self) -> int:
        """Return the time by the clock that stamps files, in nanoseconds since 1970. Ask before hashing begins."""
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with tempfile.TemporaryFile(dir=os.path.dirname(self._path)) as probe:
                probe.write(b"\0")
                probe.flush()
                return os.fstat(probe.fileno()).st_mtime_ns
        except OSError:
            return time.time_ns()

    def lookup(self, path: str, state: FileState) -> Known | None:
        """Return what the file holds if its state is exactly that at a hashing that counts; else None."""

        def query(database: sqlite3.Connection) -> Known | None:
            row = _select(database, path)
            if row is None or not row.sure or row.observation.state != state:
                return None
            return row.observation.known

        return self._run(query, None)

    def known(self, path: str, md5: str | None = None) -> bool:
        """Tell whether this clone has had the file (``md5``: with that content last) and not forgotten it since."""

        def query(database: sqlite3.Connection) -> bool:
            row = _select(database, path)
            return row is not None and md5 in (None, row.observation.known.md5)

        return self._run(query, False)

    def record(self, observations: Iterable[Observation], moment: int) -> None:
        """Remember what files hold, in one transaction.

        ``moment`` is that before the hashing began; for files that cvfs itself placed, whose bytes nobody else could
        write to under their temporary names, that after the last one got its name.
        """
        rows = [_Row(observation, _is_sure(observation.state, moment)).values() for observation in observations]

        def change(database: sqlite3.Connection) -> None:
            _transaction(database, "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

        self._run(change, None)

    def forget(self, paths: Iterable[str]) -> None:
        """Drop files: their removal was recorded, or cvfs itself took them away."""
        rows: list[tuple[object, ...]] = [(to_bytes(path),) for path in paths]
        self._run(lambda database: _transaction(database, "DELETE FROM files WHERE path = ?", rows), None)

    def close(self) -> None:
        """Close the database; a later call opens it again."""
        with self._lock:
            self._disconnect()

    def _run(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._lock:
            try:
                return action(self._connected())
            except (sqlite3.Error, OSError) as error:
                self._disconnect()
                if not self._replaced(error):
                    return otherwise
            try:
                return action(self._connected())
            except (sqlite3.Error, OSError) as error:
                self._disconnect()
                self._complain(error)
                return otherwise

    def _connected(self) -> sqlite3.Connection:
        if self._database is None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
            self._database = database
            version = database.execute("PRAGMA user_version").fetchone()[0]
            # After a power cut the checksums find what was not written in full.
            database.execute("PRAGMA synchronous = OFF")
            if version not in (0, _VERSION):
                raise sqlite3.DataError(f"format {version} is not known")
            if version == 0:
                database.execute(_SCHEMA)
                database.execute(f"PRAGMA user_version = {_VERSION}")
        return self._database

    def _replaced(self, error: Exception) -> bool:
        """Put an empty database in the place of one that is damaged, and tell whether that is what it was."""
        damaged = isinstance(error, sqlite3.DataError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
        if not damaged:
            self._complain(error)
            return False
        try:
            for leftover in (self._path, f"{self._path}-journal"):
                with suppress(FileNotFoundError):
                    os.unlink(leftover)
        except OSError as second:
            self._complain(second)
            return False
        _log.warning("%s was damaged (%s); starting anew: files will be hashed again", self._path, error)
        return True

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            _log.warning("%s cannot be used: %s; files will be hashed every time", self._path, error)
        self._complained = True

    def _disconnect(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
        self._database = None


@dataclass(frozen=True, slots=True)
class _Row:
    observation: Observation
    sure: bool

    def values(self) -> tuple[object, ...]:
        """Return the columns, the last of which is the checksum of the others."""
        state, known = self.observation.state, self.observation.known
        # SQLite's integers have a sign, inodes have none.
        inode = state.inode if state.inode < 1 << 63 else state.inode - (1 << 64)
        columns = (
            to_bytes(self.observation.path), state.size, state.mtime_ns, state.ctime_ns, inode,
            known.md5, int(known.isexec), int(self.sure),
        )  # fmt: skip
        return (*columns, zlib.crc32(repr(columns).encode()))


def _select(database: sqlite3.Connection, path: str) -> _Row | None:
    found = database.execute("SELECT * FROM files WHERE path = ?", (to_bytes(path),)).fetchone()
    if found is None:
        return None
    _, size, mtime, ctime, inode, md5, isexec, sure, crc = found
    if zlib.crc32(repr(found[:-1]).encode()) != crc:
        return None
    state = FileState(size, mtime, ctime, inode if inode >= 0 else inode + (1 << 64))
    return _Row(Observation(path, state, Known(md5, bool(isexec))), bool(sure))


def _transaction(database: sqlite3.Connection, statement: str, rows: list[tuple[object, ...]]) -> None:
    if not rows:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(statement, rows)
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _is_sure(state: FileState, moment: int) -> bool:
    """Tell whether a write after ``moment`` would have left another state."""
    # Nobody can set ctime: if it is a whole second, the file system counts in nothing smaller.
    tick = _COARSE_TICK_NS if state.ctime_ns % _SECOND_NS == 0 else _FINE_TICK_NS
    return max(state.mtime_ns, state.ctime_ns) + tick <= moment
