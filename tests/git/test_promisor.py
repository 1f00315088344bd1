from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.errors import RepositoryError
from cvfs.git import Repository


def partial_clone(origin: GitRepository, path: Path, kind: str) -> GitRepository:
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    origin.git("clone", "-q", "--no-checkout", f"--filter={kind}", f"file://{origin.path}", str(path))
    return GitRepository(path)


def opened(repository: GitRepository, **environment: str) -> Repository:
    return Repository.open(str(repository.path), {**os.environ, **environment})


def contents(repository: Repository, revision: str = "HEAD") -> set[bytes]:
    tree = list(repository.tree(repository.resolve(revision).id))
    return {data for _, data in repository.read_blobs(entry.oid for entry in tree)}


def fetches(trace: Path) -> int:
    return trace.read_text().count("built-in: git fetch") if trace.exists() else 0


@pytest.mark.parametrize("kind", ["blob:none", "tree:0", "tree:1", "blob:limit=1"])
def test_what_is_missing_is_fetched_at_once(repository: GitRepository, tmp_path: Path, kind: str) -> None:
    clone = partial_clone(repository, tmp_path / "partial", kind)
    references = clone.git("for-each-ref")
    trace = tmp_path / "trace"
    found = opened(clone, GIT_TRACE=str(trace))
    assert contents(found, "HEAD~1") == {b"one\n", b"two\n", b"a.txt"}
    asked = fetches(trace)
    assert asked == (2 if kind.startswith("tree") else 1)
    assert contents(found, "HEAD~1") == {b"one\n", b"two\n", b"a.txt"}
    assert fetches(trace) == asked, "what is here was asked for again"
    assert clone.git("for-each-ref") == references
    assert not (clone.path / ".git" / "FETCH_HEAD").exists()
    clone.git("fsck", "--connectivity-only")


def test_ensure_brings_all_blobs_before_the_first_is_read(repository: GitRepository, tmp_path: Path) -> None:
    clone = partial_clone(repository, tmp_path / "partial", "blob:none")
    trace = tmp_path / "trace"
    found = opened(clone, GIT_TRACE=str(trace))
    oids = [entry.oid for revision in ("HEAD", "HEAD~1") for entry in found.tree(found.resolve(revision).id)]
    found.ensure(oids)
    found.blob_sizes(oids)
    assert len(list(found.read_blobs(oids))) == 6
    assert fetches(trace) == 1


def test_a_full_clone_never_fetches(repository: GitRepository, tmp_path: Path) -> None:
    clone = repository.clone(tmp_path / "full")
    trace = tmp_path / "trace"
    assert contents(opened(clone, GIT_TRACE=str(trace)))
    assert fetches(trace) == 0


def test_a_promisor_that_cannot_be_reached(repository: GitRepository, tmp_path: Path) -> None:
    clone = partial_clone(repository, tmp_path / "partial", "blob:none")
    repository.path.rename(tmp_path / "moved")
    found = opened(clone)
    tree = list(found.tree(found.resolve("HEAD").id))
    with pytest.raises(
        RepositoryError, match="lacks 3 objects of the commit, and they cannot be fetched: origin:"
    ) as caught:
        found.ensure(entry.oid for entry in tree)
    assert "git fetch" in str(caught.value.hint)
    with pytest.raises(RepositoryError, match="lacks"):
        list(found.read_blobs([tree[0].oid]))


def test_the_second_promisor_is_asked_too(repository: GitRepository, tmp_path: Path) -> None:
    clone = partial_clone(repository, tmp_path / "partial", "blob:none")
    clone.git("config", "extensions.partialClone", "gone")
    clone.git("config", "remote.gone.url", f"file://{tmp_path}/gone")
    assert contents(opened(clone)) == {b"changed\n", b"two\n", b"a.txt"}


def test_credentials_in_a_url_are_not_shown(repository: GitRepository, tmp_path: Path) -> None:
    clone = partial_clone(repository, tmp_path / "partial", "blob:none")
    clone.git("remote", "set-url", "origin", "http://user:secret@127.0.0.1:9/repository.git")
    found = opened(clone)
    with pytest.raises(RepositoryError) as caught:
        contents(found)
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_worktrees_of_a_partial_clone(repository: GitRepository, tmp_path: Path) -> None:
    clone = partial_clone(repository, tmp_path / "partial", "blob:none")
    clone.git("worktree", "add", "-q", "--no-checkout", "--detach", str(tmp_path / "linked"))
    assert contents(opened(GitRepository(tmp_path / "linked"))) == {b"changed\n", b"two\n", b"a.txt"}
