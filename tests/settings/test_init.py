"""``cvfs init`` makes a DVC repository: the same as DVC does, says tests/interop/test_remote_settings.py."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from repositories import GitRepository

from cvfs.errors import RepositoryError, WorkspaceError
from cvfs.init import Initialised, initialise

STAGED = ["A  .dvc/.gitignore", "A  .dvc/config", "A  .dvcignore"]


@pytest.fixture
def repository(make_repository: Callable[..., GitRepository]) -> GitRepository:
    return make_repository("repository")


def initialised(repository: GitRepository, folder: str = "", **options: bool) -> Initialised:
    return initialise(str(repository.path / folder), os.environ, **options)


def test_new_repository_is_staged_and_complete(repository: GitRepository) -> None:
    made = initialised(repository)
    assert made.root == str(repository.path)
    assert repository.git("status", "--porcelain").splitlines() == STAGED
    assert (repository.path / ".dvc/config").read_bytes() == b""
    for private in (".dvc/config.local", ".dvc/tmp/x", ".dvc/cache/x"):
        repository.git("check-ignore", "-q", private)


def test_second_time_is_refused_and_changes_nothing(repository: GitRepository) -> None:
    initialised(repository)
    (repository.path / ".dvc/config").write_text("[core]\n    remote = up\n")
    with pytest.raises(WorkspaceError, match="already"):
        initialised(repository)
    assert (repository.path / ".dvc/config").read_text() == "[core]\n    remote = up\n"


def test_force_empties_the_configuration_and_nothing_else(repository: GitRepository) -> None:
    initialised(repository)
    kept = {".dvc/config.local": "secret\n", ".dvc/cache/files/md5/00/1": "data", ".dvcignore": "*.tmp\n"}
    for name, text in kept.items():
        (repository.path / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.path / name).write_text(text)
    (repository.path / ".dvc/.gitignore").write_text("/mine\r\n")
    (repository.path / ".dvc/config").write_text("[core]\n    remote = up\n")
    initialised(repository, force=True)
    assert (repository.path / ".dvc/config").read_bytes() == b""
    assert {name: (repository.path / name).read_text() for name in kept} == kept
    assert (repository.path / ".dvc/.gitignore").read_bytes() == b"/mine\r\n/config.local\r\n/tmp\r\n/cache\r\n"


def test_run_that_was_killed_is_completed(repository: GitRepository) -> None:
    (repository.path / ".dvc/tmp").mkdir(parents=True)
    (repository.path / ".dvc/.gitignore").write_text("/config.local\n")
    initialised(repository)
    assert repository.git("status", "--porcelain").splitlines() == STAGED


def test_directory_below_the_top_wants_to_be_meant(repository: GitRepository) -> None:
    (repository.path / "team").mkdir()
    with pytest.raises(RepositoryError, match="not the top"):
        initialised(repository, "team")
    assert not (repository.path / "team/.dvc").exists()
    initialised(repository, "team", subdir=True)
    assert repository.git("status", "--porcelain").splitlines() == [line.replace(" .", " team/.") for line in STAGED]


def test_top_that_is_reached_through_a_link_is_the_top(repository: GitRepository) -> None:
    (repository.path.parent / "alias").symlink_to(repository.path)
    initialised(repository, "../alias")
    assert repository.git("status", "--porcelain").splitlines() == STAGED


def test_outside_of_git_is_refused(tmp_path) -> None:
    with pytest.raises(RepositoryError):
        initialise(str(tmp_path), os.environ)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("pattern", [".dvc", ".dvc/", ".*"])
def test_directory_that_git_ignores_is_refused(repository: GitRepository, pattern: str) -> None:
    (repository.path / ".gitignore").write_text(f"{pattern}\n")
    with pytest.raises(RepositoryError, match="git ignores"):
        initialised(repository)
    assert not (repository.path / ".dvc").exists()


def test_file_in_the_way_is_told(repository: GitRepository) -> None:
    (repository.path / ".dvc").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="in the way"):
        initialised(repository)
    with pytest.raises(WorkspaceError, match="not a directory"):
        initialised(repository, "none")
