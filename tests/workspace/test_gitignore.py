"""An out's line in ``.gitignore``, checked by the only judge: git."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import GitRepository

from cvfs.errors import WorkspaceError
from cvfs.workspace.gitignore import add_to_gitignore, remove_from_gitignore, with_entry, without_entry

AWKWARD = ["data", "we[ird]*!#? name", "trailing ", "tab\t", "back\\slash", "!bang", "#hash", "ü", " lead", "a  "]


def ignored(repository: GitRepository, name: str) -> bool:
    question = ["git", "check-ignore", "-z", "--stdin", "--no-index"]
    done = subprocess.run(question, cwd=repository.path, input=name.encode() + b"\0", capture_output=True, check=False)
    return done.stdout == name.encode() + b"\0"


@pytest.mark.parametrize("name", AWKWARD)
def test_git_ignores_that_name_and_no_other(make_repository: Callable[..., GitRepository], name: str) -> None:
    repository = make_repository("r")
    directory = str(repository.path)
    assert add_to_gitignore(directory, name)
    assert ignored(repository, name)
    assert not ignored(repository, f"{name}x")
    assert not ignored(repository, f"sub/{name}")
    assert not add_to_gitignore(directory, name)
    assert remove_from_gitignore(directory, name)
    assert not (repository.path / ".gitignore").exists()
    assert not remove_from_gitignore(directory, name)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"/data\n"),
        (b"*.pyc\n", b"*.pyc\n/data\n"),
        (b"*.pyc", b"*.pyc\n/data\n"),
        (b"*.pyc\r\nx\r\n", b"*.pyc\r\nx\r\n/data\r\n"),
        (b"/data\r\n", b"/data\r\n"),
        (b"/data", b"/data"),
        (b"\xff\n", b"\xff\n/data\n"),
    ],
)
def test_line_is_added_at_the_end_once(before: bytes, after: bytes) -> None:
    assert with_entry(before, "data") == after


def test_all_its_lines_go_and_all_others_stay() -> None:
    before = b"/data\r\n# about /data\n/data/x\n/data \n\n  /other\n/data"
    assert without_entry(before, "data") == b"# about /data\n/data/x\n/data \n\n  /other\n"


def test_line_as_a_person_would_write_it_goes_too() -> None:
    assert without_entry(b"/a[b]\n/a\\[b\\]\n", "a[b]") == b""


@given(text=st.binary(), name=st.text(alphabet=st.characters(exclude_characters="\n\r/\0"), min_size=1))
def test_other_lines_survive_adding_and_removing(text: bytes, name: str) -> None:
    added = with_entry(text, name)
    assert added.startswith(text)
    assert without_entry(added, name).rstrip(b"\r\n") == without_entry(text, name).rstrip(b"\r\n")


@pytest.mark.parametrize("name", ["a\nb", "a\r"])
def test_name_with_a_line_break_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkspaceError, match="line break"):
        add_to_gitignore(str(tmp_path), name)
    assert not (tmp_path / ".gitignore").exists()


def test_no_file_is_not_an_error_to_remove_from(tmp_path: Path) -> None:
    assert not remove_from_gitignore(str(tmp_path), "data")
