"""The SQLite file of a cache: opened at first use, and replaced by an empty one when it turns out damaged.

A replacement gets the next number, never the same name: when another process that still has the old one open closes it,
SQLite removes ``-wal`` files by name.

Threading: every method may be called from any thread. Each reader has a connection of its own and, in WAL mode, never
waits for a writer.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from cvfs.cache.directory import Layout, create_private, exclusive
from cvfs.cache.volume import is_network
from cvfs.errors import CacheError

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: How long a writer waits for other processes' commits; each takes milliseconds. A reader gives up sooner, since a miss
#: costs it one download and it may be answering the kernel.
_WRITER_PATIENCE = 10.0
_READER_PATIENCE = 0.25

#: Not signs of damage: another process holds the lock, or the volume is full.
_TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT}

#: What a damaged file, or none, makes SQLite's module raise; ValueError, when the damage is in a message it decodes.
_UNUSABLE = (sqlite3.Error, OSError, ValueError)

_SCHEMA = """
CREATE TABLE packs (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, used INTEGER NOT NULL);
CREATE INDEX packs_used ON packs (used);
CREATE TABLE objects (key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX objects_used ON objects (used);
CREATE TABLE entries (
    key TEXT PRIMARY KEY, pack INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, crc INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX entries_pack ON entries (pack);
CREATE TABLE total (bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0);
"""
#: Keep the sum of all sizes in one row, so that asking for it costs the same however much is cached.
_SUM = """
CREATE TRIGGER {0}_in AFTER INSERT ON {0} BEGIN UPDATE total SET bytes = bytes + new.bytes; END;
CREATE TRIGGER {0}_up AFTER UPDATE OF bytes ON {0} BEGIN UPDATE total SET bytes = bytes + new.bytes - old.bytes; END;
CREATE TRIGGER {0}_out AFTER DELETE ON {0} BEGIN UPDATE total SET bytes = bytes - old.bytes; END;
"""
_VERSION = 1


class _Generation:
    """One numbered database file, and connections to it that nobody is using."""

    def __init__(self, number: int) -> None:
        self.number = number
        #: Taken from and added to by single operations, which need no lock.
        self.idle: list[sqlite3.Connection] = []

    def close_idle(self) -> None:
        """Close the connections that nobody is using."""
        while self.idle:
            with suppress(IndexError, sqlite3.Error):
                self.idle.pop().close()


class Database:
    """The current database of one cache directory."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._write_lock = threading.RLock()
        self._generation: _Generation | None = None
        self._writer: sqlite3.Connection | None = None
        self._broken = False

    def reading(self, query: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Run queries; give ``otherwise`` where the database cannot be read, now or at all."""
        generation = self._generation
        try:
            generation = generation or self._open()
            try:
                database = generation.idle.pop()
            except IndexError:
                database = self._connect(generation, _READER_PATIENCE)
            try:
                return query(database)
            finally:
                generation.idle.append(database)
                if generation is not self._generation:
                    generation.close_idle()
        except _UNUSABLE as error:
            self._replace_if_damaged(error, generation)
            return otherwise

    def writing(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Run changes as one transaction, again if the first attempt found damage. Raises sqlite3.Error."""
        with self._write_lock:
            generation = self._generation
            try:
                generation = generation or self._open()
                self._transaction(generation, change)
            except _UNUSABLE as error:
                if not self._replace_if_damaged(error, generation) or self._generation is None:
                    raise sqlite3.OperationalError(str(error)) from error
                self._transaction(self._generation, change)

    def replace_if_gone(self) -> None:
        """Start anew if somebody deleted the database while it was open, which SQLite itself may not notice."""
        generation = self._generation
        if generation is not None and not os.path.exists(self._path(generation.number)):
            self._replace_if_damaged(FileNotFoundError("the database was deleted"), generation)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        with self._write_lock:
            self._leave()

    def _open(self) -> _Generation:
        with self._write_lock, exclusive(self._layout, "index"):
            if self._generation is None:
                self._generation = _Generation(max(self._numbers(), default=0) or self._make(1))
            return self._generation

    def _transaction(self, generation: _Generation, change: Callable[[sqlite3.Connection], object]) -> None:
        if self._writer is None:
            self._writer = self._connect(generation, _WRITER_PATIENCE)
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            change(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise

    def _connect(self, generation: _Generation, patience: float) -> sqlite3.Connection:
        database = sqlite3.connect(
            f"file:{_quoted(self._path(generation.number))}?mode=rw",
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        try:
            # With WAL, a power cut may cost the last commits but no consistency; checksums find what else it damaged.
            database.execute("PRAGMA synchronous = NORMAL")
            number_of(database, "SELECT bytes FROM total")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _replace_if_damaged(self, error: Exception, generation: _Generation | None) -> bool:
        """Begin an empty database if the error says that this one is unusable, and say whether there is a new one."""
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT:
            return False
        number = generation.number if generation else 0
        try:
            self._layout.create()
            with self._write_lock, exclusive(self._layout, "index"):
                if self._generation is not generation:
                    return self._generation is not None
                self._leave()
                latest = max(self._numbers(), default=0)
                self._generation = _Generation(latest if latest > number else self._make(number + 1))
        except (sqlite3.Error, OSError, CacheError) as second:
            # Said once: without an index all of the cache is a miss, and every read would say so again.
            if not self._broken:
                _log.warning("the cache index in %s cannot be used: %s; reading without it", self._layout.root, second)
            self._broken = True
            return False
        self._broken = False
        _log.warning("the cache index in %s was damaged or gone (%s); using a new one", self._layout.root, error)
        return True

    def _make(self, number: int) -> int:
        path = self._path(number)
        with suppress(FileExistsError):
            os.close(create_private(path))
        database = sqlite3.connect(path, isolation_level=None)
        try:
            if not is_network(self._layout.root):
                # Where WAL is impossible SQLite says so and stays in DELETE mode, which is right everywhere.
                with suppress(sqlite3.OperationalError):
                    database.execute("PRAGMA journal_mode = WAL").fetchone()
            if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                database.execute("BEGIN IMMEDIATE")
                for statement in _statements():
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_VERSION}")
                database.execute("COMMIT")
        finally:
            database.close()
        for older in self._numbers():
            if older < number:
                for leftover in glob.glob(glob.escape(self._path(older)) + "*"):
                    with suppress(OSError):
                        os.unlink(leftover)
        # Files that only the old database knew are to be found soon.
        with suppress(FileNotFoundError):
            os.unlink(self._layout.tidied)
        return number

    def _numbers(self) -> list[int]:
        found = (re.fullmatch(r"index-(\d+)\.sqlite", name) for name in os.listdir(self._layout.root))
        return [int(match[1]) for match in found if match]

    def _path(self, number: int) -> str:
        return f"{self._layout.root}/index-{number}.sqlite"

    def _leave(self) -> None:
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.close_idle()
        if self._writer is not None:
            with suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None


def number_of(database: sqlite3.Connection, query: str) -> int:
    """Run a query for one number. Raises sqlite3.DatabaseError where it is missing."""
    row = database.execute(query).fetchone()
    if row is None or not isinstance(row[0], int):
        raise sqlite3.DatabaseError("a number is missing")
    return row[0]


def _statements() -> Iterator[str]:
    """Split the schema into what ``execute`` takes, because ``executescript`` would commit in the middle."""
    yield from (part for part in _SCHEMA.split(";") if part.strip())
    for table in ("packs", "objects"):
        yield from (f"{part} END" for part in _SUM.format(table).split(" END;") if part.strip())


def _quoted(path: str) -> str:
    """Write a path the way SQLite's URIs want it."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
