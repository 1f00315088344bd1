"""What killed processes left behind is found: nobody's files go, somebody's stay."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest
from cache_contents import content, key_of, some_key

from cvfs.cache.directory import create_private, open_layout, try_lock
from cvfs.cache.index import Batch, Index
from cvfs.cache.leftovers import clear_leftovers, delete_oldest_files


@pytest.fixture
def layout(tmp_path):
    return open_layout(str(tmp_path / "cache"))


@pytest.fixture
def index(layout):
    index = Index(layout)
    index.total()
    yield index
    index.close()


def make_pack(layout, number):
    descriptor = create_private(layout.pack(number))
    os.write(descriptor, b"x" * 100)
    return descriptor


def make_object(layout, key, size=10_000):
    os.makedirs(os.path.dirname(layout.object(key)), exist_ok=True)
    with open(layout.object(key), "wb") as file:
        file.write(content(1, size))


def test_old_temporary_files_go_and_new_ones_stay(layout, index):
    for name, age in (("old", 7200), ("new", 10)):
        path = f"{layout.new}/{name}"
        os.close(create_private(path))
        os.utime(path, times=(time.time() - age,) * 2)
    clear_leftovers(layout, index)
    assert os.listdir(layout.new) == ["new"]


def test_packs_that_nobody_knows_go_unless_somebody_writes_them(layout, index):
    os.close(make_pack(layout, 1))
    written = make_pack(layout, 2)
    assert try_lock(written)
    os.close(make_pack(layout, 3))
    index.commit(Batch(packs={3: 100, 4: 100}), now=1)
    clear_leftovers(layout, index)
    assert sorted(os.listdir(layout.packs)) == [os.path.basename(layout.pack(number)) for number in (2, 3)]
    assert index.packs() == {3}
    assert index.total() == 100
    os.close(written)


def test_large_contents_that_nobody_knows_are_taken_in(layout, index):
    unknown, known, lost = some_key(1), some_key(2), "md5-" + "00" * 16
    make_object(layout, unknown)
    make_object(layout, known)
    index.commit(Batch(objects={known: 5, lost: 7}), now=1)
    clear_leftovers(layout, index)
    # ``lost`` has no folder, so nobody looked there.
    assert index.objects("ver-") == {unknown, known}
    make_object(layout, "md5-00" + "1" * 30)
    clear_leftovers(layout, index)
    assert index.objects("md5-") == {"md5-00" + "1" * 30}
    assert os.path.exists(layout.object(unknown))


def test_an_index_that_cannot_be_read_costs_nothing(layout, index):
    os.close(make_pack(layout, 3))
    index.commit(Batch(packs={3: 100}), now=1)
    index.close()
    other = sqlite3.connect(f"{layout.root}/index-1.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    clear_leftovers(layout, index)
    assert os.path.exists(layout.pack(3))
    other.execute("ROLLBACK")
    other.close()
    assert index.packs() == {3}


def test_errors_are_logged_only(layout, index, caplog):
    os.rename(layout.new, layout.new + "-away")
    clear_leftovers(layout, index)
    assert "could not tidy" in caplog.text


def test_without_an_index_the_files_written_longest_ago_go_first(layout, index):
    for age, number in enumerate((1, 2)):
        os.close(make_pack(layout, number))
        os.utime(layout.pack(number), times=(100 - age,) * 2)
    for age, number in enumerate((1, 2)):
        make_object(layout, some_key(number))
        os.utime(layout.object(some_key(number)), times=(90 - age,) * 2)
    taken = os.stat(layout.object(some_key(1))).st_blocks * 512
    assert delete_oldest_files(layout, taken + 1) == 2 * taken
    assert os.listdir(os.path.dirname(layout.object(some_key(1)))) == []
    written = os.open(layout.pack(2), os.O_RDWR)
    assert try_lock(written)
    assert delete_oldest_files(layout, 1) > 0
    assert os.listdir(layout.packs) == [os.path.basename(layout.pack(2))]
    assert delete_oldest_files(layout, 1) == 0
    os.close(written)


def test_a_lost_index_costs_small_contents_and_no_large_ones(make_cache, tmp_path):
    small, large = content(1, 500), content(2, 20_000)
    before = make_cache()
    before.put(key_of(small), small)
    before.put(key_of(large), large)
    before.close()
    for name in os.listdir(tmp_path / "cache/v1"):
        if name.startswith(("index", "tidied")):
            os.unlink(tmp_path / "cache/v1" / name)
    after = make_cache()
    assert after.read(key_of(small), 0, 500) is None
    assert after.read(key_of(large), 0, 20_000) == large
    after._sweep()
    assert os.listdir(tmp_path / "cache/v1/packs") == []
    assert after.usage().entries == 1
    assert after.usage().bytes >= 20_000
