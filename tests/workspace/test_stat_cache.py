"""A remembered md5 is given only for a file that is certainly the one that was hashed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.workspace.file_state import FileState
from cvfs.workspace.stat_cache import Known, Observation, StatCache

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND + 123_456_789
MD5 = "c157a79031e1c40f85931829bc5fc552"
OLD = FileState(4, NOW - 10 * SECOND, NOW - 10 * SECOND, 17)


def observed(path: str = "data/a", state: FileState = OLD, md5: str = MD5, isexec: bool = False) -> Observation:
    return Observation(path, state, Known(md5, isexec))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "tmp" / "cvfs" / "stat.db")


def test_what_was_recorded_is_given_back_also_to_the_next_process(path: str) -> None:
    with StatCache(path) as cache:
        cache.record([observed(isexec=True)], NOW)
        assert cache.lookup("data/a", OLD) == Known(MD5, isexec=True)
    with StatCache(path) as cache:
        assert cache.lookup("data/a", OLD) == Known(MD5, isexec=True)
        assert cache.lookup("data/b", OLD) is None


@pytest.mark.parametrize(
    "other",
    [
        FileState(5, OLD.mtime_ns, OLD.ctime_ns, OLD.inode),
        FileState(4, OLD.mtime_ns + 1, OLD.ctime_ns, OLD.inode),
        FileState(4, OLD.mtime_ns, OLD.ctime_ns + 1, OLD.inode),
        FileState(4, OLD.mtime_ns, OLD.ctime_ns, OLD.inode + 1),
    ],
)
def test_any_other_state_is_another_file(path: str, other: FileState) -> None:
    with StatCache(path) as cache:
        cache.record([observed()], NOW)
        assert cache.lookup("data/a", other) is None
        assert cache.known("data/a")


@pytest.mark.parametrize(
    ("touched", "counts"),
    [
        (NOW - SECOND, True),
        (NOW - SECOND // 100, False),
        (NOW, False),
        (NOW + SECOND, False),
        # A file system that counts in whole seconds.
        (NOW // SECOND * SECOND - SECOND, False),
        (NOW // SECOND * SECOND - 3 * SECOND, True),
    ],
)
def test_file_touched_just_before_hashing_is_hashed_again(path: str, touched: int, counts: bool) -> None:
    state = FileState(4, OLD.mtime_ns, touched, 17)
    with StatCache(path) as cache:
        cache.record([observed(state=state)], NOW)
        assert (cache.lookup("data/a", state) is not None) == counts
        assert cache.known("data/a")


def test_second_write_within_one_tick_is_never_taken_for_the_first(path: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    with StatCache(path) as cache:
        file.write_bytes(b"one")
        state, moment = FileState.of(file.stat()), cache.moment()
        cache.record([observed("file", state)], moment)
        with file.open("r+b") as again:
            again.write(b"two")
        # Whatever the kernel made of the times: the same state must not stand for the first content.
        assert cache.lookup("file", state) is None


def test_moment_is_by_the_clock_that_stamps_files(path: str, tmp_path: Path) -> None:
    with StatCache(path) as cache:
        before = cache.moment()
        (tmp_path / "file").write_bytes(b"")
        after = cache.moment()
    assert before <= (tmp_path / "file").stat().st_mtime_ns <= after


def test_known_is_what_this_clone_has_had(path: str) -> None:
    with StatCache(path) as cache:
        assert not cache.known("data/a")
        cache.record([observed()], NOW)
        assert cache.known("data/a")
        assert cache.known("data/a", MD5)
        assert not cache.known("data/a", "0" * 32)
        cache.forget(["data/a"])
        assert not cache.known("data/a")


@given(name=st.binary(min_size=1), inode=st.integers(0, 2**64 - 1), size=st.integers(0, 2**63 - 1))
def test_any_name_and_any_number_survive(
    tmp_path_factory: pytest.TempPathFactory, name: bytes, inode: int, size: int
) -> None:
    path = name.decode("utf-8", "surrogateescape")
    state = FileState(size, -1, 1, inode)
    with StatCache(str(tmp_path_factory.getbasetemp() / "any.db")) as cache:
        cache.record([observed(path, state)], NOW)
        assert cache.lookup(path, state) == Known(MD5, isexec=False)


def test_damaged_database_is_replaced_with_a_warning(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with StatCache(path) as cache:
        cache.record([observed()], NOW)
    Path(path).write_bytes(b"not a database, but long enough to be looked at" * 100)
    with StatCache(path) as cache, caplog.at_level(logging.WARNING):
        assert cache.lookup("data/a", OLD) is None
        cache.record([observed()], NOW)
        assert cache.lookup("data/a", OLD) is not None
    assert "starting anew" in caplog.text


def test_database_of_another_format_is_replaced(path: str) -> None:
    with StatCache(path) as cache:
        cache.record([observed()], NOW)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with StatCache(path) as cache:
        assert cache.lookup("data/a", OLD) is None
        cache.record([observed()], NOW)
        assert cache.lookup("data/a", OLD) is not None


@pytest.mark.parametrize("column", ["md5 = '00000000000000000000000000000000'", "size = 5", "isexec = 1", "sure = 1"])
def test_row_that_was_tampered_with_is_no_answer(path: str, column: str) -> None:
    young = FileState(4, NOW, NOW, 17)
    with StatCache(path) as cache:
        cache.record([observed(state=young if "sure" in column else OLD)], NOW)
    database = sqlite3.connect(path)
    database.execute(f"UPDATE files SET {column}")
    database.commit()
    database.close()
    with StatCache(path) as cache:
        for state in (OLD, young, FileState(5, OLD.mtime_ns, OLD.ctime_ns, OLD.inode)):
            assert cache.lookup("data/a", state) is None


def test_directory_that_cannot_be_made_costs_a_warning_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with StatCache(str(tmp_path / "file" / "stat.db")) as cache, caplog.at_level(logging.WARNING):
        assert cache.moment() > 0
        cache.record([observed()], NOW)
        assert cache.lookup("data/a", OLD) is None
        assert not cache.known("data/a")
    assert len(caplog.records) == 1


def _record_many(path: str, worker: int) -> None:
    with StatCache(path) as cache:
        for number in range(20):
            cache.record([observed(f"{worker}/{number}")], NOW)


def test_several_processes_write_at_once(path: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_record_many, args=(path, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    with StatCache(path) as cache:
        assert all(cache.known(f"{worker}/{number}") for worker in range(3) for number in range(20))


def test_several_threads_use_one_cache(path: str) -> None:
    with StatCache(path) as cache:
        threads = [
            threading.Thread(target=lambda name=name: cache.record([observed(name)], NOW))
            for name in map(str, range(8))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert all(cache.known(str(name)) for name in range(8))


def test_state_of_a_real_file_is_what_the_system_says(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    found = os.stat(file)
    assert FileState.of(found) == FileState(5, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
