"""An out's files are hashed once, and again only when they may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvfs.errors import WorkspaceError
from cvfs.workspace import contents
from cvfs.workspace.contents import contents_of, to_hash
from cvfs.workspace.file_state import FileState
from cvfs.workspace.scanning import Scan, read_ignore_rules, scan_out
from cvfs.workspace.stat_cache import StatCache


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[StatCache]:
    with StatCache(str(tmp_path / ".dvc/tmp/cvfs/stat.db")) as opened:
        yield opened


@pytest.fixture
def later(cache: StatCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files be older than they are: those that were just written are never trusted."""
    monkeypatch.setattr(cache, "moment", lambda: time.time_ns() + 10_000_000_000)


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / name).write_bytes(name.encode())


def scanned(root: Path, path: str = "data") -> Scan:
    scan = scan_out(str(root), path, read_ignore_rules(str(root), path))
    assert scan is not None
    return scan


def md5s(root: Path, cache: StatCache, path: str = "data") -> dict[str, str]:
    return {file.relpath: known.md5 for file, known in contents_of(str(root), scanned(root, path), cache)}


def expected(*names: str) -> dict[str, str]:
    return {name: hashlib.md5(name.encode()).hexdigest() for name in names}


@pytest.mark.usefixtures("later")
def test_second_time_nothing_is_read(tmp_path: Path, cache: StatCache, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a", "sub/b", "ü")
    assert len(to_hash(scanned(tmp_path), cache)) == 3
    assert md5s(tmp_path, cache) == expected("a", "sub/b", "ü")
    assert to_hash(scanned(tmp_path), cache) == []
    monkeypatch.setattr(contents, "hash_files", None)
    assert md5s(tmp_path, cache) == expected("a", "sub/b", "ü")


@pytest.mark.usefixtures("later")
def test_only_what_changed_is_read(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a", "b")
    md5s(tmp_path, cache)
    (tmp_path / "data/a").write_bytes(b"changed")
    assert [file.relpath for file in to_hash(scanned(tmp_path), cache)] == ["a"]
    assert md5s(tmp_path, cache) == {**expected("b"), "a": hashlib.md5(b"changed").hexdigest()}


def test_file_of_this_moment_is_right_and_read_again(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a")
    assert md5s(tmp_path, cache) == expected("a")
    assert len(to_hash(scanned(tmp_path), cache)) == 1
    assert cache.known("data/a")


@pytest.mark.usefixtures("later")
def test_out_that_is_a_file(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a")
    assert md5s(tmp_path, cache, "data/a") == {"": expected("a")["a"]}
    assert md5s(tmp_path, cache) == expected("a")
    assert to_hash(scanned(tmp_path), cache) == []


def test_file_that_changed_since_the_scan_comes_as_it_is_now(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a")
    scan = scanned(tmp_path)
    (tmp_path / "data/a").write_bytes(b"changed")
    (tmp_path / "data/a").chmod(0o755)
    ((file, known),) = contents_of(str(tmp_path), scan, cache)
    assert file.state == FileState.of((tmp_path / "data/a").stat())
    assert file.isexec
    assert known.md5 == hashlib.md5(b"changed").hexdigest()


def test_file_that_went_does_not_hold_up_the_others(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a", "b")
    scan = scanned(tmp_path)
    (tmp_path / "data/a").unlink()
    found = {file.relpath: known for file, known in contents_of(str(tmp_path), scan, cache)}
    assert isinstance(found["a"], WorkspaceError)
    assert found["b"].md5 == expected("b")["b"]


@pytest.mark.usefixtures("later")
def test_progress_counts_every_byte_once(tmp_path: Path, cache: StatCache) -> None:
    write(tmp_path, "a", "bb", "ccc")
    for _ in range(2):
        done: list[int] = []
        list(contents_of(str(tmp_path), scanned(tmp_path), cache, progress=done.append))
        assert sum(done) == 6


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("limit", ["_PORTION_FILES", "_PORTION_BYTES"])
def test_command_that_ends_early_keeps_what_it_hashed(
    tmp_path: Path, cache: StatCache, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    write(tmp_path, *map(str, range(20)))
    monkeypatch.setattr(contents, limit, 3)
    recorded: list[int] = []
    record = cache.record
    monkeypatch.setattr(cache, "record", lambda rows, moment: (recorded.append(len(rows)), record(rows, moment)))
    iterator = contents_of(str(tmp_path), scanned(tmp_path), cache)
    for _ in range(7):
        next(iterator)
    assert sum(recorded) >= 4
    iterator.close()
    assert len(to_hash(scanned(tmp_path), cache)) == 13


def test_cache_that_cannot_be_used_costs_hashing_only(tmp_path: Path) -> None:
    write(tmp_path, "a")
    os.mkdir(tmp_path / "db")
    with StatCache(str(tmp_path / "db")) as cache:
        assert md5s(tmp_path, cache) == expected("a")
        assert md5s(tmp_path, cache) == expected("a")
