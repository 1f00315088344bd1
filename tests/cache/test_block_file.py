"""A file of blocks: what was not written right is missing, whoever wrote it and whatever happened to it since."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from cache_contents import content

from cvfs.cache.block_file import BlockFile, write_empty
from cvfs.cache.damage import DamagedFileError
from cvfs.cache.directory import create_private

KEY = "md5-" + "a" * 32
BLOCK = 4096
SIZE = 5 * BLOCK + 100
DATA = content(1, SIZE)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "file")


@pytest.fixture
def make(path):
    opened = []

    def make(size=SIZE, key=KEY):
        if not os.path.exists(path):
            descriptor = create_private(path)
            write_empty(descriptor, key, size, BLOCK)
            os.close(descriptor)
        opened.append(BlockFile(path, key))
        return opened[-1]

    yield make
    for file in opened:
        file.close()


def block(number):
    return DATA[number * BLOCK : (number + 1) * BLOCK]


def fill(file, *numbers):
    for number in numbers or range(file.blocks):
        file.write(number, block(number))
    if not numbers:
        assert file.mark_whole(file.checksums())


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x10]))


def test_a_new_file_has_nothing(make, path):
    file = make()
    assert (file.size, file.block, file.blocks) == (SIZE, BLOCK, 6)
    assert not file.whole
    assert file.first_missing() == 0
    assert file.missing(0, SIZE) == [(0, SIZE)]
    assert file.read(0, 1) is None
    assert file.read_block(5) is None
    assert os.stat(path).st_blocks * 512 < SIZE


def test_bytes_are_read_across_blocks_and_cut_at_the_end(make):
    file = make()
    fill(file)
    for reader in (file, make()):
        for _ in range(2):
            assert reader.read(0, SIZE * 2) == DATA
            assert reader.read(BLOCK - 1, 2) == DATA[BLOCK - 1 : BLOCK + 1]
            assert reader.read(SIZE - 1, 50) == DATA[-1:]
            assert reader.read(SIZE, 50) == b""
            assert reader.read(0, 0) == b""


def test_reads_need_the_blocks_they_touch_and_no_others(make):
    file = make()
    fill(file, 1, 2, 5)
    assert file.read(BLOCK, 2 * BLOCK) == DATA[BLOCK : 3 * BLOCK]
    assert file.read(BLOCK - 1, 2) is None
    assert file.read(3 * BLOCK - 1, 2) is None
    assert file.read(5 * BLOCK, 1000) == DATA[5 * BLOCK :]


def test_what_is_missing_is_told_in_runs_of_whole_blocks(make):
    file = make()
    fill(file, 2)
    assert file.missing(0, SIZE) == [(0, 2 * BLOCK), (3 * BLOCK, SIZE)]
    assert file.missing(BLOCK + 5, 10) == [(BLOCK, 2 * BLOCK)]
    assert file.missing(2 * BLOCK, BLOCK) == []
    assert file.missing(SIZE - 1, 1000) == [(5 * BLOCK, SIZE)]
    assert file.missing(SIZE, 1000) == []


def test_others_see_a_block_as_soon_as_it_is_written(make):
    first, second = make(), make()
    fill(first, 0)
    assert second.read(0, 10) == DATA[:10]
    assert second.first_missing() == 1


def test_blocks_must_be_whole(make):
    file = make()
    for number, data in ((0, b"x"), (5, bytes(BLOCK)), (6, b""), (-1, bytes(BLOCK))):
        with pytest.raises(ValueError, match="block"):
            file.write(number, data)


def test_a_block_that_is_here_is_not_written_again(make):
    file, other = make(), make()
    fill(file, 0)
    other.write(0, bytes(BLOCK))
    assert file.read(0, BLOCK) == other.read(0, BLOCK) == block(0)


def test_a_damaged_block_is_dropped_and_can_be_replaced(make, path):
    file = make()
    fill(file)
    file.mark_whole(file.checksums())
    flip(path, 2 * BLOCK + 7)
    reader = make()
    assert reader.whole
    assert reader.read(0, SIZE) is None
    assert not reader.whole
    assert reader.missing(0, SIZE) == [(2 * BLOCK, 3 * BLOCK)]
    assert reader.read(0, 2 * BLOCK) == DATA[: 2 * BLOCK]
    fill(reader, 2)
    assert reader.read(0, SIZE) is None, "the new block has not been verified with the others"
    assert reader.mark_whole(reader.checksums())
    assert reader.read(0, SIZE) == DATA


def test_a_block_that_lies_where_another_belongs_is_damage(make, path):
    file = make()
    fill(file)
    with open(path, "r+b") as raw:
        raw.seek(0)
        raw.write(block(1))
        raw.seek(0)
        assert raw.read(BLOCK) == block(1)
    # Its slot moved with it, and only the number in the checksum tells.
    slots = -(-SIZE // 65536) * 65536
    with open(path, "r+b") as raw:
        raw.seek(slots + 8)
        slot = raw.read(8)
        raw.seek(slots)
        raw.write(slot)
    assert make().read(0, 10) is None


@pytest.mark.parametrize("place", ["slots", "slots-complement"])
def test_a_damaged_slot_is_a_missing_block(make, path, place):
    file = make()
    fill(file)
    flip(path, -(-SIZE // 65536) * 65536 + (0 if place == "slots" else 4))
    assert make().missing(0, SIZE) == [(0, BLOCK)]


def test_a_file_of_another_key_is_refused(make):
    make()
    with pytest.raises(DamagedFileError):
        make(key=KEY.replace("a", "b"))


@pytest.mark.parametrize("size", [0, 10, 63, 64, 65536, -1])
def test_a_file_of_another_length_is_refused(make, path, size):
    make()
    os.truncate(path, size if size >= 0 else os.path.getsize(path) + size)
    with pytest.raises(DamagedFileError):
        make()


@pytest.mark.parametrize("offset", range(-64, -36, 3))
def test_a_damaged_footer_is_refused(make, path, offset):
    make()
    flip(path, os.path.getsize(path) + offset)
    with pytest.raises(DamagedFileError):
        make()


def test_whole_is_what_was_verified_together(make):
    file = make()
    fill(file, *range(5))
    assert not file.mark_whole(file.checksums())
    fill(file, 5)
    assert file.first_missing() == file.blocks
    checksums = file.checksums()
    assert not file.mark_whole([*checksums[:-1], checksums[-1] ^ 1])
    assert not file.mark_whole(checksums[:-1])
    assert not make().whole
    assert file.mark_whole(checksums)
    assert make().whole


def test_nothing_is_read_between_the_last_block_and_the_verification(make):
    file, other = make(), make()
    fill(file, 0, 1, 2, 3, 4)
    assert other.read(0, 10) == DATA[:10]
    fill(file, 5)
    for reader in (file, other, make()):
        assert reader.is_unverified()
        assert reader.read(0, 10) is None
        assert reader.read_block(5) is not None
    assert file.mark_whole(file.checksums())
    for reader in (file, other, make()):
        assert not reader.is_unverified()
        assert reader.read(0, SIZE) == DATA


def test_a_block_dropped_by_another_is_missing_again(make, path):
    file = make()
    fill(file)
    assert file.first_missing() == 6
    flip(path, 3 * BLOCK)
    assert make().read(3 * BLOCK, 1) is None
    assert file.read_block(3) is None
    assert file.first_missing() == 3


def test_an_empty_content(make):
    file = make(size=0)
    assert file.blocks == 0
    assert file.mark_whole([])
    assert file.read(0, 10) == b""
    assert make().whole


def test_unlinked_is_noticed_and_still_readable(make, path):
    file = make()
    fill(file, 0)
    assert not file.is_unlinked()
    os.unlink(path)
    assert file.is_unlinked()
    assert file.read(0, 10) == DATA[:10]


def test_many_writers_of_the_same_blocks(make):
    files = [make() for _ in range(4)]

    def work(number):
        for step in range(files[0].blocks):
            fill(files[number], (step + number) % files[0].blocks)
            found = files[number].read(0, SIZE)
            assert found is None or found == DATA
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(4)))
    last = make()
    assert last.mark_whole(last.checksums())
    assert last.read(0, SIZE) == DATA
