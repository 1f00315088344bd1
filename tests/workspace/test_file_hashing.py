"""The md5 of a file is that of one consistent content, or there is none."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from cvfs.errors import UnstableFileError, WorkspaceError
from cvfs.workspace import hashing
from cvfs.workspace.file_state import FileState
from cvfs.workspace.hashing import Hashed, hash_file, hash_files

SIZES = [0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20]


def md5_of(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Interference:
    """Does something to a file each time after a chunk was read, up to a number of times (-1: always)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, action) -> None:
        self.left = times
        self._action = action
        self._read = os.readv
        monkeypatch.setattr(hashing.os, "readv", self._readv)

    def _readv(self, descriptor: int, buffers: list[memoryview]) -> int:
        count = self._read(descriptor, buffers)
        if self.left and count:
            self.left -= 1
            self._action()
        return count


def append(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"more")


@pytest.mark.parametrize("size", SIZES)
def test_md5_state_and_progress(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    file = tmp_path / "file"
    file.write_bytes(data)
    done: list[int] = []
    hashed = hash_file(str(file), done.append)
    assert hashed == Hashed(md5_of(data), FileState.of(file.stat()), isexec=False)
    assert sum(done) == size


@pytest.mark.parametrize("mode", [0o744, 0o654, 0o645])
def test_anybody_who_may_execute_makes_it_executable(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    file.chmod(mode)
    assert hash_file(str(file)).isexec


def test_link_stands_for_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert hash_file(str(tmp_path / "link")) == hash_file(str(tmp_path / "file"))


def test_file_that_grows_once_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 100)
    Interference(monkeypatch, 1, lambda: append(file))
    done: list[int] = []
    hashed = hash_file(str(file), done.append)
    assert hashed.md5 == md5_of(b"a" * 100 + b"more")
    assert sum(done) == 104
    assert min(done) < 0


def test_content_of_the_same_length_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 100)
    os.utime(file, ns=(1, 1))

    def overwrite() -> None:
        with file.open("r+b") as opened:
            opened.write(b"b")

    Interference(monkeypatch, 1, overwrite)
    assert hash_file(str(file)).md5 == md5_of(b"b" + b"a" * 99)


def test_change_that_hides_its_mtime_is_noticed_by_ctime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a" * 100)
    os.utime(file, ns=(5, 5))

    def overwrite() -> None:
        before = file.stat().st_ctime_ns
        while file.stat().st_ctime_ns == before:
            with file.open("r+b") as opened:
                opened.write(b"b")
            os.utime(file, ns=(5, 5))

    Interference(monkeypatch, 1, overwrite)
    assert hash_file(str(file)).md5 == md5_of(b"b" + b"a" * 99)


def test_file_that_another_one_replaces_is_the_other_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(b"first")
    other.write_bytes(b"other")
    Interference(monkeypatch, 1, lambda: other.rename(file))
    hashed = hash_file(str(file))
    assert (hashed.md5, hashed.state) == (md5_of(b"other"), FileState.of(file.stat()))


def test_file_that_never_rests_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"a")
    done: list[int] = []
    Interference(monkeypatch, -1, lambda: append(file))
    with pytest.raises(UnstableFileError, match=r"log changed while it was read"):
        hash_file(str(file), done.append)
    assert sum(done) == 0


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe"])
def test_what_is_no_file_is_an_error_and_hangs_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(WorkspaceError, match=kind):
        hash_file(str(path))


def test_many_files_in_parallel_with_one_that_is_bad(tmp_path: Path) -> None:
    contents = {str(tmp_path / f"{number}"): os.urandom(number * 37) for number in range(200)}
    for path, data in contents.items():
        Path(path).write_bytes(data)
    bad = str(tmp_path / "missing")
    done: list[int] = []
    outcomes = dict(hash_files([*contents, bad], threads=3, progress=done.append))
    assert isinstance(outcomes.pop(bad), WorkspaceError)
    assert {path: hashed.md5 for path, hashed in outcomes.items()} == {p: md5_of(d) for p, d in contents.items()}
    assert sum(done) == sum(map(len, contents.values()))


def test_no_more_paths_are_taken_than_can_be_worked_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    taken = 0

    def paths():
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield str(tmp_path / "file")

    iterator = hash_files(paths(), threads=2)
    next(iterator)
    assert taken < 1000
    iterator.close()


def test_closing_ends_the_work_in_the_middle_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(bytes(64 << 20))
    (tmp_path / "small").write_bytes(b"")
    go_on = threading.Event()
    read = os.readv
    chunks = 0

    def slow(descriptor: int, buffers: list[memoryview]) -> int:
        nonlocal chunks
        count = read(descriptor, buffers)
        if count:
            chunks += 1
            assert go_on.wait(30)
        return count

    monkeypatch.setattr(hashing.os, "readv", slow)
    iterator = hash_files([str(tmp_path / "large"), str(tmp_path / "small")], threads=2)
    assert os.path.basename(next(iterator)[0]) == "small"
    shutdown = hashing.ThreadPoolExecutor.shutdown

    def let_go(pool: hashing.ThreadPoolExecutor, **options: bool) -> None:
        go_on.set()
        shutdown(pool, **options)

    monkeypatch.setattr(hashing.ThreadPoolExecutor, "shutdown", let_go)
    iterator.close()
    assert chunks <= 1


def test_name_that_is_not_utf8_is_hashed(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/n\xff"
    with open(raw, "wb") as file:
        file.write(b"content")
    assert hash_file(raw.decode("utf-8", "surrogateescape")).md5 == md5_of(b"content")
