"""Contents that are fetched whole: once, verified, and kept."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import trio
import trio.testing

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    NotPushedError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch.identity import cache_key
from cvfs.model import Content, Version

DATA = b"some bytes of a file\n" * 300


def wrong(piece):
    return replace(piece, data=b"x" * len(piece.data))


def test_a_content_is_fetched_once_and_then_read_from_the_cache(world):
    content = world.put(DATA)
    assert world.fetcher.read_now(content, 0, 10) is None
    assert world.read(content) == DATA
    assert world.read(content, 5, 7) == DATA[5:12]
    assert world.fetcher.read_now(content, 5, 7) == DATA[5:12]
    assert len(world.store.requests) == 1


def test_equal_bytes_under_another_name_and_remote_are_not_fetched_again(world):
    world.read(world.put(DATA))
    twin = world.put(DATA, "elsewhere/copy", remote="other")
    assert world.fetcher.read_now(twin, 0, len(DATA)) == DATA
    assert world.stores["other"].requests == []


def test_many_readers_of_one_cold_file_make_one_request(world):
    content = world.put(DATA)
    found = []

    async def reader(offset):
        found.append((offset, await world.fetcher.read(content, offset, 10)))

    async def work():
        world.store.stall()
        async with trio.open_nursery() as nursery:
            for offset in range(0, 500, 10):
                nursery.start_soon(reader, offset)
            await trio.to_thread.run_sync(world.store.wait_for_waiting, 1)
            await trio.testing.wait_all_tasks_blocked()
            world.store.release()

    world.run(work)
    assert sorted(found) == [(offset, DATA[offset : offset + 10]) for offset in range(0, 500, 10)]
    assert len(world.store.requests) == 1


def test_a_reader_that_is_killed_does_not_take_the_download_from_the_others(world):
    content = world.put(DATA)
    found = []

    async def reader():
        found.append(await world.fetcher.read(content, 0, len(DATA)))

    async def work():
        world.store.stall()
        async with trio.open_nursery() as nursery:
            first = trio.CancelScope()

            async def killed():
                with first:
                    await reader()

            nursery.start_soon(killed)
            await trio.to_thread.run_sync(world.store.wait_for_waiting, 1)
            nursery.start_soon(reader)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel()
            await trio.testing.wait_all_tasks_blocked()
            world.store.release()

    world.run(work)
    assert found == [DATA]
    assert len(world.store.requests) == 1


def test_wrong_bytes_are_fetched_once_more(world):
    content = world.put(DATA)
    world.store.change_next(wrong)
    assert world.read(content) == DATA
    assert len(world.store.requests) == 2


def test_wrong_bytes_twice_are_an_error_with_both_hashes_and_nothing_is_kept(world):
    content = world.put(DATA)
    world.store.change_next(wrong, times=2)
    with pytest.raises(IntegrityError) as caught:
        world.read(content)
    assert content.md5 in caught.value.message
    assert hashlib.md5(b"x" * len(DATA)).hexdigest() in caught.value.message
    assert world.fetcher.read_now(content, 0, 1) is None
    assert world.cache.usage().entries == 0
    world.clock.now += 3600
    assert world.read(content) == DATA


def test_another_size_than_the_recorded_one_is_an_error(world):
    content = replace(world.put(DATA), size=len(DATA) - 1)
    with pytest.raises(IntegrityError):
        world.read(content)


def test_a_failure_is_remembered_for_the_kernels_second_question_and_no_longer(world):
    content = world.put(DATA)
    world.store.fail_next(UnavailableError("down"))
    for _ in range(2):
        with pytest.raises(UnavailableError, match="down"):
            world.read(content)
    assert len(world.store.requests) == 1
    world.clock.now += 1.1
    assert world.read(content) == DATA


def test_a_file_that_was_never_pushed_says_so(world):
    with pytest.raises(NotPushedError, match="records no version"):
        world.read(Content(3, "0" * 32, None, None))


@pytest.mark.parametrize("error", [VersionNotFoundError("gone"), AccessDeniedError("no")])
def test_the_default_remote_is_asked_when_the_recorded_one_lacks_the_version(world, error):
    content = world.put(DATA)
    elsewhere = replace(content, version=replace(content.version, remote="other"))
    world.stores["other"].fail_next(error)
    assert world.read(elsewhere) == DATA
    assert len(world.stores["other"].requests) == 1


def test_what_the_recorded_remote_said_is_reported_when_no_remote_has_it(world):
    content = world.put(DATA)
    nowhere = replace(content, version=replace(content.version, remote="other", version_id="0"))
    with pytest.raises(VersionNotFoundError, match="other"):
        world.read(nowhere)


def test_a_content_without_a_hash_is_checked_by_size_and_etag(world):
    content = world.put(DATA, md5=False)
    assert world.read(content) == DATA
    again = world.put(DATA + b"!", md5=False)
    with pytest.raises(IntegrityError, match="etag"):
        world.read(replace(again, version=replace(again.version, etag="0" * 32)))


def test_a_content_without_a_size_is_read_to_its_end(world):
    content = replace(world.put(DATA), size=None)
    assert world.read(content, 0, 1 << 20) == DATA
    assert world.read(content, len(DATA), 10) == b""


def test_an_empty_content_is_fetched_like_any_other(world):
    assert world.read(world.put(b""), 0, 10) == b""


def test_a_legacy_hash_verifies_text_with_its_line_ends_changed(world):
    data = b"one\r\ntwo\r\n"
    stat = world.store.put("text", data)
    version = Version("up", "text", stat.version_id, stat.etag)
    legacy = hashlib.md5(data.replace(b"\r\n", b"\n")).hexdigest()
    assert world.read(Content(len(data), None, legacy, version)) == data
    other = world.store.put("other", data)
    with pytest.raises(IntegrityError):
        world.read(Content(len(data), None, "0" * 32, Version("up", "other", other.version_id)))


def test_a_cache_without_room_is_read_past(make_world):
    world = make_world(max_size=100)
    content = world.put(DATA)
    for _ in range(2):
        assert world.read(content) == DATA
    assert len(world.store.requests) == 2


def test_keys_name_bytes_by_md5_or_else_by_their_version():
    version = Version("up", "a", "1", "e")
    by_hash = Content(1, "a" * 32, None, version)
    by_version = Content(1, None, None, version)
    assert cache_key(by_hash, "s3://x") == cache_key(replace(by_hash, version=None), None) == "md5-" + "a" * 32
    keys = {
        cache_key(by_version, "s3://x"),
        cache_key(by_version, "s3://y"),
        cache_key(replace(by_version, version=replace(version, key="b")), "s3://x"),
        cache_key(replace(by_version, version=replace(version, version_id="2")), "s3://x"),
        # A legacy hash is shared by different bytes.
        cache_key(replace(by_version, version=replace(version, version_id="3"), text_md5="a" * 32), "s3://x"),
    }
    assert len(keys) == 5
    assert all(key.startswith("ver-") for key in keys)
    assert cache_key(replace(by_version, version=None), "s3://x") is None


def test_200_readers_of_a_store_that_hangs_hold_up_nobody_else(world):
    cold = [world.put(b"%d" % number, f"cold/{number}") for number in range(200)]
    cached = world.put(DATA)
    world.read(cached)
    healthy = world.put(b"healthy", "h", remote="other")

    async def work():
        with world.store.stalled():
            async with trio.open_nursery() as nursery:
                for content in cold:
                    nursery.start_soon(world.fetcher.read, content, 0, 10)
                await trio.testing.wait_all_tasks_blocked()
                assert world.fetcher.read_now(cached, 0, 5) == DATA[:5]
                assert await world.fetcher.read(cached, 0, 5) == DATA[:5]
                assert await world.fetcher.read(healthy, 0, 10) == b"healthy"
                nursery.cancel_scope.cancel()

    world.run(work)
