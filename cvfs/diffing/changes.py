"""Collects differences and tells what became of each file: added, deleted, modified or renamed.

Renames can only be told when everything has been seen, and a commit may have a million files: SQLite's private
temporary database (on disk, gone when closed) holds and sorts them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from cvfs.diffing.trees import Leaf
from cvfs.diffing.walk import Difference
from cvfs.errors import WorkspaceError
from cvfs.model import Kind

#: What the sorter may hold in memory, in KiB.
_CACHE = 16 << 10


class ChangeKind(Enum):
    """What became of a file, in DVC's words and in the order in which DVC tells them."""

    ADDED = "added"
    DELETED = "deleted"
    RENAMED = "renamed"
    MODIFIED = "modified"


@dataclass(frozen=True, slots=True)
class Side:
    """A file as one tree has it; ``size`` is in bytes. What was not recorded is None.

    A DIRECTORY or UNLISTED one stands for all that is below, where it is not known which files differ.
    """

    kind: Kind
    size: int | None
    md5: str | None
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is not the same in both trees. ``old_path`` is where it was if it was renamed."""

    kind: ChangeKind
    path: str
    old: Side | None
    new: Side | None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """How many changes of one kind there are, and by how many bytes they made the data larger."""

    count: int
    growth: int


_SIDE = ("kind", "size", "md5", "version")
_OLD, _NEW = (tuple(f"{which}_{name}" for name in _SIDE) for which in ("old", "new"))
#: What tells contents apart, and the last component of the path: a rename keeps one, and often the other.
_COLUMNS = ("change", "path", "identity", "name", *_OLD, *_NEW, "old_path")
_PAIRS = """
CREATE TEMP TABLE pair AS SELECT added.id AS added, deleted.id AS deleted FROM
  (SELECT rowid AS id, identity, name, row_number() OVER (PARTITION BY {same} ORDER BY path) AS nth
   FROM change WHERE change = 'added' AND identity IS NOT NULL) added
JOIN
  (SELECT rowid AS id, identity, name, row_number() OVER (PARTITION BY {same} ORDER BY path) AS nth
   FROM change WHERE change = 'deleted' AND identity IS NOT NULL) deleted
USING ({same}, nth)
"""
_RENAME = f"""
UPDATE change SET change = 'renamed', old_path = was.path, {", ".join(f"{name} = was.{name}" for name in _OLD)}
FROM pair JOIN change was ON was.rowid = pair.deleted WHERE change.rowid = pair.added
"""  # noqa: S608 - names of columns


class Changes:
    """The changes of one comparison. Not thread-safe."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE}"):
            database.execute(f"PRAGMA {setting}")
        database.execute(f"CREATE TABLE change ({', '.join(_COLUMNS)})")

    def take(self, differences: Iterable[Difference]) -> None:
        """Take in all differences, and find out what was renamed: first names that moved to another directory."""
        places = ", ".join("?" * len(_COLUMNS))
        self._database.executemany(f"INSERT INTO change VALUES ({places})", map(_row, differences))  # noqa: S608
        for same in ("identity, name", "identity"):
            self._database.execute(_PAIRS.format(same=same))
            self._database.execute(_RENAME)
            self._database.execute("DELETE FROM change WHERE rowid IN (SELECT deleted FROM pair)")
            self._database.execute("DROP TABLE pair")

    def __iter__(self) -> Iterator[Change]:
        """Yield all changes by path."""
        return self._select("")

    def of(self, kind: ChangeKind) -> Iterator[Change]:
        """Yield the changes of one kind by path."""
        return self._select(f"WHERE change = '{kind.value}'")

    def totals(self) -> dict[ChangeKind, Total]:
        """Count the changes of each kind that there are."""
        counted = self._database.execute(
            "SELECT change, count(*), total(new_size) - total(old_size) FROM change GROUP BY change"
        )
        found = {ChangeKind(kind): Total(count, int(growth)) for kind, count, growth in counted}
        return {kind: found[kind] for kind in ChangeKind if kind in found}

    def _select(self, where: str) -> Iterator[Change]:
        columns = ", ".join(("change", "path", "old_path", *_OLD, *_NEW))
        for row in self._database.execute(f"SELECT {columns} FROM change {where} ORDER BY path"):  # noqa: S608
            kind, path, old_path = row[:3]
            yield Change(ChangeKind(kind), _text(path), _side(row[3:7]), _side(row[7:]), old_path and _text(old_path))


@contextmanager
def collected(differences: Iterable[Difference]) -> Iterator[Changes]:
    """Give the changes that differences amount to, until the context ends. Blocking.

    Raises:
        WorkspaceError: there is no room for them in the directory for temporary files.
    """
    try:
        database = sqlite3.connect("")
        try:
            changes = Changes(database)
            changes.take(differences)
            yield changes
        finally:
            database.close()
    except sqlite3.Error as error:
        raise WorkspaceError(
            f"the changes cannot be sorted: {error}", hint="TMPDIR names another directory for temporary files"
        ) from error


def _row(difference: Difference) -> tuple[object, ...]:
    path, old, new = difference
    kind = ChangeKind.MODIFIED if old and new else ChangeKind.ADDED if new else ChangeKind.DELETED
    one = None if old and new else old or new
    identity = None
    if one is not None and one.kind is Kind.FILE and one.md5 is not None:
        identity = f"{'text ' if one.legacy else ''}{one.md5}"
    return (kind.value, path, identity, path.rpartition(b"/")[2], *_values(old), *_values(new), None)


def _values(leaf: Leaf | None) -> tuple[object, ...]:
    if leaf is None:
        return (None,) * len(_SIDE)
    version = None if leaf.version_id is None else leaf.version_id.encode("utf-8", "surrogatepass")
    return (int(leaf.kind), leaf.size, leaf.md5, version)


def _side(values: tuple[int | None, int | None, str | None, bytes | None]) -> Side | None:
    kind, size, md5, version = values
    if kind is None:
        return None
    return Side(Kind(kind), size, md5, None if version is None else version.decode("utf-8", "surrogatepass"))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
