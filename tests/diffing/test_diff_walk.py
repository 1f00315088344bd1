"""The walk through two trees and what is made of the differences, against the plain way to compute both."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.diffing.changes import ChangeKind, Changes, collected
from cvfs.diffing.trees import Leaf, MemoryBranch, has_path
from cvfs.diffing.walk import Walk
from cvfs.errors import WorkspaceError
from cvfs.model import Kind
from cvfs.workspace.dvc_cache import CachedFile, listing_md5

NAMES = st.sampled_from(["a", "b", "a-", "a.b", "ü"])


def without_files_below_files(files: dict[str, int]) -> dict[str, int]:
    return {path: data for path, data in files.items() if not any(other.startswith(f"{path}/") for other in files)}


PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.integers(0, 4), max_size=8).map(without_files_below_files)


def md5_of(data: object) -> str:
    return hashlib.md5(str(data).encode()).hexdigest()


def tree_of(files: dict[str, object]) -> MemoryBranch:
    tree = MemoryBranch()
    for path, data in files.items():
        tree.put(path, data if isinstance(data, Leaf) else Leaf(Kind.FILE, len(str(data)), md5_of(data)))
    return tree


def changes_between(old, new, within=(), listings=lambda _leaf: None):
    walk = Walk([path.encode() for path in within], listings)
    with collected(walk.differences(tree_of(old), tree_of(new))) as changes:
        return [(change.kind, change.path, change.old_path) for change in changes]


def unlisted(md5: str, *, legacy: bool = False) -> Leaf:
    return Leaf(Kind.UNLISTED, None, md5, legacy)


@given(TREES, TREES)
def test_changes_make_the_new_tree_of_the_old_one(old, new):
    made = dict(old)
    walk = Walk((), lambda _leaf: None)
    with collected(walk.differences(tree_of(old), tree_of(new))) as changes:
        found = list(changes)
        assert sum(total.count for total in changes.totals().values()) == len(found)
        assert sorted(found, key=str) == sorted((c for kind in ChangeKind for c in changes.of(kind)), key=str)
    for change in found:
        if change.kind is ChangeKind.RENAMED:
            assert change.old.md5 == change.new.md5
            assert change.path not in old
        if change.old is not None:
            del made[change.old_path or change.path]
    contents = {md5_of(data): data for data in range(5)}
    for change in found:
        if change.new is not None:
            made[change.path] = contents[change.new.md5]
    assert made == new
    paths = [change.path.encode() for change in found]
    assert paths == sorted(paths)


@given(TREES, TREES)
def test_every_content_that_moved_is_a_rename(old, new):
    with collected(Walk((), lambda _leaf: None).differences(tree_of(old), tree_of(new))) as changes:
        gone = {change.old.md5 for change in changes.of(ChangeKind.DELETED)}
        come = {change.new.md5 for change in changes.of(ChangeKind.ADDED)}
    assert gone & come == set()


def test_a_file_that_kept_its_name_is_the_one_that_moved():
    old = {"x/keep": 1, "x/other": 1}
    new = {"y/zzz": 1, "y/keep": 1}
    found = changes_between(old, new)
    assert found == [(ChangeKind.RENAMED, "y/keep", "x/keep"), (ChangeKind.RENAMED, "y/zzz", "x/other")]


def test_a_file_that_became_a_directory_is_two_changes():
    assert changes_between({"a": 1}, {"a/b": 2}) == [(ChangeKind.DELETED, "a", None), (ChangeKind.ADDED, "a/b", None)]


def test_only_what_is_asked_for_is_looked_at():
    old, new = {"a/x": 1, "ab": 1, "c": 1}, {"a/x": 2, "ab": 2, "c": 2}
    assert changes_between(old, new, ["a"]) == [(ChangeKind.MODIFIED, "a/x", None)]
    assert changes_between(old, new, ["a/x", "c"]) == [
        (ChangeKind.MODIFIED, "a/x", None),
        (ChangeKind.MODIFIED, "c", None),
    ]


FILES = {"d/a": 1, "d/s/b": 2}
HASH = listing_md5([("a", md5_of(1)), ("s/b", md5_of(2))])


def test_a_directory_known_by_its_hash_equals_the_files_that_have_it():
    assert changes_between({"d": unlisted(HASH)}, FILES) == []
    assert changes_between(FILES, {"d": unlisted(HASH)}) == []
    assert changes_between({"d": unlisted(HASH)}, {"d": unlisted(HASH)}) == []


@pytest.mark.parametrize("other", [{**FILES, "d/c": 3}, {"d": unlisted("0" * 32)}])
def test_what_differs_below_an_unknown_listing_is_the_directory(other):
    assert changes_between({"d": unlisted(HASH)}, other) == [(ChangeKind.MODIFIED, "d", None)]
    assert changes_between(other, {"d": unlisted(HASH)}) == [(ChangeKind.MODIFIED, "d", None)]


def test_a_listing_in_a_cache_tells_which_files_differ():
    def listings(leaf):
        return [CachedFile("a", md5_of(1)), CachedFile("s/b", md5_of(2))] if leaf.md5 == HASH else None

    new = {"d/a": 1, "d/s/b": 4}
    assert changes_between({"d": unlisted(HASH)}, new, (), listings) == [(ChangeKind.MODIFIED, "d/s/b", None)]
    assert changes_between({"d": unlisted(HASH)}, {}, (), listings) == [
        (ChangeKind.DELETED, "d/a", None),
        (ChangeKind.DELETED, "d/s/b", None),
    ]
    assert changes_between({}, {"d": unlisted("0" * 32)}, (), listings) == [(ChangeKind.ADDED, "d", None)]


def test_a_directory_that_became_a_file_is_two_changes_even_if_its_files_are_unknown():
    assert sorted(changes_between({"d": unlisted(HASH)}, {"d": 1}), key=str) == [
        (ChangeKind.ADDED, "d", None),
        (ChangeKind.DELETED, "d", None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (Leaf(Kind.FILE, 3, "1" * 32, legacy=True), Leaf(Kind.FILE, 3, "1" * 32), True),
        (Leaf(Kind.FILE, 4, "1" * 32, legacy=True), Leaf(Kind.FILE, 3, "1" * 32), False),
        (Leaf(Kind.FILE, 3, "1" * 32, True, "", "v"), Leaf(Kind.FILE, 3, "2" * 32, False, "", "v"), True),
        (Leaf(Kind.FILE, 3, "1" * 32, False, "", "v"), Leaf(Kind.FILE, 3, "1" * 32, False, "", "w"), True),
        (Leaf(Kind.FILE, 3, None, False, "", "v"), Leaf(Kind.FILE, 3, None, False, "", "v"), True),
        (Leaf(Kind.FILE, 3, None, False, "", "v"), Leaf(Kind.FILE, 3, None, False, "", "w"), False),
        (Leaf(Kind.FILE, 3, None, etag="e"), Leaf(Kind.FILE, 3, None, etag="e"), True),
        (Leaf(Kind.FILE, 3, None), Leaf(Kind.FILE, 3, None), False),
    ],
)
def test_what_is_recorded_decides_whether_a_file_is_the_same(old, new, same):
    assert (changes_between({"f": old}, {"f": new}) == []) is same


def test_totals_count_files_and_bytes():
    with collected(
        Walk((), lambda _leaf: None).differences(tree_of({"a": 1, "b": 1}), tree_of({"a": 1000}))
    ) as changes:
        totals = changes.totals()
    assert {kind: (total.count, total.growth) for kind, total in totals.items()} == {
        ChangeKind.DELETED: (1, -1),
        ChangeKind.MODIFIED: (1, 3),
    }


def test_a_full_disk_is_an_error_of_ours(monkeypatch):
    def full(*_arguments):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Changes, "take", full)
    with pytest.raises(WorkspaceError, match="full"), collected([]):
        pass


def test_a_path_is_there_if_it_could_be_below_an_unknown_listing():
    tree = tree_of({"a/b": 1, "d": unlisted(HASH)})
    assert [has_path(tree, path.split(b"/")) for path in (b"a", b"a/b", b"d/x", b"a/c", b"a/b/c")] == [
        True, True, True, False, False,
    ]  # fmt: skip
