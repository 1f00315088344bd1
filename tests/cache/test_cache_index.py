"""The tables of a cache."""

from __future__ import annotations

import pytest
from cache_contents import some_key

from cvfs.cache.directory import open_layout
from cvfs.cache.index import Batch, Index, Location, Victim


@pytest.fixture
def index(tmp_path):
    index = Index(open_layout(str(tmp_path)))
    yield index
    index.close()


def test_what_was_committed_is_found(index):
    at = Location(pack=2**61, start=5, length=7, crc=2**32 - 1)
    assert index.lookup(some_key(1)) is None
    index.commit(Batch(entries={some_key(1): at}, packs={2**61: 12}, objects={some_key(2): 100}), now=10)
    assert index.lookup(some_key(1)) == at
    assert index.lookup(some_key(2)) is None
    assert (index.total(), index.count()) == (112, 2)
    assert index.packs() == {2**61}
    assert index.objects("ver-00") == {some_key(2)}
    assert index.objects("md5-00") == set()


def test_a_pack_only_grows_and_a_large_content_is_as_large_as_last_seen(index):
    index.commit(Batch(packs={1: 50}, objects={some_key(1): 50}), now=10)
    index.commit(Batch(packs={1: 30}, objects={some_key(1): 30}), now=11)
    assert index.total() == 80


def test_a_large_content_that_is_gone_is_forgotten(index):
    index.commit(Batch(objects={some_key(1): 50}), now=10)
    index.commit(Batch(objects={some_key(1): None, some_key(2): None}), now=11)
    assert (index.total(), index.count()) == (0, 0)


def test_an_entry_is_forgotten_only_where_it_was(index):
    old, new = Location(1, 0, 5, 1), Location(1, 5, 5, 1)
    index.commit(Batch(entries={some_key(1): new}), now=10)
    index.commit(Batch(forgotten={some_key(1): old}), now=11)
    assert index.lookup(some_key(1)) == new
    index.commit(Batch(forgotten={some_key(1): new}), now=12)
    assert index.lookup(some_key(1)) is None


def test_the_oldest_come_first_whatever_they_are(index):
    for now, batch in enumerate(
        [Batch(packs={1: 10}), Batch(objects={some_key(1): 20}), Batch(packs={2: 30}), Batch(objects={some_key(2): 40})]
    ):
        index.commit(batch, now)
    assert index.oldest(3) == [Victim(1, 10, 0), Victim(some_key(1), 20, 1), Victim(2, 30, 2)]
    index.commit(Batch(used_packs={1}, used_objects={some_key(1)}), now=9)
    assert [victim.name for victim in index.oldest(9)] == [2, some_key(2), 1, some_key(1)]


def test_a_time_of_use_never_goes_back(index):
    index.commit(Batch(packs={1: 10}), now=9)
    index.commit(Batch(used_packs={1}, used_objects={"unknown"}), now=5)
    assert index.oldest(1) == [Victim(1, 10, 9)]


def test_removing_a_pack_removes_what_is_in_it(index):
    index.commit(
        Batch(
            entries={some_key(1): Location(1, 0, 5, 0), some_key(2): Location(2, 0, 5, 0)},
            packs={1: 5, 2: 5},
            objects={some_key(3): 7, some_key(4): 8},
        ),
        now=1,
    )
    index.remove([1, some_key(3)])
    assert index.lookup(some_key(1)) is None
    assert index.lookup(some_key(2)) is not None
    assert index.total() == 13


def test_taking_in_does_not_replace_what_is_known(index):
    index.commit(Batch(objects={some_key(1): 50}), now=10)
    index.adopt(some_key(1), 99, 99)
    index.adopt(some_key(2), 7, 3)
    assert index.oldest(2) == [Victim(some_key(2), 7, 3), Victim(some_key(1), 50, 10)]


def test_packs_with_room_the_fullest_first(index):
    index.commit(Batch(packs={1: 10, 2: 90, 3: 50, 4: 100}), now=1)
    assert index.unfilled_packs(100, 2) == [2, 3]
