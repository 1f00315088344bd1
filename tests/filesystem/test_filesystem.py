"""What ``FileSystem`` answers, on a fake snapshot: attributes, names, listings, reads, and a subdirectory as root."""

from __future__ import annotations

import hashlib
import stat

import pytest
import trio
from fakes.snapshots import FakeBlobs, FakeFetcher, FakeFile, FakeSnapshot

from cvfs.errors import IntegrityError, MountError, NotInSnapshotError, UnlistedError, VersionNotFoundError
from cvfs.filesystem import ROOT_INO, FileSystem, Presentation

FILES = {
    "data/a": b"hello",
    "data/run": FakeFile(b"#!/bin/sh\n", executable=True),
    "data/deep/b": b"x" * 1025,
    "data/unsized": FakeFile(b"who knows how long", sized=False),
    "hidden/": b"",
    "z": b"",
}


def make(presentation: Presentation | None = None, files=FILES) -> tuple[FileSystem, FakeFetcher]:
    snapshot = FakeSnapshot(files)
    fetcher = FakeFetcher(snapshot)
    return FileSystem(snapshot, fetcher, FakeBlobs(snapshot), presentation or Presentation(uid=10, gid=20)), fetcher


def find(filesystem: FileSystem, path: str) -> int:
    ino = ROOT_INO
    for name in path.split("/"):
        found = filesystem.lookup(ino, name.encode())
        assert found is not None, path
        ino = found.ino
    return ino


def names(filesystem: FileSystem, ino: int, offset: int = 0) -> list[bytes]:
    return [name for name, _, _ in filesystem.entries(ino, offset)]


def test_file_is_read_only_and_has_the_times_of_the_commit() -> None:
    filesystem, _ = make()
    found = filesystem.attributes(find(filesystem, "data/a"))
    assert (found.mode, found.size, found.uid, found.gid) == (stat.S_IFREG | 0o444, 5, 10, 20)
    assert found.time == FakeSnapshot.time


@pytest.mark.parametrize(("path", "blocks"), [("z", 0), ("data/a", 1), ("data/deep/b", 3)])
def test_blocks_count_512_bytes_and_round_up(path: str, blocks: int) -> None:
    filesystem, _ = make()
    assert filesystem.attributes(find(filesystem, path)).blocks == blocks


def test_directory_takes_no_room() -> None:
    filesystem, _ = make()
    found = filesystem.attributes(find(filesystem, "data"))
    assert (found.mode, found.size, found.blocks) == (stat.S_IFDIR | 0o555, 0, 0)


@pytest.mark.parametrize(
    ("file_mode", "expected"), [(0o444, 0o555), (0o400, 0o500), (0o440, 0o550), (0o640, 0o750), (0o000, 0o000)]
)
def test_executable_file_can_be_run_by_who_can_read_it(file_mode: int, expected: int) -> None:
    filesystem, _ = make(Presentation(0, 0, file_mode=file_mode, dir_mode=0o500))
    assert stat.S_IMODE(filesystem.attributes(find(filesystem, "data/run")).mode) == expected
    assert stat.S_IMODE(filesystem.attributes(find(filesystem, "data/a")).mode) == file_mode
    assert stat.S_IMODE(filesystem.attributes(find(filesystem, "data")).mode) == 0o500


def test_absent_name_and_absent_inode() -> None:
    filesystem, _ = make()
    assert filesystem.lookup(ROOT_INO, b"nothing") is None
    with pytest.raises(NotInSnapshotError):
        filesystem.attributes(4711)


def test_listing_names_each_entry_once_and_goes_on_at_every_cookie() -> None:
    filesystem, _ = make()
    data = find(filesystem, "data")
    entries = list(filesystem.entries(data))
    assert [name for name, _, _ in entries] == [b"a", b"run", b"deep", b"unsized"]
    for position, (name, attributes, cookie) in enumerate(entries):
        assert filesystem.lookup(data, name) == attributes
        assert names(filesystem, data, cookie) == [name for name, _, _ in entries[position + 1 :]]


def test_directory_that_nobody_can_list_never_looks_empty() -> None:
    filesystem, _ = make()
    hidden = find(filesystem, "hidden")
    with pytest.raises(UnlistedError, match="hidden"):
        names(filesystem, hidden)
    with pytest.raises(UnlistedError):
        filesystem.lookup(hidden, b"anything")


def test_cached_bytes_are_read_at_once_and_others_are_waited_for() -> None:
    filesystem, fetcher = make()
    ino = find(filesystem, "data/a")
    assert filesystem.read_now(ino, 0, 5) is None
    assert trio.run(filesystem.read, ino, 1, 3) == b"ell"
    fetcher.cached.add("data/a")
    assert filesystem.read_now(ino, 1, 100) == b"ello"


def test_nothing_is_asked_for_beyond_the_end() -> None:
    filesystem, _ = make()
    assert filesystem.read_now(find(filesystem, "data/a"), 5, 100) == b""
    assert filesystem.read_now(find(filesystem, "z"), 0, 100) == b""


