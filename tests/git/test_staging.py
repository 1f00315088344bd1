"""What the next commit would hold, and what has not been committed."""

from __future__ import annotations

import os

import pytest

from cvfs.errors import RepositoryError
from cvfs.git import Repository
from cvfs.git.index import Index, Uncommitted


@pytest.fixture
def repository(make_repository):
    made = make_repository("repository")
    made.commit("one", {"a.dvc": "1", "sub/b.dvc": "1", "dvc.yaml": "", "README": "1"})
    return made


def staged_files(repository, env=os.environ, path="."):
    opened = Repository.open(str(repository.path / path) if path else None, env)
    return {entry.path: entry.oid for entry in opened.tree(opened.staged().id)}


def test_the_staged_tree_is_that_of_the_next_commit(repository):
    head = repository.git("rev-parse", "HEAD^{tree}")
    assert Repository.open(str(repository.path), os.environ).staged().id == head
    (repository.path / "a.dvc").write_text("2")
    assert Repository.open(str(repository.path), os.environ).staged().id == head
    repository.git("add", "a.dvc")
    index = (repository.path / ".git/index").read_bytes()
    found = staged_files(repository, path="sub")
    assert (repository.path / ".git/index").read_bytes() == index
    commit = repository.commit("two")
    assert found == {
        line.split("\t")[1]: line.split()[2] for line in repository.git("ls-tree", "-r", commit).splitlines()
    }


def test_the_index_of_a_hook_counts_only_where_no_path_is_named(repository, monkeypatch):
    (repository.path / "other.dvc").write_text("other")
    other = {**os.environ, "GIT_INDEX_FILE": str(repository.path / ".git/other-index")}
    monkeypatch.setenv("GIT_INDEX_FILE", other["GIT_INDEX_FILE"])
    repository.git("add", "other.dvc")
    monkeypatch.delenv("GIT_INDEX_FILE")
    monkeypatch.chdir(repository.path)
    assert set(staged_files(repository, other, path="")) == {"other.dvc"}
    assert "other.dvc" not in staged_files(repository, other)


def test_another_git_that_holds_the_lock_is_not_in_the_way(repository):
    (repository.path / ".git/index.lock").write_bytes(b"")
    assert set(staged_files(repository)) == {"a.dvc", "sub/b.dvc", "dvc.yaml", "README"}


def test_nothing_was_ever_staged(make_repository):
    assert staged_files(make_repository("empty")) == {}


def test_without_a_work_tree_nothing_is_staged(repository, tmp_path):
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(RepositoryError, match="no work tree"):
        Repository.open(str(tmp_path / "bare"), os.environ).staged()


def test_a_damaged_index_is_an_error(repository):
    (repository.path / ".git/index").write_bytes(b"nonsense")
    with pytest.raises(RepositoryError, match="cannot be committed"):
        Repository.open(str(repository.path), os.environ).staged()


def test_uncommitted_files_of_some_names(repository):
    index = Index(str(repository.path), os.environ)
    names = ("*.dvc", "dvc.yaml")
    assert index.uncommitted(names) == []
    (repository.path / "a.dvc").write_text("2")
    repository.git("add", "a.dvc")
    (repository.path / "sub/b.dvc").write_text("2")
    (repository.path / "dvc.yaml").unlink()
    (repository.path / "new").mkdir()
    (repository.path / "new/ü x.dvc").write_text("1")
    (repository.path / "README").write_text("2")
    assert sorted(index.uncommitted(names), key=lambda file: file.path) == [
        Uncommitted("a.dvc", staged=True, unstaged=False),
        Uncommitted("dvc.yaml", staged=False, unstaged=True),
        Uncommitted("new/ü x.dvc", staged=False, unstaged=True),
        Uncommitted("sub/b.dvc", staged=False, unstaged=True),
    ]
    (repository.path / "a.dvc").write_text("3")
    assert Uncommitted("a.dvc", staged=True, unstaged=True) in index.uncommitted(names)


def test_ignored_files_are_not_uncommitted(repository):
    (repository.path / ".gitignore").write_text("/tmp\n")
    (repository.path / "tmp").mkdir()
    (repository.path / "tmp/a.dvc").write_text("1")
    assert Index(str(repository.path), os.environ).uncommitted(("*.dvc",)) == []
