"""What lies where in a cache: a table of packs, of what is in them, and of large contents.

Nothing in it is needed for correct bytes: a wrong row leads to bytes with a wrong checksum, which count as a miss.

Threading: every method may be called from any thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from cvfs.cache.database import Database, number_of
from cvfs.cache.directory import Layout


@dataclass(frozen=True, slots=True)
class Location:
    """Where one small content lies: bytes ``start`` to ``start + length`` of a pack, and their checksum."""

    pack: int
    start: int
    length: int
    crc: int


@dataclass(slots=True)
class Batch:
    """Changes that are committed together.

    Sizes are absolute, None for a large content that is gone; ``used_…`` name what was read or written lately.
    """

    entries: dict[str, Location] = field(default_factory=dict)
    forgotten: dict[str, Location] = field(default_factory=dict)
    packs: dict[int, int] = field(default_factory=dict)
    objects: dict[str, int | None] = field(default_factory=dict)
    used_packs: set[int] = field(default_factory=set)
    used_objects: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Victim:
    """A file that may be evicted: a pack by its number, or a large content by its key."""

    name: int | str
    bytes: int
    used: int


class Index:
    """The tables of one cache directory."""

    def __init__(self, layout: Layout) -> None:
        self._database = Database(layout)

    def lookup(self, key: str) -> Location | None:
        """Find one small content; None also where the database cannot be read."""

        def find(database: sqlite3.Connection) -> Location | None:
            row = database.execute("SELECT pack, start, length, crc FROM entries WHERE key = ?", (key,)).fetchone()
            return None if row is None else Location(*row)

        return self._database.reading(find, None)

    def total(self) -> int:
        """Sum the bytes of all packs and large contents that have been committed."""
        return self._database.reading(lambda database: number_of(database, "SELECT bytes FROM total"), 0)

    def count(self) -> int:
        """Count the contents, small and large."""
        query = "SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM objects)"
        return self._database.reading(lambda database: number_of(database, query), 0)

    def oldest(self, limit: int) -> list[Victim]:
        """List the packs and large contents that have not been used for longest."""
        query = (
            "SELECT * FROM (SELECT id, CAST(bytes AS INTEGER), used FROM packs ORDER BY used LIMIT :limit) UNION ALL "
            "SELECT * FROM (SELECT key, CAST(bytes AS INTEGER), used FROM objects ORDER BY used LIMIT :limit) "
            "ORDER BY 3 LIMIT :limit"
        )
        return self._database.reading(
            lambda database: [Victim(*row) for row in database.execute(query, {"limit": limit})], list[Victim]()
        )

    def unfilled_packs(self, size: int, limit: int) -> list[int]:
        """List packs of less than ``size`` bytes, the fullest first."""
        query = "SELECT id FROM packs WHERE bytes < ? ORDER BY bytes DESC LIMIT ?"
        return self._database.reading(
            lambda database: [row[0] for row in database.execute(query, (size, limit))], list[int]()
        )

    def packs(self) -> set[int] | None:
        """List all packs; None where the database cannot be read."""
        return self._database.reading(
            lambda database: {row[0] for row in database.execute("SELECT id FROM packs")}, None
        )

    def objects(self, prefix: str) -> set[str] | None:
        """List the large contents whose keys begin with ``prefix``; None where the database cannot be read."""
        query = "SELECT key FROM objects WHERE key >= ? AND key < ?"
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return self._database.reading(
            lambda database: {row[0] for row in database.execute(query, (prefix, after))}, None
        )

    def commit(self, batch: Batch, now: int) -> None:
        """Write a batch in one transaction. Raises sqlite3.Error: nothing of it was written."""

        def write(database: sqlite3.Connection) -> None:
            # Sorted, because rows written in the order of their keys touch each page of the tree once.
            database.executemany(
                "INSERT INTO packs VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET bytes = max(bytes, excluded.bytes), used = max(used, excluded.used)",
                [(pack, size, now) for pack, size in sorted(batch.packs.items())],
            )
            database.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                [(key, at.pack, at.start, at.length, at.crc) for key, at in sorted(batch.entries.items())],
            )
            database.executemany(
                "DELETE FROM entries WHERE key = ? AND pack = ? AND start = ?",
                [(key, at.pack, at.start) for key, at in sorted(batch.forgotten.items())],
            )
            database.executemany(
                "INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET bytes = excluded.bytes, used = max(used, excluded.used)",
                [(key, size, now) for key, size in sorted(batch.objects.items()) if size is not None],
            )
            database.executemany(
                "DELETE FROM objects WHERE key = ?", [(key,) for key, size in batch.objects.items() if size is None]
            )
            database.executemany(
                "UPDATE packs SET used = ?1 WHERE id = ?2 AND used < ?1", [(now, pack) for pack in batch.used_packs]
            )
            database.executemany(
                "UPDATE objects SET used = ?1 WHERE key = ?2 AND used < ?1", [(now, key) for key in batch.used_objects]
            )

        self._database.writing(write)

    def adopt(self, key: str, size: int, used: int) -> None:
        """Take in a large content that lies on disk but is not known, unless it is by now. Raises sqlite3.Error."""
        self._database.writing(
            lambda database: database.execute("INSERT OR IGNORE INTO objects VALUES (?, ?, ?)", (key, size, used))
        )

    def remove(self, names: Iterable[int | str]) -> None:
        """Forget packs, with all that is in them, and large contents. Raises sqlite3.Error."""
        names = list(names)
        packs = [(name,) for name in names if isinstance(name, int)]
        objects = [(name,) for name in names if isinstance(name, str)]

        def write(database: sqlite3.Connection) -> None:
            database.executemany("DELETE FROM entries WHERE pack = ?", packs)
            database.executemany("DELETE FROM packs WHERE id = ?", packs)
            database.executemany("DELETE FROM objects WHERE key = ?", objects)

        self._database.writing(write)

    def shrink(self) -> None:
        """Give back the room of what has been written twice, as far as that is possible now."""
        self._database.reading(
            lambda database: database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone(), otherwise=None
        )

    def replace_if_gone(self) -> None:
        """Start anew if somebody deleted the database while it was open."""
        self._database.replace_if_gone()

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        self._database.close()
