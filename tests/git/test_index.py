"""What is ignored, tracked and staged, as git itself says it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.errors import RepositoryError
from cvfs.git.index import Index

AWKWARD = [":(top)a", "*", "we[ird]", "-n", "ü", " ", "n\udcff"]


def index(path: Path) -> Index:
    return Index(str(path), os.environ)


def test_top_from_below(repository: GitRepository) -> None:
    assert index(repository.path / "sub").top == str(repository.path)


def test_directory_outside_of_git_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError):
        _ = index(tmp_path).top
    with pytest.raises(RepositoryError):
        index(tmp_path).ignores("x")


def test_ignored_is_what_git_would_ignore_also_before_it_exists(repository: GitRepository) -> None:
    (repository.path / ".gitignore").write_text("*.tmp\nfolder/\n!keep.tmp\n")
    found = index(repository.path)
    assert found.ignores("x.tmp")
    assert not found.ignores("keep.tmp")
    assert found.ignores("folder/")
    assert not found.ignores("folder")
    assert not found.ignores("a.txt")
    assert index(repository.path / "sub").ignores("y.tmp")


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_is_a_name_and_no_pattern(repository: GitRepository, name: str) -> None:
    found = index(repository.path)
    assert not found.ignores(name)
    assert not found.tracks(name)
    with open(os.fsencode(repository.path) + b"/" + name.encode("utf-8", "surrogateescape"), "wb"):
        pass
    found.add([name])
    assert found.tracks(name)
    assert len(repository.git("diff", "--cached", "--name-only", "-z").split("\0")) == 2


def test_directory_is_tracked_if_a_file_in_it_is(repository: GitRepository) -> None:
    assert index(repository.path).tracks("sub")
    assert not index(repository.path / "sub").tracks("a.txt")


def test_staging_runs_no_hook_and_no_monitor(repository: GitRepository, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(program))
    repository.git("config", "core.hooksPath", str(tmp_path))
    (repository.path / "a.txt").write_text("new\n")
    index(repository.path).add(["a.txt"])
    assert repository.git("-c", "core.fsmonitor=false", "diff", "--cached", "--name-only") == "a.txt"
    assert not (tmp_path / "ran").exists()


def test_refusal_of_git_add_says_that_the_rest_was_done(repository: GitRepository) -> None:
    with pytest.raises(RepositoryError, match="git add failed"):
        index(repository.path).add(["missing"])


def test_variables_of_a_hook_do_not_lead_elsewhere(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert index(repository.path).tracks("a.txt")
