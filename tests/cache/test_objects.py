"""Large contents: stored at once, or in parts."""

from __future__ import annotations

import logging
import os

import pytest
from cache_contents import Clock, content, key_of

from cvfs.cache.directory import open_layout
from cvfs.cache.index import Index
from cvfs.cache.journal import Journal
from cvfs.cache.objects import Objects
from cvfs.cache.open_files import OpenFiles
from cvfs.cache.packs import PackWriter

BLOCK = 4096
DATA = content(1, 3 * BLOCK + 5)
KEY = key_of(DATA)


@pytest.fixture
def layout(tmp_path):
    return open_layout(str(tmp_path))


@pytest.fixture
def make_objects(layout):
    index = Index(layout)
    writer = PackWriter(layout, index, lambda: 1000)
    journal = Journal(layout, index, writer, lambda: None, Clock())
    opened = []

    def make(limit=8):
        opened.append(OpenFiles(limit))
        return Objects(layout, opened[-1], journal, BLOCK)

    yield make
    for files in opened:
        files.close()
    journal.close()
    index.close()


@pytest.fixture
def objects(make_objects):
    return make_objects()


def test_nothing_is_there_at_first(objects):
    assert objects.read(KEY, 0, 10, None) is None
    assert objects.whole(KEY) is None


def test_what_was_stored_is_whole(objects, make_objects, layout):
    objects.store(KEY, DATA)
    for reader in (objects, make_objects()):
        assert reader.whole(KEY)
        assert reader.read(KEY, 0, len(DATA), len(DATA)) == DATA
        assert reader.read(KEY, BLOCK - 2, 4, None) == DATA[BLOCK - 2 : BLOCK + 2]
        assert reader.read(KEY, 0, 1, len(DATA) + 1) is None
    assert os.listdir(layout.new) == []


def test_storing_again_is_seen_by_those_who_have_the_old_file_open(objects, make_objects):
    other = make_objects()
    objects.store(KEY, DATA)
    assert other.read(KEY, 0, 1, None) == DATA[:1]
    objects.store(KEY, DATA)
    assert other.read(KEY, 0, len(DATA), None) == DATA


def test_a_part_is_a_part(objects):
    file = objects.open_or_create(KEY, len(DATA))
    file.write(0, DATA[:BLOCK])
    assert objects.whole(KEY) is False
    assert objects.read(KEY, 0, BLOCK, None) == DATA[:BLOCK]
    assert objects.read(KEY, 0, BLOCK + 1, None) is None
    for number in range(1, 4):
        file.write(number, DATA[number * BLOCK : (number + 1) * BLOCK])
    assert objects.whole(KEY) is False
    assert objects.read(KEY, 0, BLOCK, None) is None, "all is here, and nobody has verified it"
    assert file.mark_whole(file.checksums())
    assert objects.read(KEY, 0, len(DATA), None) == DATA
    file.close()


def test_who_opens_second_gets_the_same_file(objects, make_objects):
    first = objects.open_or_create(KEY, len(DATA))
    second = make_objects().open_or_create(KEY, len(DATA))
    first.write(0, DATA[:BLOCK])
    assert second.read(0, 10) == DATA[:10]
    first.close()
    second.close()


def test_a_file_of_another_size_is_replaced(objects):
    objects.open_or_create(KEY, 100).close()
    file = objects.open_or_create(KEY, len(DATA))
    assert file.size == len(DATA)
    file.close()


def test_dropping_deletes_and_nobody_reads_on(objects, make_objects, layout):
    other = make_objects()
    objects.store(KEY, DATA)
    assert other.read(KEY, 0, 1, None) is not None
    objects.drop(KEY)
    objects.drop(KEY)
    assert objects.read(KEY, 0, 1, None) is None
    assert other.read(KEY, 0, 1, None) is None
    assert not os.path.exists(layout.object(KEY))


def test_a_damaged_file_is_deleted_with_a_warning(objects, make_objects, layout, caplog):
    objects.store(KEY, DATA)
    os.truncate(layout.object(KEY), 1000)
    with caplog.at_level(logging.WARNING):
        assert make_objects().read(KEY, 0, 1, None) is None
    assert layout.object(KEY) in caplog.text
    assert not os.path.exists(layout.object(KEY))


def test_a_damaged_file_can_be_made_anew(objects, layout):
    objects.store(KEY, DATA)
    os.truncate(layout.object(KEY), 1000)
    objects.open_or_create(KEY, len(DATA)).close()
    assert objects.whole(KEY) is False


def test_a_write_that_fails_leaves_no_file(objects, layout, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        objects.store(KEY, DATA)
    assert os.listdir(layout.new) == []
    assert objects.whole(KEY) is None
