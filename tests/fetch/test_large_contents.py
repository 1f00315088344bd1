"""Contents that are fetched by range: blocks once, checked as far as a range can be, and as a whole at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from fetch_bytes import some_bytes

from cvfs.cache.block_file import BLOCK
from cvfs.errors import IntegrityError
from cvfs.fetch.fetcher import SMALL

SIZE = SMALL + 5 * BLOCK + 1234
DATA = some_bytes(SIZE)


def fetched(store):
    return sum(request.length for request in store.requests)


def read_in_order(world, content, step=128 * 1024):
    async def work():
        offsets = range(0, SIZE, step)
        return b"".join([await world.fetcher.read(content, offset, min(step, SIZE - offset)) for offset in offsets])

    return world.run(work)


def test_the_last_kib_costs_a_block_and_not_the_file(world):
    content = world.put(DATA)
    assert world.read(content, SIZE - 1024, 1024) == DATA[-1024:]
    assert fetched(world.store) <= 2 * BLOCK
    assert world.cache.state(f"md5-{content.md5}") == "partial"


def test_random_reads_fetch_the_blocks_that_they_touch_and_each_once(world):
    content = world.put(DATA)
    for offset in (9 * BLOCK, 18 * BLOCK + 17, 0, 9 * BLOCK):  # too far apart to be one stream
        assert world.read(content, offset, 1000) == DATA[offset : offset + 1000]
    assert fetched(world.store) == 3 * BLOCK


def test_reading_in_order_gets_every_byte_once_and_ends_verified(world):
    content = world.put(DATA)
    assert read_in_order(world, content) == DATA
    assert fetched(world.store) == SIZE
    assert world.cache.state(f"md5-{content.md5}") == "whole"
    assert len(world.store.requests) < SIZE / BLOCK, "the window did not grow"


def test_many_readers_of_one_block_make_one_request(world):
    content = world.put(DATA)
    found = []

    async def reader(offset):
        found.append(await world.fetcher.read(content, offset, 100) == DATA[offset : offset + 100])

    async def work():
        world.store.stall()
        async with trio.open_nursery() as nursery:
            for offset in range(7 * BLOCK, 8 * BLOCK, BLOCK // 16):
                nursery.start_soon(reader, offset)
            await trio.to_thread.run_sync(world.store.wait_for_requests, 1)
            await trio.testing.wait_all_tasks_blocked()
            world.store.release()

    world.run(work)
    assert found == [True] * 16
    assert sum(request.start == 7 * BLOCK for request in world.store.requests) == 1


def test_what_was_fetched_before_is_not_fetched_by_the_next_mount(world):
    content = world.put(DATA)
    world.read(content, 3 * BLOCK, 10)
    world.cache.flush()
    before = fetched(world.store)
    world.fetcher = world.another()
    assert world.read(content, 3 * BLOCK + 5, 5) == DATA[3 * BLOCK + 5 : 3 * BLOCK + 10]
    assert fetched(world.store) == before


def test_wrong_bytes_are_found_before_the_last_of_them_is_served(world):
    content = world.put(DATA)
    world.store.change_next(lambda piece: replace(piece, data=b"x" * len(piece.data)))
    assert world.read(content, 3 * BLOCK, 10) == b"x" * 10, "a range cannot be verified"
    with pytest.raises(IntegrityError, match=content.md5):
        read_in_order(world, content)
    assert world.cache.state(f"md5-{content.md5}") != "whole"
    with pytest.raises(IntegrityError, match=content.md5):
        world.read(content, 0, 10)
    before = len(world.store.requests)
    world.clock.now += 3600
    assert read_in_order(world, content) == DATA
    assert len(world.store.requests) > before


def test_the_next_mount_verifies_what_a_killed_one_completed(world):
    content = world.put(DATA)
    key = f"md5-{content.md5}"
    partial = world.cache.partial(key, SIZE)
    partial.write(0, DATA)
    assert world.fetcher.read_now(content, 0, 10) is None
    assert world.read(content, 0, 10) == DATA[:10]
    assert world.cache.state(key) == "whole"
    assert world.store.requests == []


def test_the_next_mount_drops_what_a_killed_one_completed_wrongly(world):
    content = world.put(DATA)
    world.cache.partial(f"md5-{content.md5}", SIZE).write(0, bytes(SIZE))
    with pytest.raises(IntegrityError, match=content.md5):
        world.read(content, 0, 10)
    assert world.cache.state(f"md5-{content.md5}") == "none"
    world.clock.now += 3600
    assert world.read(content, 0, 10) == DATA[:10]


@pytest.mark.parametrize(
    "change",
    [
        lambda piece: replace(piece, start=piece.start + 1),
        lambda piece: replace(piece, data=piece.data[:-1]),
        lambda piece: replace(piece, stat=replace(piece.stat, size=piece.stat.size + 1)),
        lambda piece: replace(piece, stat=replace(piece.stat, etag="0" * 32)),
        lambda piece: replace(piece, stat=replace(piece.stat, version_id="another")),
    ],
    ids=["another range", "short", "another size", "another etag", "another version"],
)
def test_an_answer_that_is_not_the_range_asked_for_is_refused(world, change):
    content = world.put(DATA)
    world.store.change_next(change, times=2)
    with pytest.raises(IntegrityError):
        world.read(content, BLOCK, 100)
    assert world.cache.state(f"md5-{content.md5}") != "whole"
    world.clock.now += 3600
    assert world.read(content, BLOCK, 100) == DATA[BLOCK : BLOCK + 100]


def test_a_cache_without_room_is_read_past(make_world):
    world = make_world(max_size=1000)
    content = world.put(DATA)
    assert world.read(content, 5 * BLOCK, 3000) == DATA[5 * BLOCK : 5 * BLOCK + 3000]
    assert read_in_order(world, content) == DATA
