"""The database of a cache: whatever happens to its file, readers get an answer and writers a new one."""

from __future__ import annotations

import glob
import logging
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from cvfs.cache import database as module
from cvfs.cache.database import Database, number_of
from cvfs.cache.directory import open_layout


@pytest.fixture
def layout(tmp_path):
    return open_layout(str(tmp_path))


@pytest.fixture
def open_database(layout):
    opened = []

    def make():
        opened.append(Database(layout))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


def total(database):
    return database.reading(lambda connection: number_of(connection, "SELECT bytes FROM total"), -1)


def set_total(database, number):
    database.writing(lambda connection: connection.execute("UPDATE total SET bytes = ?", (number,)))


def files(layout):
    return sorted(os.path.basename(path) for path in glob.glob(layout.root + "/index-*.sqlite"))


def test_nothing_is_opened_before_first_use(layout, open_database):
    database = open_database()
    assert files(layout) == []
    assert total(database) == 0
    assert files(layout) == ["index-1.sqlite"]


def test_two_see_each_others_commits(open_database):
    first, second = open_database(), open_database()
    assert total(second) == 0
    set_total(first, 7)
    assert total(second) == 7


def test_sizes_are_summed_by_the_database(open_database):
    database = open_database()
    for statement in (
        "INSERT INTO packs VALUES (1, 100, 0)",
        "INSERT INTO objects VALUES ('k', 20, 0)",
        "UPDATE packs SET bytes = 150",
        "INSERT INTO packs VALUES (1, 170, 5) ON CONFLICT DO UPDATE SET bytes = excluded.bytes",
        "INSERT OR IGNORE INTO objects VALUES ('k', 999, 0)",
    ):
        database.writing(lambda connection, statement=statement: connection.execute(statement))
    assert total(database) == 190
    database.writing(lambda connection: connection.execute("DELETE FROM packs"))
    assert total(database) == 20


def test_a_transaction_that_fails_leaves_nothing(open_database):
    database = open_database()

    def half(connection):
        connection.execute("UPDATE total SET bytes = 5")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.writing(half)
    assert total(database) == 0


def overwrite(path):
    with open(path, "r+b") as file:
        file.write(os.urandom(os.path.getsize(path)))


def truncate(path):
    os.truncate(path, 100)


def empty(path):
    os.truncate(path, 0)


def drop_table(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE total")
    connection.close()


def empty_table(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM total")
    connection.close()


def garble_schema(path):
    """Make the schema's text something that is not UTF-8."""
    with open(path, "r+b") as file:
        at = file.read().index(b"CREATE TABLE packs")
        file.seek(at)
        file.write(b"\x80" * 18)


DAMAGE = [garble_schema, overwrite, truncate, empty, drop_table, empty_table]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("first", ["read", "write"])
def test_a_damaged_file_is_replaced_at_opening(layout, open_database, damage, first, caplog):
    before = open_database()
    set_total(before, 7)
    before.close()
    damage(f"{layout.root}/index-1.sqlite")
    for leftover in glob.glob(layout.root + "/index-1.sqlite-*"):
        os.unlink(leftover)
    database = open_database()
    with caplog.at_level(logging.WARNING):
        if first == "read":
            assert total(database) == -1
            assert total(database) == 0
        else:
            set_total(database, 9)
            assert total(database) == 9
    assert files(layout) == ["index-2.sqlite"]
    assert "damaged" in caplog.text


def test_damage_while_it_is_open_is_survived_by_all(layout, open_database):
    first, second = open_database(), open_database()
    set_total(first, 7)
    assert total(second) == 7
    drop_table(f"{layout.root}/index-1.sqlite")
    set_total(first, 8)
    assert total(first) == 8
    assert total(second) in {-1, 8}
    assert total(second) == 8
    assert files(layout) == ["index-2.sqlite"]


def test_a_file_whose_maker_was_killed_is_replaced(layout, open_database):
    open(f"{layout.root}/index-1.sqlite", "wb").close()
    database = open_database()
    set_total(database, 3)
    assert total(database) == 3


def test_a_deleted_file_is_noticed_when_asked_for(layout, open_database):
    database = open_database()
    set_total(database, 7)
    database.replace_if_gone()
    assert total(database) == 7
    for path in glob.glob(layout.root + "/index-1*"):
        os.unlink(path)
    database.replace_if_gone()
    assert total(database) == 0
    assert files(layout) == ["index-2.sqlite"]


def test_where_nothing_can_be_made_reading_goes_on_and_says_so_once(tmp_path, caplog):
    layout = open_layout(str(tmp_path / "cache"))
    database = Database(layout)
    os.rename(tmp_path / "cache", tmp_path / "away")
    (tmp_path / "cache").write_bytes(b"in the way")
    with caplog.at_level(logging.WARNING):
        assert total(database) == -1
        assert total(database) == -1
    assert len(caplog.records) == 1
    with pytest.raises(sqlite3.Error):
        set_total(database, 1)
    database.close()


def test_a_lock_of_another_process_is_not_damage(layout, open_database, monkeypatch):
    monkeypatch.setattr(module, "_WRITER_PATIENCE", 0.0)
    database = open_database()
    set_total(database, 7)
    database.close()
    other = sqlite3.connect(f"{layout.root}/index-1.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        set_total(database, 9)
    assert total(database) == 7
    other.execute("ROLLBACK")
    other.close()
    set_total(database, 9)
    assert files(layout) == ["index-1.sqlite"]


@pytest.mark.parametrize(("network", "mode"), [(False, "wal"), (True, "delete")])
def test_the_journal_suits_the_file_system(layout, open_database, monkeypatch, network, mode):
    monkeypatch.setattr(module, "is_network", lambda path: network)
    database = open_database()
    set_total(database, 1)
    assert database.reading(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0], "") == mode


def test_readers_in_many_threads(open_database):
    database = open_database()
    set_total(database, 7)
    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(lambda _: total(database), range(300))) == {7}


def test_paths_with_marks_of_a_uri(tmp_path):
    layout = open_layout(str(tmp_path / "a?b#c%20d"))
    database = Database(layout)
    set_total(database, 7)
    assert total(database) == 7
    assert files(layout) == ["index-1.sqlite"]
    database.close()
