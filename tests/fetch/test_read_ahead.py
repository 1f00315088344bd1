"""Which bytes should be on their way, given the reads so far."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from cvfs.fetch.read_ahead import _LEAST, _MOST, ReadAhead

KIB = 1024
MIB = 1024 * 1024
GIB = 1024 * MIB
READ = 128 * KIB


def plans(ahead, offsets, length=READ):
    return [plan for offset in offsets if (plan := ahead.note(offset, length)) is not None]


def covered(found):
    return sum(stop - start for start, stop in found)


def test_one_read_says_nothing():
    assert ReadAhead(GIB).note(0, READ) is None
    assert ReadAhead(GIB).note(5 * MIB, READ) is None


def test_the_second_in_a_row_begins_a_small_window():
    ahead = ReadAhead(GIB)
    assert plans(ahead, [0, READ]) == [(2 * READ, 2 * READ + _LEAST)]


def test_the_window_grows_with_what_was_read_up_to_its_bound():
    ahead = ReadAhead(GIB)
    found = plans(ahead, range(0, 400 * MIB, READ))
    sizes = [stop - start for start, stop in found]
    assert sizes[0] == _LEAST
    assert sizes[1] < sizes[8] < sizes[12]
    assert max(sizes) <= _MOST
    assert sizes[-1] >= _MOST // 2
    # Each byte once, in order, without a gap.
    assert all(first[1] == second[0] for first, second in pairwise(found))
    assert found[-1][1] >= 400 * MIB + _MOST // 2


@pytest.mark.parametrize("reads", [2, 3, 8, 40, 200])
def test_what_is_fetched_in_vain_is_bounded_by_what_was_read(reads):
    found = plans(ReadAhead(GIB), range(0, reads * READ, READ))
    assert found[-1][1] - reads * READ <= max(reads * READ, _LEAST)


def test_reads_out_of_order_are_one_stream():
    ahead = ReadAhead(GIB)
    chance = random.Random(1)
    offsets = []
    for start in range(0, 64 * MIB, 4 * READ):
        group = [start + number * READ for number in range(4)]
        chance.shuffle(group)
        offsets += group
    found = plans(ahead, offsets)
    assert found[-1][1] - found[-1][0] > 8 * MIB
    assert all(first[1] <= second[0] for first, second in pairwise(found))


def test_several_streams_do_not_disturb_each_other():
    ahead = ReadAhead(8 * GIB)
    starts = [number * GIB for number in range(8)]
    offsets = [start + step * READ for step in range(40) for start in starts]
    found = plans(ahead, offsets)
    for start in starts:
        mine = [plan for plan in found if start <= plan[0] < start + GIB]
        assert mine[-1][1] >= start + 40 * READ + _LEAST


def test_random_reads_fetch_next_to_nothing_ahead():
    ahead = ReadAhead(100 * GIB)
    chance = random.Random(2)
    offsets = [chance.randrange(0, 100 * GIB, 4096) for _ in range(2000)]
    assert covered(plans(ahead, offsets, length=4096)) < 2000 * 4096


def test_reading_backwards_or_again_is_not_a_sequence():
    ahead = ReadAhead(GIB)
    assert plans(ahead, range(64 * MIB, 0, -READ)) == []
    ahead = ReadAhead(GIB)
    assert plans(ahead, [0, 0, 0, 0]) == []


def test_nothing_lies_beyond_the_end():
    size = 3 * MIB + 17
    found = plans(ReadAhead(size), range(0, size, READ))
    assert max(stop for _, stop in found) == size
    assert plans(ReadAhead(READ + 5), [0, READ]) == []
