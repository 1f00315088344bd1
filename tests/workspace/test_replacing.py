"""A metafile is replaced whole, durably, and only while it is what was read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from cvfs.errors import ChangedMeanwhileError, WorkspaceError
from cvfs.workspace import replacing
from cvfs.workspace.replacing import read_file, remove_file, replace_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.dvc"
    path.write_bytes(b"old")
    return path


def only(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_content_is_replaced_and_permissions_stay(file: Path) -> None:
    file.chmod(0o640)
    replace_file(str(file), b"new", expected=b"old")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert only(file.parent) == ["data.dvc"]


@pytest.mark.parametrize(("mode", "result"), [(None, 0o644), (0o600, 0o600)])
def test_new_file_has_what_the_umask_leaves(tmp_path: Path, mode: int | None, result: int) -> None:
    path = tmp_path / "new"
    before = os.umask(0o022)
    try:
        replace_file(str(path), b"new", expected=None, mode=mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == result


def test_mode_applies_to_a_file_that_is_there(file: Path) -> None:
    replace_file(str(file), b"new", expected=b"old", mode=0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_stays(file: Path) -> None:
    os.chown(file, 65534, 65534)
    replace_file(str(file), b"new", expected=b"old")
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


@pytest.mark.parametrize("expected", [b"older", b"", None])
def test_file_that_is_not_what_was_read_is_left_alone(file: Path, expected: bytes | None) -> None:
    with pytest.raises(ChangedMeanwhileError, match=r"data\.dvc"):
        replace_file(str(file), b"new", expected=expected)
    assert file.read_bytes() == b"old"
    assert only(file.parent) == ["data.dvc"]


def test_file_that_went_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(ChangedMeanwhileError):
        replace_file(str(tmp_path / "gone"), b"new", expected=b"old")
    assert only(tmp_path) == []


@pytest.mark.parametrize("expected", [b"old", None])
def test_change_in_the_last_moment_is_noticed(
    file: Path, monkeypatch: pytest.MonkeyPatch, expected: bytes | None
) -> None:
    if expected is None:
        file.unlink()
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        file.write_bytes(b"theirs")

    monkeypatch.setattr(replacing.os, "fsync", fsync)
    with pytest.raises(ChangedMeanwhileError):
        replace_file(str(file), b"new", expected=expected)
    assert file.read_bytes() == b"theirs"
    assert only(file.parent) == ["data.dvc"]


def test_full_disk_leaves_the_old_content(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cvfs.workspace.temporary.os.write", write)
    with pytest.raises(WorkspaceError, match="No space left"):
        replace_file(str(file), b"new", expected=b"old")
    assert file.read_bytes() == b"old"
    assert only(file.parent) == ["data.dvc"]


def test_new_file_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(replacing.os, "link", link)
    replace_file(str(tmp_path / "new"), b"new", expected=None)
    assert (tmp_path / "new").read_bytes() == b"new"
    with pytest.raises(ChangedMeanwhileError):
        replace_file(str(tmp_path / "new"), b"newer", expected=None)


def test_content_is_on_disk_before_it_has_its_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        replacing.os,
        "fsync",
        lambda fd: (calls.append("sync " + ("directory" if _is_directory(fd) else "file")), sync(fd)),
    )
    monkeypatch.setattr(replacing.os, "rename", lambda *a, **k: (calls.append("rename"), rename(*a, **k)))
    replace_file(str(file), b"new", expected=b"old")
    assert calls == ["sync file", "rename", "sync directory"]


def _is_directory(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_symbolic_link_is_refused(tmp_path: Path, file: Path) -> None:
    (tmp_path / "link").symlink_to(file.name)
    for action in (
        lambda: replace_file(str(tmp_path / "link"), b"new", expected=b"old"),
        lambda: read_file(str(tmp_path / "link")),
    ):
        with pytest.raises(WorkspaceError, match="symbolic link"):
            action()
    assert file.read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(WorkspaceError, match="ordinary file"):
        read_file(str(path))


def test_reading_tells_nothing_from_empty(tmp_path: Path, file: Path) -> None:
    assert read_file(str(file)) == b"old"
    assert read_file(str(tmp_path / "none")) is None
    file.write_bytes(b"")
    assert read_file(str(file)) == b""


def test_directory_that_is_missing_is_an_error_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot write"):
        replace_file(str(tmp_path / "no/file"), b"", expected=None)


def test_only_what_was_read_is_removed(file: Path) -> None:
    with pytest.raises(ChangedMeanwhileError):
        remove_file(str(file), expected=b"older")
    remove_file(str(file), expected=b"old")
    assert only(file.parent) == []
