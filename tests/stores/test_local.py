"""The versioned directory: what lies on the disk, also after a crash, and what no key can reach."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from cvfs.errors import StoreError, VersionNotFoundError
from cvfs.stores.local import LocalStore


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


def put(store: LocalStore, key: str, data: bytes) -> str:
    version_id = store.put(key, data).version_id
    assert version_id
    return version_id


def hidden_files(directory: Path) -> list[Path]:
    return [path for path in (directory / ".cvfs-versions").rglob("*") if path.is_file()]


def test_current_content_is_an_ordinary_file(directory: Path) -> None:
    store = LocalStore(directory)
    put(store, "data/a.csv", b"old")
    put(store, "data/a.csv", b"new")
    assert (directory / "data" / "a.csv").read_bytes() == b"new"
    assert sorted(path.name for path in directory.iterdir()) == [".cvfs-versions", "data"]


def test_hidden_folder_says_which_key_it_is_of(directory: Path) -> None:
    version = put(LocalStore(directory), "data/ü.csv", b"x")
    by_name = {path.name: path for path in hidden_files(directory)}
    assert by_name.keys() == {"key", version}
    assert by_name["key"].read_text("utf-8") == "data/ü.csv"


def test_modes_follow_the_umask(directory: Path) -> None:
    before = os.umask(0o027)
    try:
        version = put(LocalStore(directory), "dir/a", b"x")
    finally:
        os.umask(before)
    (stored,) = (path for path in hidden_files(directory) if path.name == version)
    assert stored.stat().st_mode & 0o777 == 0o440
    assert (directory / "dir/a").stat().st_mode & 0o777 == 0o640
    assert (directory / "dir").stat().st_mode & 0o777 == 0o750


def test_editing_the_current_file_changes_no_version(directory: Path) -> None:
    store = LocalStore(directory)
    version = put(store, "a", b"recorded")
    with (directory / "a").open("r+b") as file:
        file.write(b"EDITED")
    assert store.read("a", version).data == b"recorded"
    stat = store.stat("a")
    assert (stat.size, stat.version_id) == (8, None)


@pytest.mark.parametrize(
    "key", ["", "/abs", "a//b", "a/", "./a", "a/..", "../a", "a/../../b", ".cvfs-versions/x", ".cvfs-versions", "n\0l"]
)
def test_no_key_leads_elsewhere(directory: Path, key: str) -> None:
    store = LocalStore(directory)
    put(store, "a", b"x")
    before = sorted(str(path) for path in directory.parent.rglob("*"))
    with pytest.raises(StoreError, match="cannot be the name"):
        store.put(key, b"evil")
    assert sorted(str(path) for path in directory.parent.rglob("*")) == before


@pytest.mark.parametrize("version_id", ["../../../secret", "key", ".", "", "1700000000000000000-0123abcd/../key"])
def test_no_version_id_leads_elsewhere(directory: Path, version_id: str) -> None:
    store = LocalStore(directory)
    put(store, "a", b"x")
    (directory.parent / "secret").write_text("secret")
    with pytest.raises(VersionNotFoundError):
        store.read("a", version_id)


def test_copies_give_way_when_a_file_becomes_a_directory(directory: Path) -> None:
    store = LocalStore(directory)
    old = put(store, "data", b"file")
    new = put(store, "data/sub/a", b"below")
    assert (directory / "data/sub/a").read_bytes() == b"below"
    assert [found.key for found in store.listing("")] == ["data/sub/a"]
    assert store.read("data", old).data == b"file"
    assert store.read("data/sub/a", new).data == b"below"


def test_copies_give_way_when_a_directory_becomes_a_file(directory: Path) -> None:
    store = LocalStore(directory)
    versions = {key: put(store, key, key.encode()) for key in ("data/a", "data/sub/b", "data/sub/c", "database")}
    (directory / "data/empty").mkdir()
    put(store, "data", b"file")
    assert (directory / "data").read_bytes() == b"file"
    assert [found.key for found in store.listing("")] == ["data", "database"]
    assert {key: store.read(key, version).data for key, version in versions.items()} == {
        key: key.encode() for key in versions
    }


@pytest.mark.parametrize("key", ["data/a/below", "data"])
@pytest.mark.parametrize("strange", ["edited", "strangers", "link"])
def test_file_that_is_no_copy_of_a_version_does_not_give_way(directory: Path, key: str, strange: str) -> None:
    store = LocalStore(directory)
    put(store, "data/0", b"first in its directory")
    put(store, "data/a", b"recorded")
    in_the_way = directory / "data/a"
    if strange == "edited":
        in_the_way.write_bytes(b"precious")
    elif strange == "strangers":
        in_the_way.rename(directory / "data/0")
        in_the_way.write_bytes(b"precious")
    else:
        in_the_way.unlink()
        in_the_way.symlink_to("0")
    before = {path: path.read_bytes() for path in (directory / "data").rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="in its way") as caught:
        store.put(key, b"new")
    assert "move it away" in str(caught.value.hint)
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in hidden_files(directory) if path.read_bytes() == b"new"]


def test_link_to_a_directory_is_no_place_for_a_file(directory: Path) -> None:
    store = LocalStore(directory)
    put(store, "real/a", b"x")
    (directory / "link").symlink_to("real")
    with pytest.raises(StoreError, match="in its way"):
        store.put("link", b"y")
    put(store, "link/b", b"z")
    assert (directory / "real/b").read_bytes() == b"z"


def test_new_key_may_take_the_place_of_a_directory_of_copies(directory: Path) -> None:
    store = LocalStore(directory)
    put(store, "data/a", b"x")
    store.put("data", b"y", create_only=True)
    assert (directory / "data").read_bytes() == b"y"


def test_listing_tells_what_no_upload_made(directory: Path) -> None:
    store = LocalStore(directory)
    version = put(store, "a", b"ours")
    put(store, "edited", b"ours")
    (directory / "edited").write_bytes(b"theirs")
    (directory / "theirs").write_bytes(b"x")
    (directory / "link").symlink_to("a")
    (directory / "dangling").symlink_to("nowhere")
    (directory / "circle").symlink_to(".")
    os.mkfifo(directory / "pipe")
    found = {listed.key: listed.stat.version_id for listed in store.listing("")}
    assert found == {"a": version, "edited": None, "link": None, "theirs": None}


@pytest.mark.parametrize("prefix", ["../", "a/../../", ".cvfs-versions/"])
def test_no_prefix_leads_elsewhere(directory: Path, prefix: str) -> None:
    store = LocalStore(directory)
    put(store, "a", b"x")
    with pytest.raises(StoreError, match="cannot be the name"):
        list(store.listing(prefix))


def test_name_that_is_too_long_for_the_file_system(directory: Path) -> None:
    with pytest.raises(StoreError, match="too long"):
        LocalStore(directory).put("x" * 256, b"y")


def test_source_that_is_missing(directory: Path) -> None:
    with pytest.raises(StoreError, match="no-such-source"):
        LocalStore(directory).put("a", directory / "no-such-source")


def test_missing_directory_is_told_from_a_missing_version(directory: Path) -> None:
    store = LocalStore(directory)
    with pytest.raises(VersionNotFoundError, match="directory does not exist") as caught:
        store.check()
    assert "mounted" in str(caught.value.hint)
    put(store, "a", b"x")
    store.check()


def test_ids_sort_by_time_even_if_the_clock_goes_back(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(directory)
    first = put(store, "a", b"1")
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    second = put(store, "a", b"2")
    third = put(store, "a", b"3")
    assert sorted([third, first, second]) == [first, second, third]
    assert store.stat("a").version_id == third


def test_latest_of_many_writers_is_current(directory: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(lambda number: put(LocalStore(directory), "a", b"%d" % number), range(24)))
    assert LocalStore(directory).stat("a").version_id == max(versions)
    assert (directory / "a").read_bytes() == b"%d" % versions.index(max(versions))


def test_leftovers_of_killed_uploads_are_swept(directory: Path) -> None:
    store = LocalStore(directory)
    put(store, "a", b"x")
    old, young = (directory / ".cvfs-versions" / "incoming" / name for name in ("old", "young"))
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    put(store, "a", b"y")
    assert (old.exists(), young.exists()) == (False, True)


CRASHING = """
import os, sys
from cvfs.stores.local import LocalStore

