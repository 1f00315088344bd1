"""What every store promises of uploads, copies and listings: ``cvfs/stores/store.py``, on every store there is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gcs_harness import GcsHarness
from harness import Harness, LocalHarness, S3Harness
from test_contract import AWKWARD, version_of

from cvfs.errors import (
    AccessDeniedError,
    KeyTakenError,
    SourceChangedError,
    StoreError,
    VersionNotFoundError,
)
from cvfs.stores.local import store as local_store
from cvfs.stores.source import Source
from cvfs.stores.store import Listed, Stat, key_order

#: More than one part of an upload to S3.
LARGE = os.urandom(1 << 20) * 20 + b"end"


def md5_of(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def listed(harness: Harness, prefix: str = "", after: str = "") -> list[str]:
    return [found.key for found in harness.store.listing(prefix, after)]


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
@pytest.mark.parametrize("from_file", [False, True], ids=["bytes", "file"])
def test_contract_upload_with_its_md5(harness: Harness, tmp_path: Path, data: bytes, from_file: bool) -> None:
    (tmp_path / "source").write_bytes(data)
    stat = harness.store.put("dir/a", tmp_path / "source" if from_file else data, md5=md5_of(data))
    assert stat.size == len(data)
    assert harness.store.read("dir/a", str(stat.version_id)).data == data


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_contract_source_with_another_md5_is_not_stored(harness: Harness, tmp_path: Path, data: bytes) -> None:
    kept = harness.store.put("a", b"kept")
    (tmp_path / "source").write_bytes(data)
    for source in (data, tmp_path / "source"):
        with pytest.raises(SourceChangedError, match=r"'(base/)?a'"):
            harness.store.put("a", source, md5=md5_of(b"announced"))
    assert harness.store.stat("a") == kept
    with pytest.raises(SourceChangedError):
        harness.store.put("new", data, md5=md5_of(b"announced"))
    assert listed(harness) == ["a"]


@pytest.mark.parametrize("size", [1000, len(LARGE)], ids=["small", "large"])
@pytest.mark.parametrize("change", [-1, 1], ids=["shrinks", "grows"])
def test_contract_source_that_changes_its_size_is_not_stored(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, change: int
) -> None:
    kept = harness.store.put("a", b"kept")
    path = tmp_path / "source"
    path.write_bytes(LARGE[:size])
    run_while_reading(monkeypatch, lambda: os.truncate(path, size + change))
    with pytest.raises(SourceChangedError):
        harness.store.put("a", path)
    assert harness.store.stat("a") == kept


def run_while_reading(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Have ``action`` run once, after an upload took the size of its source and before it reads the first byte."""
    pending = [action]

    def running_first(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            if pending:
                pending.pop()()
            return real(*arguments)

        return call

    monkeypatch.setattr(Source, "read", running_first(Source.read))
    monkeypatch.setattr(local_store, "copy_all", running_first(local_store.copy_all))


def test_contract_create_only_makes_new_keys(harness: Harness) -> None:
    first = harness.store.put("dir/a", b"first", create_only=True)
    assert harness.store.read("dir/a", str(first.version_id)).data == b"first"


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
def test_contract_create_only_leaves_alone_what_is_there(harness: Harness, data: bytes) -> None:
    kept = harness.store.put("a", b"kept")
    with pytest.raises(KeyTakenError, match=r"'(base/)?a'"):
        harness.store.put("a", data, create_only=True)
    assert harness.store.stat("a") == kept


def test_contract_create_only_takes_the_place_of_a_deleted_object(harness: Harness) -> None:
    old = version_of(harness, "a", b"old")
    harness.delete("a")
    new = harness.store.put("a", b"new", create_only=True)
    assert harness.store.stat("a").version_id == new.version_id
    assert harness.store.read("a", old).data == b"old"


@pytest.mark.parametrize("harness", ["memory", "local", "azure", "gcs"], indirect=True)
def test_contract_of_many_that_create_at_once_one_does(harness: Harness) -> None:
    def create(number: int) -> Stat | None:
        try:
            return harness.store.put("a", b"%d" % number, create_only=True)
        except KeyTakenError:
            return None

    with ThreadPoolExecutor(8) as threads:
        made = [stat for stat in threads.map(create, range(16)) if stat is not None]
    assert made == [harness.store.stat("a")]


def test_contract_large_uploads_at_once(harness: Harness) -> None:
    contents = {f"large/{number}": LARGE + b"%d" % number for number in range(3)}
    with ThreadPoolExecutor(3) as threads:
        stats = dict(zip(contents, threads.map(harness.store.put, contents, contents.values()), strict=True))
    assert {key: harness.store.read(key, str(stat.version_id)).data for key, stat in stats.items()} == contents


def test_contract_copy_is_a_new_version_with_the_content_of_an_old_one(harness: Harness) -> None:
    old, new = version_of(harness, "from/a", b"old"), version_of(harness, "from/a", b"newer")
    before = version_of(harness, "to/b", b"before")
    stat = harness.store.copy("from/a", old, "to/b")
    assert (stat.size, stat.version_id not in {None, old, new, before}) == (3, True)
    assert harness.store.read("to/b", str(stat.version_id)).data == b"old"
    assert harness.store.stat("to/b") == stat
    assert harness.store.read("to/b", before).data == b"before"
    assert harness.store.stat("from/a").version_id == new


def test_contract_copy_of_a_key_to_itself_restores_an_old_version(harness: Harness) -> None:
    old, new = version_of(harness, "a", b"old"), version_of(harness, "a", b"new")
    stat = harness.store.copy("a", old, "a")
    assert stat.version_id not in {old, new}
    assert harness.store.read("a", str(stat.version_id)).data == b"old"


def test_contract_copy_of_a_deleted_object(harness: Harness) -> None:
    version = version_of(harness, "a", b"kept")
    harness.delete("a")
    assert harness.store.copy("a", version, "b").size == 4
    assert listed(harness) == ["b"]


def test_contract_any_name_can_be_copied_and_listed(harness: Harness) -> None:
    names = [key for key in AWKWARD if not set(key) & set(harness.unlistable)]
    assert len(names) > 40
    sources = {name: version_of(harness, f"from/{name}", name.encode()) for name in names}
    copies = {name: harness.store.copy(f"from/{name}", sources[name], f"to/{name}") for name in names}
    found = list(harness.store.listing("to/"))
    assert found == [Listed(f"to/{name}", copies[name]) for name in sorted(names, key=key_order)]
    read = {name: harness.store.read(f"to/{name}", str(copies[name].version_id)).data for name in names}
    assert read == {name: name.encode() for name in names}


def test_contract_copy_of_what_does_not_exist(harness: Harness) -> None:
    version = version_of(harness, "a", b"x")
    absent = [("a", harness.absent_version), ("b", version), ("b", harness.absent_version), ("a", "../key")]
    for key, version_id in absent:
        with pytest.raises(VersionNotFoundError):
            harness.store.copy(key, version_id, "to")
    assert listed(harness) == ["a"]


def test_contract_listing_shows_current_objects_with_their_versions(harness: Harness) -> None:
    version_of(harness, "a", b"old")
    stats = {key: harness.store.put(key, key.encode()) for key in ("b/c", "a", "b.txt", "b/a/x", "ab")}
    version_of(harness, "gone", b"x")
    harness.delete("gone")
    found = list(harness.store.listing(""))
    assert found == [Listed(key, stats[key]) for key in ("a", "ab", "b.txt", "b/a/x", "b/c")]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("b", ["b", "b-2", "bc/x", "bc/y/z"]),
        ("b/", []),
        ("bc", ["bc/x", "bc/y/z"]),
        ("bc/", ["bc/x", "bc/y/z"]),
        ("bc/y", ["bc/y/z"]),
        ("bc/y/z", ["bc/y/z"]),
        ("bc/y/z/", []),
        ("c", []),
        ("no/such/directory/", []),
    ],
)
def test_contract_listing_of_a_prefix(harness: Harness, prefix: str, expected: list[str]) -> None:
    for key in ("a", "b", "b-2", "bc/x", "bc/y/z"):
        harness.store.put(key, b"x")
    assert listed(harness, prefix) == expected


