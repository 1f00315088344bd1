"""Packs: appended to by one process each, and never believed without their checksum."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cache_contents import content, key_of

from cvfs.cache.damage import DamagedFileError
from cvfs.cache.directory import open_layout
from cvfs.cache.index import Batch, Index, Location
from cvfs.cache.open_files import OpenFiles
from cvfs.cache.packs import PackReader, PackWriter

FULL = 10_000


@pytest.fixture
def layout(tmp_path):
    return open_layout(str(tmp_path))


@pytest.fixture
def index(layout):
    index = Index(layout)
    yield index
    index.close()


@pytest.fixture
def make_writer(layout, index):
    made = []

    def make():
        made.append(PackWriter(layout, index, lambda: FULL))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


@pytest.fixture
def reader(layout):
    open_files = OpenFiles(8)
    yield PackReader(layout, open_files)
    open_files.close()


def commit(index, places):
    packs = {}
    for at in places.values():
        packs[at.pack] = max(packs.get(at.pack, 0), at.start + at.length)
    index.commit(Batch(entries=places, packs=packs), now=1)


def test_contents_lie_one_after_another(make_writer, reader):
    writer = make_writer()
    contents = [content(number, size) for number, size in enumerate((0, 1, 500, 3000))]
    places = [writer.append(key_of(data), data) for data in contents]
    assert len({at.pack for at in places}) == 1
    assert [at.start for at in places] == [0, 0, 1, 501]
    assert [reader.read(key_of(data), at) for data, at in zip(contents, places, strict=True)] == contents


def test_a_full_pack_is_followed_by_another_and_stays_locked_until_committed(make_writer, reader):
    writer, other = make_writer(), make_writer()
    first = writer.append("a", bytes(FULL))
    second = writer.append("b", b"x")
    assert first.pack != second.pack
    full = writer.take_full()
    assert len(full) == 1
    assert writer.take_full() == []
    writer.give_back(full)
    assert other.append("c", b"y").pack not in {first.pack, second.pack}
    writer.let_go(writer.take_full())


def test_a_pack_is_taken_over_when_its_writer_is_gone(make_writer, index, reader):
    first, second = make_writer(), make_writer()
    old = first.append("a", b"old")
    commit(index, {"a": old})
    assert second.append("b", b"other").pack != old.pack
    second.close()
    first.close()
    # What a killed process wrote after its last commit is skipped, not overwritten.
    third = make_writer()
    new = third.append("c", b"new")
    assert (new.pack, new.start) == (old.pack, 3)
    assert reader.read("a", old) == b"old"
    assert reader.read("c", new) == b"new"


def test_a_pack_that_was_evicted_under_its_writer_is_given_up(make_writer, layout, reader):
    writer = make_writer()
    old = writer.append("a", b"old")
    os.unlink(layout.pack(old.pack))
    new = writer.append("b", b"new")
    assert new.pack != old.pack
    assert reader.read("b", new) == b"new"


def test_sealing_begins_another_pack(make_writer):
    writer = make_writer()
    writer.seal()
    first = writer.append("a", b"1")
    writer.seal()
    assert writer.append("b", b"2").pack != first.pack


def flip(layout, at):
    with open(layout.pack(at.pack), "r+b") as pack:
        pack.seek(at.start)
        byte = pack.read(1)
        pack.seek(at.start)
        pack.write(bytes([byte[0] ^ 1]))


def test_damage_is_found(make_writer, reader, layout):
    at = make_writer().append("a", content(1, 100))
    flip(layout, at)
    with pytest.raises(DamagedFileError):
        reader.read("a", at)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 1},
        {"length": 99},
        {"length": 10_000},
        {"crc": 1},
        {"start": -5},
        {"length": -1},
        {"start": 2**70},
        {"start": "x"},
        {"length": None},
    ],
)
def test_a_wrong_row_is_damage(make_writer, reader, wrong):
    at = make_writer().append("a", content(1, 100))
    with pytest.raises((DamagedFileError, OSError)):
        reader.read("a", replace(at, **wrong))


def test_a_row_under_the_wrong_key_is_damage(make_writer, reader):
    at = make_writer().append("a", content(1, 100))
    with pytest.raises(DamagedFileError):
        reader.read("b", at)


def test_a_pack_that_is_gone_says_so(reader):
    with pytest.raises(FileNotFoundError):
        reader.read("a", Location(99, 0, 1, 0))


def test_threads_do_not_write_over_each_other(make_writer, reader):
    writer = make_writer()
    contents = [content(number, 50 + number) for number in range(300)]
    with ThreadPoolExecutor(4) as threads:
        places = list(threads.map(lambda data: writer.append(key_of(data), data), contents))
    assert [reader.read(key_of(data), at) for data, at in zip(contents, places, strict=True)] == contents
    assert len({at.pack for at in places}) > 1
