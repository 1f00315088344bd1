"""Who waits behind whom."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.testing

from cvfs.fetch.lanes import Lanes, Limits, Ticket

NARROW = Limits(foreground=2, background=1, disk_reads=1, disk_writes=1, hashes=1)


def run(work):
    async def main():
        with trio.fail_after(60):
            await work()

    trio.run(main)


@pytest.fixture
def lanes():
    return Lanes(NARROW)


class Visitor:
    """A task that holds a place until it is told to leave."""

    def __init__(self, lanes, remote="r", *, urgent=True):
        self.lanes = lanes
        self.remote = remote
        self.ticket = Ticket(urgent=urgent)
        self.inside = False
        self.leave = trio.Event()

    async def __call__(self):
        async with self.lanes.place(self.remote, self.ticket):
            self.inside = True
            await self.leave.wait()
        self.inside = False


def test_a_lane_takes_so_many_and_each_remote_has_its_own(lanes):
    async def work():
        visitors = [Visitor(lanes, remote) for remote in ("a", "a", "a", "b")]
        async with trio.open_nursery() as nursery:
            for visitor in visitors:
                nursery.start_soon(visitor)
                await trio.testing.wait_all_tasks_blocked()
            assert [visitor.inside for visitor in visitors] == [True, True, False, True]
            visitors[0].leave.set()
            await trio.testing.wait_all_tasks_blocked()
            assert [visitor.inside for visitor in visitors] == [False, True, True, True]
            nursery.cancel_scope.cancel()

    run(work)


def test_read_ahead_takes_no_place_from_readers(lanes):
    async def work():
        ahead = [Visitor(lanes, urgent=False) for _ in range(5)]
        reader = Visitor(lanes)
        async with trio.open_nursery() as nursery:
            for visitor in (*ahead, reader):
                nursery.start_soon(visitor)
                await trio.testing.wait_all_tasks_blocked()
            assert sum(visitor.inside for visitor in ahead) == 1
            assert reader.inside
            nursery.cancel_scope.cancel()

    run(work)


@pytest.mark.parametrize("when", ["waiting", "inside", "before"])
def test_read_ahead_that_somebody_waits_for_moves_to_the_front(lanes, when):
    async def work():
        first, second = Visitor(lanes, urgent=False), Visitor(lanes, urgent=False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await trio.testing.wait_all_tasks_blocked()
            if when == "before":
                second.ticket.hurry()
            nursery.start_soon(second)
            await trio.testing.wait_all_tasks_blocked()
            assert second.inside is (when == "before")
            if when == "inside":
                first.leave.set()
                await trio.testing.wait_all_tasks_blocked()
            second.ticket.hurry()
            await trio.testing.wait_all_tasks_blocked()
            assert second.inside
            second.leave.set()
            first.leave.set()
        # All places have been given back, in the lane where they were taken.
        async with trio.open_nursery() as nursery:
            rest = [Visitor(lanes), Visitor(lanes), Visitor(lanes, urgent=False)]
            for visitor in rest:
                nursery.start_soon(visitor)
            await trio.testing.wait_all_tasks_blocked()
            assert all(visitor.inside for visitor in rest)
            nursery.cancel_scope.cancel()

    run(work)


def test_a_place_is_given_back_after_an_error(lanes):
    async def work():
        for _ in range(5):
            with pytest.raises(KeyError):
                async with lanes.place("r", Ticket(urgent=True)):
                    raise KeyError

    run(work)


def test_a_download_that_hangs_does_not_hold_up_the_end(lanes):
    release = threading.Event()

    async def work():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lanes.download, release.wait, 60)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    try:
        run(work)
    finally:
        release.set()


def test_disk_and_network_do_not_wait_for_each_other(lanes):
    release = threading.Event()

    async def work():
        async with trio.open_nursery() as nursery:
            for hang in (lanes.download, lanes.write, lanes.hash):
                nursery.start_soon(hang, release.wait, 60)
            await trio.testing.wait_all_tasks_blocked()
            assert await lanes.read(lambda number: number + 1, 1) == 2
            release.set()

    try:
        run(work)
    finally:
        release.set()