def test_contract_listing_goes_on_behind_a_key(harness: Harness) -> None:
    keys = ["a", "a-b", "a/b", "a/c", "b"]
    for key in keys:
        version_of(harness, key, b"1")
        version_of(harness, key, b"2")
    for number, key in enumerate(keys):
        assert listed(harness, "", key) == keys[number + 1 :]
    assert listed(harness, "a/", "a/b") == ["a/c"]
    if not isinstance(harness, S3Harness):  # moto leaves out an object behind a key that is not there
        assert listed(harness, "", "a/bb") == ["a/c", "b"]


def test_contract_listing_of_an_empty_store(harness: Harness) -> None:
    version_of(harness, "a", b"x")
    harness.delete("a")
    assert listed(harness) == []


@pytest.mark.parametrize("harness", ["local", "s3", "azure", "gcs"], indirect=True)
def test_contract_listing_of_a_missing_place(harness: LocalHarness | S3Harness | GcsHarness) -> None:
    with pytest.raises(VersionNotFoundError):
        list(harness.misplaced().listing(""))


@pytest.mark.parametrize("harness", ["local", "s3", "azure", "gcs"], indirect=True)
def test_contract_refused_writing_and_listing_are_denied(harness: LocalHarness | S3Harness | GcsHarness) -> None:
    version = version_of(harness, "a", b"x")
    with harness.refused() as store:
        for action in (
            lambda: store.put("b", b"x"),
            lambda: store.put("b", LARGE),
            lambda: store.copy("a", version, "b"),
            lambda: list(store.listing("")),
        ):
            with pytest.raises(AccessDeniedError):
                action()
    assert listed(harness) == ["a"]


def test_contract_source_that_cannot_be_read(harness: Harness, tmp_path: Path) -> None:
    version_of(harness, "kept", b"x")
    with pytest.raises(StoreError, match="no-such-source"):
        harness.store.put("a", tmp_path / "no-such-source")
    assert listed(harness) == ["kept"]