left = int(sys.argv[2])

def dying(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*args, **kwargs)
    return call

for name in ("open", "mkdir", "write", "fsync", "rename", "utime", "copy_file_range", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
LocalStore(sys.argv[1]).put("dir/a", b"new content")
"""


@pytest.mark.parametrize("existing", [True, False], ids=["overwriting", "first"])
def test_crash_at_any_call_leaves_the_old_or_the_new(tmp_path: Path, existing: bool) -> None:
    for calls in count():
        directory = tmp_path / str(calls)
        store = LocalStore(directory)
        old = put(store, "dir/a", b"old") if existing else None
        done = subprocess.run([sys.executable, "-c", CRASHING, str(directory), str(calls)], check=False, timeout=60)
        current = directory / "dir" / "a"
        assert (current.read_bytes() if current.exists() else None) in (
            {b"old", b"new content"} if old else {None, b"new content"}
        )
        if old:
            assert store.read("dir/a", old).data == b"old"
        after = put(store, "dir/a", b"after")
        assert store.read("dir/a", after).data == b"after"
        assert store.stat("dir/a").version_id == after
        stored = [path.read_bytes() for path in hidden_files(directory) if len(path.name) == 28]
        assert set(stored) <= {b"old", b"new content", b"after"}
        if done.returncode == 0:
            break
        assert done.returncode == 9
    assert calls > 10, "the crashes came too late to test anything"
