"""Changes are readable at once, committed in groups, and kept while the index cannot be written."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading

import pytest
from cache_contents import Clock, content, some_key

from cvfs.cache import journal as module
from cvfs.cache.directory import open_layout
from cvfs.cache.index import Index, Location
from cvfs.cache.journal import Journal
from cvfs.cache.packs import PackWriter


class CountingIndex(Index):
    """An index that counts commits, tells when one is made, and refuses them while told to."""

    def __init__(self, layout):
        super().__init__(layout)
        self.commits = 0
        self.refuse = False
        self.changed = threading.Condition()

    def commit(self, batch, now):
        if self.refuse:
            raise sqlite3.OperationalError("database or disk is full")
        super().commit(batch, now)
        with self.changed:
            self.commits += 1
            self.changed.notify_all()

    def wait_for_commits(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: self.commits >= number, 30)


@pytest.fixture
def layout(tmp_path):
    return open_layout(str(tmp_path))


@pytest.fixture
def index(layout):
    index = CountingIndex(layout)
    yield index
    index.close()


@pytest.fixture
def writer(layout, index):
    writer = PackWriter(layout, index, lambda: 1000)
    yield writer
    writer.close()


@pytest.fixture
def sweeps():
    return []


@pytest.fixture
def journal(layout, index, writer, sweeps):
    journal = Journal(layout, index, writer, lambda: sweeps.append(1), Clock(5.0))
    yield journal
    index.refuse = False
    journal.close()


@pytest.fixture
def no_timer(monkeypatch):
    """Leave committing to the test."""
    monkeypatch.setattr(module, "DELAY", 3600.0)


def test_no_thread_before_the_first_change(journal):
    assert not any(thread.name == "cvfs-cache-journal" for thread in threading.enumerate())


def test_an_entry_is_found_before_and_after_its_commit(journal, index, no_timer):
    at = Location(1, 0, 5, 9)
    journal.add(some_key(1), at)
    assert journal.find(some_key(1)) == at
    assert index.lookup(some_key(1)) is None
    assert journal.uncommitted() == ({1}, set())
    assert journal.flush()
    assert journal.find(some_key(1)) is None
    assert index.lookup(some_key(1)) == at
    assert index.total() == 5
    assert journal.uncommitted() == (set(), set())


def test_entries_are_committed_by_the_group(journal, index, no_timer):
    for number in range(2 * module.GROUP + 1):
        journal.add(some_key(number), Location(1, number, 1, 0))
    assert index.commits == 2
    assert index.count() == 2 * module.GROUP


def test_a_single_entry_does_not_wait_for_a_group(journal, index, sweeps):
    journal.add(some_key(1), Location(1, 0, 5, 9))
    index.wait_for_commits(1)
    assert index.lookup(some_key(1)) is not None


def test_times_of_use_are_written_later(journal, index, monkeypatch, no_timer):
    journal.add(some_key(1), Location(1, 0, 5, 9))
    journal.flush()
    before = index.oldest(1)[0].used
    journal.used(1)
    journal.used(some_key(9))
    journal.flush()
    assert index.oldest(1)[0].used > before


def test_a_forgotten_entry_is_gone_at_once_and_for_good(journal, index, no_timer):
    at, other = Location(1, 0, 5, 9), Location(1, 5, 5, 9)
    journal.add(some_key(1), at)
    journal.flush()
    journal.forget(some_key(1), at)
    assert journal.is_forgotten(some_key(1), at)
    assert not journal.is_forgotten(some_key(1), other)
    journal.flush()
    assert index.lookup(some_key(1)) is None
    journal.add(some_key(1), other)
    journal.forget(some_key(1), at)
    assert journal.find(some_key(1)) == other
    journal.flush()
    assert index.lookup(some_key(1)) == other


def test_an_entry_forgotten_before_its_commit_is_never_committed(journal, index, no_timer):
    at = Location(1, 0, 5, 9)
    journal.add(some_key(1), at)
    journal.forget(some_key(1), at)
    assert journal.find(some_key(1)) is None
    journal.flush()
    assert index.lookup(some_key(1)) is None


def test_the_size_of_a_large_content_is_what_it_takes_up(journal, index, layout, no_timer):
    path = layout.object(some_key(1))
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as file:
        file.write(content(1, 20_000))
        file.truncate(1_000_000)
    journal.grew(some_key(1))
    assert journal.uncommitted() == (set(), {some_key(1)})
    journal.flush()
    assert index.total() == os.stat(path).st_blocks * 512
    assert 20_000 <= index.total() < 1_000_000
    os.unlink(path)
    journal.grew(some_key(1))
    journal.flush()
    assert index.total() == 0


def test_what_cannot_be_committed_is_kept_and_said_once(journal, index, caplog, no_timer):
    index.refuse = True
    with caplog.at_level(logging.WARNING):
        for number in range(200):
            journal.add(some_key(number), Location(1, number, 1, 0))
        assert not journal.flush()
        assert not journal.flush()
    assert len(caplog.records) == 1
    assert journal.find(some_key(0)) is not None
    index.refuse = False
    assert journal.flush()
    assert index.count() == 200
    assert journal.find(some_key(0)) is None


def test_what_is_kept_is_bounded(journal, index, monkeypatch, no_timer):
    monkeypatch.setattr(module, "_MOST", 10)
    index.refuse = True
    for number in range(30):
        journal.add(some_key(number), Location(1, number, 1, 0))
    journal.flush()
    assert journal.find(some_key(19)) is None
    assert journal.find(some_key(20)) is not None


def test_a_full_pack_is_let_go_only_when_its_entries_are_committed(journal, index, writer, layout, no_timer):
    other = PackWriter(layout, index, lambda: 10_000)
    at = writer.append("a", bytes(1000))
    journal.add(some_key(1), at)
    index.refuse = True
    journal.flush()
    assert other.append("b", b"x").pack != at.pack
    index.refuse = False
    journal.flush()
    other.seal()
    assert other.append("c", b"x").pack == at.pack
    other.close()


def test_closing_commits(journal, index, no_timer):
    journal.add(some_key(1), Location(1, 0, 5, 9))
    journal.close()
    assert index.lookup(some_key(1)) is not None


def test_the_thread_sweeps_after_a_commit(journal, index, sweeps):
    journal.add(some_key(1), Location(1, 0, 5, 9))
    index.wait_for_commits(1)
    journal.close()
    assert sweeps
