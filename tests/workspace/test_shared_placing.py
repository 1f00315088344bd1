"""Files that share their blocks with a cache, are made executable where they are, or are being written."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvfs.errors import ChangedMeanwhileError, IntegrityError, WorkspaceError
from cvfs.workspace import placing
from cvfs.workspace.file_state import FileState
from cvfs.workspace.placing import Placer
from cvfs.workspace.temporary import is_abandoned

DATA = b"content\n" * 1000
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


@pytest.fixture
def placer(root: Path) -> Iterator[Placer]:
    with Placer(str(root)) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "cached"
    path.write_bytes(DATA)
    return path


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stand for a file system that can share blocks; notes the sources."""
    shared: list[int] = []

    def share(source: int, target: int) -> bool:
        shared.append(source)
        os.sendfile(target, source, 0, os.fstat(source).st_size)
        return True

    monkeypatch.setattr(placing, "share_blocks", share)
    return shared


def test_shared_blocks_are_cut_to_size_and_checked(
    root: Path, placer: Placer, source: Path, sharing: list[int]
) -> None:
    source.write_bytes(DATA + b"what a cache has behind the content")
    counted: list[int] = []
    with source.open("rb") as file:
        state = placer.place_shared("a", file.fileno(), len(DATA), md5=MD5, isexec=True, progress=counted.append)
        assert state == FileState.of((root / "a").stat())
        with pytest.raises(IntegrityError, match=MD5):
            placer.place_shared("b", file.fileno(), len(DATA) + 1, md5=MD5)
        with pytest.raises(ChangedMeanwhileError):
            placer.place_shared("a", file.fileno(), len(DATA), md5=MD5)
    assert (root / "a").read_bytes() == DATA
    assert (mode(root / "a"), counted, everything(root)) == (0o750, [len(DATA)], ["a"])


def test_where_blocks_cannot_be_shared_nothing_is_placed_and_nobody_asks_again(
    root: Path, placer: Placer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def share(source: int, _target: int) -> bool:
        asked.append(source)
        return False

    monkeypatch.setattr(placing, "share_blocks", share)
    with source.open("rb") as file:
        for _ in range(2):
            assert placer.place_shared("a", file.fileno(), len(DATA), md5=MD5) is None
    assert (len(asked), everything(root)) == (1, [])


def test_whoever_may_read_a_file_may_execute_it_then(root: Path, placer: Placer) -> None:
    (root / "a").write_bytes(DATA)
    (root / "a").chmod(0o640)
    seen = FileState.of((root / "a").stat())
    state = placer.make_executable("a", expected=seen)
    assert (mode(root / "a"), state) == (0o750, FileState.of((root / "a").stat()))
    with pytest.raises(ChangedMeanwhileError):
        placer.make_executable("a", expected=seen)
    (root / "link").symlink_to("a")
    for name in ("link", "missing"):
        with pytest.raises(WorkspaceError):
            placer.make_executable(name, expected=state)


def test_file_that_is_being_written_is_not_abandoned(root: Path, placer: Placer) -> None:
    found: list[bool] = []

    def chunks() -> Iterator[bytes]:
        yield DATA
        [name] = everything(root)
        found.append(is_abandoned(os.fsencode(root / name)))

    placer.place_bytes("a", chunks(), md5=MD5)
    (root / ".cvfs-tmp-left").write_bytes(DATA)
    assert (found, is_abandoned(os.fsencode(root / ".cvfs-tmp-left"))) == ([False], True)
    assert not is_abandoned(os.fsencode(root / ".cvfs-tmp-gone"))
