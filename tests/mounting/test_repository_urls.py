"""``--repo URL``: commands that take a revision work without a clone, and show no secret."""

from __future__ import annotations

import os
from pathlib import Path

import publishing
import pytest
from repositories import GitRepository
from servers.git_http import git_server

from cvfs.stores.local import LocalStore


@pytest.fixture
def origin(make_repository, tmp_path: Path) -> GitRepository:
    """A repository of one file, pushed to a directory beside it."""
    repository = make_repository("origin")
    publishing.configure(repository.path, str(tmp_path / "store"))
    repository.git("config", "uploadpack.allowFilter", "true")
    (repository.path / "data").mkdir()
    (repository.path / "data" / "a").write_bytes(b"alpha")
    publishing.publish(repository.path, "data", LocalStore(str(tmp_path / "store")))
    repository.commit("One")
    return repository


def test_a_commit_is_listed_read_and_compared(cvfs_cli, origin: GitRepository, tmp_path: Path) -> None:
    url = f"file://{origin.path}"
    cache = ("--cache-dir", tmp_path / "cache")
    assert cvfs_cli("ls", "-R", "--repo", url, *cache, "main").ok().stdout == "data/\ndata/a\n"
    assert cvfs_cli("cat", "--repo", url, *cache, "main", "data/a", cwd=tmp_path).ok().raw == b"alpha"
    assert cvfs_cli("check", "--repo", url, *cache, "main").returncode == 0
    old = origin.git("rev-parse", "HEAD")
    (origin.path / "data" / "b").write_bytes(b"beta")
    publishing.publish(origin.path, "data", LocalStore(str(tmp_path / "store")))
    origin.commit("Two")
    assert "data/b" in cvfs_cli("diff", "--repo", url, *cache, old, "main").ok().stdout
    assert sorted(os.listdir(tmp_path / "cache" / "repositories"))[0].endswith(".git")


@pytest.mark.usefixtures("fuse")
def test_a_commit_is_mounted(shell, origin: GitRepository, tmp_path: Path) -> None:
    with git_server(tmp_path, password="s3cret") as server:
        url = server.url("origin", "me:s3cret@")
        with shell.mounted("main", tmp_path / "mnt", "--repo", url) as mountpoint:
            assert (mountpoint / "data" / "a").read_bytes() == b"alpha"
            assert "s3cret" not in shell.cvfs("mounts").ok().stdout


def test_failures_are_sentences_without_secrets(cvfs_cli, origin: GitRepository, tmp_path: Path) -> None:
    with git_server(tmp_path, password="s3cret") as server:
        refused = cvfs_cli("ls", "--repo", server.url("origin", "me:wr0ng@"), "main")
        unknown = cvfs_cli("ls", "--repo", server.url("origin", "me:s3cret@"), "mian")
    gone = cvfs_cli("ls", "--repo", server.url("other", "me:s3cret@"), "main")
    here = cvfs_cli("status", "--repo", server.url("origin", "me:s3cret@"))
    helper = cvfs_cli("ls", "--repo", "ext::sh -c date", "main")
    outcomes = {"refused access": refused, "did you mean main": unknown, "cannot be reached": gone, "is a URL": here}
    for said, outcome in {**outcomes, "transport 'ext' is not supported": helper}.items():
        assert outcome.returncode == 1
        assert said in outcome.stderr
        assert "hint:" in outcome.stderr
        assert "s3cret" not in outcome.stderr
        assert "wr0ng" not in outcome.stderr
        assert "Traceback" not in outcome.stderr
