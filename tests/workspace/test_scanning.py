"""The files of an out are those that DVC would track, and nothing is left out without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cvfs.errors import WorkspaceError
from cvfs.workspace.file_state import FileState
from cvfs.workspace.scanning import Scan, read_ignore_rules, scan_out
from cvfs.workspace.temporary import TEMPORARY_PREFIX


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def scanned(root: Path, path: str = "data") -> Scan:
    scan = scan_out(str(root), path, read_ignore_rules(str(root), path))
    assert scan is not None
    return scan


def names(scan: Scan) -> list[str]:
    return [file.relpath for file in scan.files]


def test_files_are_sorted_by_their_whole_relpath(tmp_path: Path) -> None:
    write(tmp_path, "data/b", "data/a/z", "data/a.b", "data/a-b/c", "data/ü", "data/B", "data/a/b/c")
    scan = scanned(tmp_path)
    assert names(scan) == sorted(["b", "a/z", "a.b", "a-b/c", "ü", "B", "a/b/c"])
    assert names(scan)[:3] == ["B", "a-b/c", "a.b"]
    assert scan.is_directory
    assert (scan.refused, scan.warnings, scan.leftovers) == ([], [], [])


def test_state_and_executable_are_those_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, "data/a", "data/b")
    (tmp_path / "data/b").chmod(0o610)
    a, b = scanned(tmp_path).files
    assert (a.state, a.isexec) == (FileState.of((tmp_path / "data/a").stat()), False)
    assert b.isexec


def test_out_that_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, "sub/model.bin")
    scan = scanned(tmp_path, "sub/model.bin")
    assert (names(scan), scan.is_directory) == ([""], False)


@pytest.mark.parametrize("path", ["data", "data/sub", "file/below"])
def test_absent_is_not_empty(tmp_path: Path, path: str) -> None:
    write(tmp_path, "file")
    assert scan_out(str(tmp_path), path, read_ignore_rules(str(tmp_path), path)) is None
    (tmp_path / "empty").mkdir()
    assert scanned(tmp_path, "empty").files == []


def test_ignore_files_above_the_out_are_respected(tmp_path: Path) -> None:
    write(tmp_path, "sub/data/a.tmp", "sub/data/keep.tmp", "sub/data/cache/x", "sub/data/b", "sub/data/.git/config")
    (tmp_path / ".dvcignore").write_text("*.tmp\ncache/\n")
    (tmp_path / "sub/.dvcignore").write_text("!keep.tmp\n")
    scan = scanned(tmp_path, "sub/data")
    assert names(scan) == ["b", "keep.tmp"]
    scan.check()


def test_out_that_is_ignored_itself(tmp_path: Path) -> None:
    write(tmp_path, "data/a")
    (tmp_path / ".dvcignore").write_text("data\n")
    assert scan_out(str(tmp_path), "data", read_ignore_rules(str(tmp_path), "data")) is None


def test_ignore_file_in_the_out_is_refused_as_dvc_refuses_it(tmp_path: Path) -> None:
    write(tmp_path, "data/sub/.dvcignore", "data/a")
    scan = scanned(tmp_path)
    assert names(scan) == ["a"]
    with pytest.raises(WorkspaceError, match=r"data/sub/\.dvcignore"):
        scan.check()


def test_link_to_a_file_is_a_file_and_link_to_a_directory_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "data/a", "other/b")
    (tmp_path / "data/link").symlink_to("../other/b")
    (tmp_path / "data/folder").symlink_to("../other")
    scan = scanned(tmp_path)
    assert names(scan) == ["a", "link"]
    assert scan.files[1].state == FileState.of((tmp_path / "other/b").stat())
    assert [problem.path for problem in scan.warnings] == ["data/folder"]
    scan.check()


@pytest.mark.parametrize("target", ["nowhere", "loop"])
def test_broken_link_is_refused(tmp_path: Path, target: str) -> None:
    write(tmp_path, "data/a")
    (tmp_path / "data/loop").symlink_to(target)
    scan = scanned(tmp_path)
    assert names(scan) == ["a"]
    assert [problem.path for problem in scan.refused] == ["data/loop"]


def test_special_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "data/a")
    os.mkfifo(tmp_path / "data/pipe")
    with pytest.raises(WorkspaceError, match="data/pipe: neither a file nor a directory"):
        scanned(tmp_path).check()


def test_name_that_is_not_utf8_is_refused_in_a_directory_too(tmp_path: Path) -> None:
    write(tmp_path, "data/a")
    os.mkdir(os.fsencode(tmp_path) + b"/data/d\xff")
    with open(os.fsencode(tmp_path) + b"/data/d\xff/f", "wb"):
        pass
    scan = scanned(tmp_path)
    assert names(scan) == ["a"]
    assert len(scan.refused) == 1
    assert "UTF-8" in scan.refused[0].reason


def test_name_with_a_line_break_is_taken_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "data/a\nb")
    scan = scanned(tmp_path)
    assert names(scan) == ["a\nb"]
    assert "DVC" in scan.warnings[0].reason
    scan.check()


def test_nested_dvc_repository_is_not_part_of_the_out(tmp_path: Path) -> None:
    write(tmp_path, "data/a", "data/sub/b", "data/sub/.dvc/config")
    scan = scanned(tmp_path)
    assert names(scan) == ["a"]
    assert [problem.path for problem in scan.warnings] == ["data/sub"]


def test_leftovers_of_a_kill_are_told_and_not_tracked(tmp_path: Path) -> None:
    leftover = TEMPORARY_PREFIX.decode() + "0123"
    write(tmp_path, "data/a", f"data/sub/{leftover}")
    scan = scanned(tmp_path)
    assert names(scan) == ["a"]
    assert scan.leftovers == [f"data/sub/{leftover}"]


def test_link_to_a_directory_cannot_be_an_out(tmp_path: Path) -> None:
    write(tmp_path, "other/a")
    (tmp_path / "data").symlink_to("other")
    with pytest.raises(WorkspaceError, match="symbolic link to a directory"):
        scanned(tmp_path)


def test_pipe_cannot_be_an_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data")
    with pytest.raises(WorkspaceError, match="neither a file nor a directory"):
        scanned(tmp_path)


def test_error_names_a_few_and_counts_the_rest(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(8):
        (tmp_path / f"data/{number}").symlink_to("nowhere")
    with pytest.raises(WorkspaceError, match="and 3 more"):
        scanned(tmp_path).check()