def test_size_that_was_not_recorded_is_learnt_when_the_file_is_opened() -> None:
    filesystem, _ = make()
    ino = find(filesystem, "data/unsized")
    before = filesystem.attributes(ino)
    assert (before.size, before.blocks, before.is_final) == (0, 0, False)
    trio.run(filesystem.learn_size, ino)
    after = filesystem.attributes(ino)
    assert (after.size, after.blocks, after.is_final) == (18, 1, True)
    assert [found for name, found, _ in filesystem.entries(find(filesystem, "data")) if name == b"unsized"] == [after]
    assert trio.run(filesystem.read, ino, 0, 4096) == b"who knows how long"
    assert filesystem.read_now(ino, 18, 4096) == b""


def test_size_that_was_not_recorded_is_known_of_what_is_on_this_machine() -> None:
    filesystem, fetcher = make()
    fetcher.cached.add("data/unsized")
    found = filesystem.attributes(find(filesystem, "data/unsized"))
    assert (found.size, found.is_final) == (18, True)


def test_nothing_is_asked_for_to_learn_a_size_that_was_recorded() -> None:
    filesystem, fetcher = make()
    fetcher.failures["data/a"] = VersionNotFoundError("nobody may ask")
    trio.run(filesystem.learn_size, find(filesystem, "data/a"))
    trio.run(filesystem.learn_size, find(filesystem, "data"))
    assert filesystem.attributes(find(filesystem, "data/a")).is_final


def test_bytes_that_end_before_a_learnt_size_are_an_error() -> None:
    filesystem, fetcher = make()
    ino = find(filesystem, "data/unsized")
    trio.run(filesystem.learn_size, ino)
    fetcher._cut = lambda content, offset, size: b"who"
    with pytest.raises(IntegrityError, match="3 bytes"):
        trio.run(filesystem.read, ino, 0, 4096)


@pytest.mark.parametrize("cached", [True, False])
def test_bytes_that_end_too_early_are_an_error_and_not_the_end_of_the_file(cached: bool) -> None:
    filesystem, fetcher = make()
    fetcher._cut = lambda content, offset, size: b"hel"
    ino = find(filesystem, "data/a")
    fetcher.cached = {"data/a"} if cached else set()
    with pytest.raises(IntegrityError, match="3 bytes"):
        filesystem.read_now(ino, 0, 4096) if cached else trio.run(filesystem.read, ino, 0, 4096)


def test_what_git_holds_is_read_from_git() -> None:
    filesystem, _ = make(files={"metrics.json": FakeFile(b'{"loss": 1}', in_git=True)})
    ino = find(filesystem, "metrics.json")
    assert filesystem.read_now(ino, 0, 100) is None
    assert trio.run(filesystem.read, ino, 1, 6) == b'"loss"'


def test_what_the_fetcher_raises_reaches_the_reader_as_it_is() -> None:
    filesystem, fetcher = make()
    fetcher.failures["data/a"] = VersionNotFoundError("gone")
    with pytest.raises(VersionNotFoundError, match="gone"):
        trio.run(filesystem.read, find(filesystem, "data/a"), 0, 5)


def test_statfs_counts_the_commit_and_has_nothing_free() -> None:
    filesystem, _ = make(files={"a": b"x" * 4096, "b": b"y"})
    totals = filesystem.statfs()
    assert (totals.blocks, totals.files, totals.name_max) == (2, 2, 255)


def test_origin_names_path_key_and_version_but_nothing_that_was_never_pushed() -> None:
    filesystem, _ = make(files={"d/a": b"1", "d/new": FakeFile(b"2", pushed=False)})
    ino = find(filesystem, "d/a")
    assert filesystem.path(ino) == "d/a"
    assert filesystem.origin(ino) == f"store remote, key d/a, version v-{ino}"
    md5 = hashlib.md5(b"d/new").hexdigest()
    assert filesystem.origin(find(filesystem, "d/new")) == f"store -, key -, version -, md5 {md5}"


@pytest.mark.parametrize("subdir", ["data", "/data/", "data/"])
def test_subdirectory_becomes_the_root(subdir: str) -> None:
    whole, _ = make()
    inner, fetcher = make(Presentation(0, 0, subdir=subdir))
    assert names(inner, ROOT_INO) == names(whole, find(whole, "data"))
    assert inner.attributes(ROOT_INO).ino == ROOT_INO
    ino = find(inner, "deep/b")
    assert inner.path(ino) == "data/deep/b"
    fetcher.cached.add("data/deep/b")
    assert inner.read_now(ino, 1020, 10) == b"xxxxx"
    seen = [attributes.ino for _, attributes, _ in inner.entries(ROOT_INO)]
    assert ROOT_INO not in seen
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("subdir", ["", ".", "/"])
def test_no_subdirectory_means_the_top(subdir: str) -> None:
    filesystem, _ = make(Presentation(0, 0, subdir=subdir))
    assert names(filesystem, ROOT_INO) == [b"data", b"hidden", b"z"]


def test_subdirectory_that_is_missing_or_a_file_is_refused() -> None:
    with pytest.raises(NotInSnapshotError, match="nowhere"):
        make(Presentation(0, 0, subdir="nowhere"))
    with pytest.raises(MountError, match="data/a is a file"):
        make(Presentation(0, 0, subdir="data/a"))
