"""What the fetcher promises beside bytes: nobody is held up, nothing ends it, everybody learns what went wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from fetch_bytes import some_bytes

from cvfs.cache.block_file import BLOCK
from cvfs.errors import CredentialsError, UnavailableError, VersionNotFoundError
from cvfs.fetch.fetcher import SMALL
from cvfs.fetch.large import RUN

DATA = b"some bytes of a file\n" * 300
SIZE = SMALL + 40 * BLOCK + 77
LARGE = some_bytes(SIZE)


def test_leaving_is_not_held_up_by_a_store_that_hangs(world):
    content, large = world.put(DATA), world.put(LARGE, "large")

    async def work():
        async with trio.open_nursery() as nursery:
            for cold in (content, large):
                nursery.start_soon(world.fetcher.read, cold, 0, 10)
            await trio.to_thread.run_sync(world.store.wait_for_waiting, 2)
            nursery.cancel_scope.cancel()

    with world.store.stalled():
        world.run(work)


def test_readers_who_still_wait_at_the_end_are_told(world):
    content, large = world.put(DATA), world.put(LARGE, "large")
    told = []

    async def reader(cold):
        with pytest.raises(UnavailableError) as caught:
            await world.fetcher.read(cold, 0, 10)
        told.append(caught.value.message)

    async def main():
        async with trio.open_nursery() as nursery:
            async with world.fetcher.running():
                nursery.start_soon(reader, content)
                nursery.start_soon(reader, large)
                await trio.to_thread.run_sync(world.store.wait_for_waiting, 2)

    with world.store.stalled():
        trio.run(main)
    assert all("ended" in message for message in told)
    assert len(told) == 2


@pytest.mark.parametrize("size", [len(DATA), SIZE])
def test_an_error_that_nobody_foresaw_reaches_the_reader_and_ends_nothing(world, size):
    content = world.put(some_bytes(size))
    world.store.fail_next(ZeroDivisionError("a bug"))

    async def work():
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await world.fetcher.read(content, 0, 10)
        return await world.fetcher.read(content, 0, 10)

    assert world.run(work) == some_bytes(size)[:10]


def test_the_same_bytes_with_another_version_are_tried_when_the_first_version_is_gone(world):
    good = world.put(DATA)
    gone = replace(good, version=replace(good.version, version_id="gone"))
    found = {}

    async def reader(name, content):
        try:
            found[name] = await world.fetcher.read(content, 0, 5)
        except VersionNotFoundError as error:
            found[name] = error

    async def work():
        world.store.stall()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader, "gone", gone)
            await trio.to_thread.run_sync(world.store.wait_for_waiting, 1)
            nursery.start_soon(reader, "good", good)
            await trio.testing.wait_all_tasks_blocked()
            world.store.release()

    world.run(work)
    assert isinstance(found["gone"], VersionNotFoundError)
    assert found["good"] == DATA[:5]


def test_a_large_content_of_unknown_size(world):
    content = replace(world.put(LARGE), size=None)
    assert world.read(content, SIZE - 5, 100) == LARGE[-5:]
    assert world.read(content, SIZE, 100) == b""
    assert world.read(content, 3, 10) == LARGE[3:13]
    assert sum(request.length for request in world.store.requests) <= SMALL + 3 * BLOCK


@pytest.mark.parametrize("data", [DATA, LARGE], ids=["small", "large"])
def test_without_a_hash_the_next_mount_finds_it_under_its_version(world, data):
    content = world.put(data, md5=False)
    assert world.read(content, 0, 100) == data[:100]
    world.cache.flush()
    before = len(world.store.requests)
    world.fetcher = world.another()
    assert world.fetcher.read_now(content, 0, 100) is None, "the store that is part of its name has not been made"
    assert world.read(content, 0, 100) == data[:100]
    assert world.fetcher.read_now(content, 0, 100) == data[:100]
    assert len(world.store.requests) == before


def test_an_object_that_is_far_larger_than_recorded_is_not_taken_into_memory(world):
    content = replace(world.put(LARGE), size=10)
    with pytest.raises(Exception, match=f"{SIZE} bytes, and 10 were recorded"):
        world.read(content)
    assert {request.length for request in world.store.requests} == {SMALL}


def test_reads_from_the_cache_drive_the_read_ahead_whichever_thread_they_come_from(world):
    content = world.put(LARGE)

    def in_a_thread():
        for offset in range(BLOCK, 2 * BLOCK, BLOCK // 4):
            assert world.fetcher.read_now(content, offset, BLOCK // 4) is not None

    async def work():
        await world.fetcher.read(content, BLOCK, 10)
        assert len(world.store.requests) == 1
        await trio.to_thread.run_sync(in_a_thread)
        await trio.to_thread.run_sync(world.store.wait_for_requests, 2)

    world.run(work)
    assert world.store.requests[1].start == 2 * BLOCK


def test_a_reader_of_what_is_being_read_ahead_waits_for_that_and_asks_for_nothing(world):
    content = world.put(LARGE)

    async def work():
        await world.fetcher.read(content, 0, BLOCK)
        world.store.stall()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.fetcher.read, content, BLOCK // 2, BLOCK // 2)
            nursery.start_soon(world.fetcher.read, content, BLOCK, BLOCK)
            await trio.to_thread.run_sync(world.store.wait_for_requests, 3)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(world.fetcher.read, content, 3 * BLOCK, 100)
            await trio.testing.wait_all_tasks_blocked()
            world.store.release()

    world.run(work)
    starts = [request.start for request in world.store.requests]
    assert len(starts) == len(set(starts))
    assert 3 * BLOCK not in starts


def test_read_ahead_that_fails_is_nobodys_error(world):
    content = world.put(LARGE)

    async def work():
        await world.fetcher.read(content, 0, BLOCK)
        world.store.fail_next(CredentialsError("expired"))
        # The second read of a sequence: what fails is the request for what follows, or its own, asked for again.
        found = []
        for offset in range(BLOCK, 6 * BLOCK, BLOCK):
            try:
                found.append(await world.fetcher.read(content, offset, BLOCK))
            except CredentialsError:
                world.clock.now += 2
                found.append(await world.fetcher.read(content, offset, BLOCK))
        return b"".join(found)

    assert world.run(work) == LARGE[BLOCK : 6 * BLOCK]


def test_requests_are_bounded_in_size_and_parallel_when_reads_are_sequential(world):
    data = some_bytes(6 * RUN)
    content = world.put(data)

    async def read_on(start, stop):
        for offset in range(start, stop, BLOCK):
            assert await world.fetcher.read(content, offset, BLOCK) == data[offset : offset + BLOCK]

    async def work():
        await read_on(0, 2 * RUN)
        world.store.stall()
        before = len(world.store.requests)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_on, 2 * RUN, len(data))
            await trio.to_thread.run_sync(world.store.wait_for_requests, before + 2)
            assert world.store.waiting >= 2
            world.store.release()

    world.run(work)
    assert max(request.length for request in world.store.requests) == RUN
    assert sum(request.length for request in world.store.requests) == len(data)
    assert world.cache.state(f"md5-{content.md5}") == "whole"
