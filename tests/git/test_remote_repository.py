"""A repository by its URL: cloned without contents, brought up to date as far as needed, and nothing of it runs."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from repositories import GitRepository
from servers.git_http import git_server

from cvfs.errors import RepositoryError, RevisionError
from cvfs.git import RemoteRepository, Repository, remote_access
from cvfs.git.urls import parse_url


def opened(url: str, directory: Path, **environment: str) -> RemoteRepository:
    parsed = parse_url(url)
    assert parsed is not None
    return RemoteRepository.open_url(parsed, str(directory), {**os.environ, **environment})


def contents(repository: Repository, revision: str) -> dict[str, bytes]:
    tree = {entry.oid: entry.path for entry in repository.tree(repository.resolve(revision).id)}
    return {tree[oid]: data for oid, data in repository.read_blobs(tree)}


@pytest.fixture
def origin(repository: GitRepository) -> GitRepository:
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return repository


def url_of(origin: GitRepository) -> str:
    return f"file://{origin.path}"


def test_branches_tags_and_ids_are_those_of_the_remote(origin: GitRepository, tmp_path: Path) -> None:
    found = opened(url_of(origin), tmp_path / "clones")
    assert found.work_tree is None
    for revision in ("HEAD", "main", "side", "light", "annotated", "of-a-tag", "main~1", "refs/heads/side"):
        expected = origin.git("rev-parse", f"{revision}^{{commit}}")
        assert found.resolve(revision).id == expected
    assert found.resolve(origin.git("rev-parse", "HEAD")[:10]).id == origin.git("rev-parse", "HEAD")
    assert contents(found, "main")["sub/b.txt"] == b"two\n"


def test_contents_are_fetched_when_they_are_asked_for(origin: GitRepository, tmp_path: Path) -> None:
    found = opened(url_of(origin), tmp_path / "clones")
    commit = found.resolve("main")
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch-check"], cwd=found.git_dir, check=True, capture_output=True
    )
    assert b" blob " not in listed.stdout
    blobs = [entry.oid for entry in found.tree(commit.id)]
    assert len(list(found.read_blobs(blobs))) == 3


def test_a_branch_is_fresh_and_a_full_id_asks_nobody(origin: GitRepository, tmp_path: Path, caplog) -> None:
    old = origin.git("rev-parse", "HEAD")
    assert opened(url_of(origin), tmp_path / "clones").resolve("main").id == old
    new = origin.commit("third", {"a.txt": "new\n"})
    origin.git("branch", "-D", "side")
    origin.git("branch", "side/below")
    assert opened(url_of(origin), tmp_path / "clones").resolve("main").id == new
    assert opened(url_of(origin), tmp_path / "clones").resolve("side/below").id == new

    origin.path.rename(tmp_path / "moved")
    found = opened(url_of(origin), tmp_path / "clones")
    assert [found.resolve(commit).id for commit in (old, new)] == [old, new]
    with pytest.raises(RepositoryError, match="no Git repository at file:"):
        found.resolve("main")


def test_a_commit_that_no_branch_has(origin: GitRepository, tmp_path: Path) -> None:
    found = opened(url_of(origin), tmp_path / "clones")
    found.resolve("main")
    lost = origin.commit("lost")
    origin.git("reset", "-q", "--hard", "HEAD~1")
    assert found.resolve(lost).id == lost
    with pytest.raises(RevisionError, match="names no commit"):
        found.resolve("0" * 40)


def test_unknown_revisions_get_advice(origin: GitRepository, tmp_path: Path) -> None:
    found = opened(url_of(origin), tmp_path / "clones")
    with pytest.raises(RevisionError) as caught:
        found.resolve("mian")
    assert caught.value.hint == "did you mean main?"
    with pytest.raises(RevisionError) as caught:
        found.resolve("v99")
    assert "git ls-remote file:" in str(caught.value.hint)


def test_detached_head_and_sha256_and_an_empty_repository(origin: GitRepository, tmp_path: Path) -> None:
    origin.git("checkout", "-q", "--detach", "HEAD~1")
    assert opened(url_of(origin), tmp_path / "clones").resolve("HEAD").id == origin.git("rev-parse", "HEAD")

    longer = GitRepository(tmp_path / "sha256")
    longer.path.mkdir()
    longer.git("init", "-q", "-b", "trunk", "--object-format=sha256")
    longer.git("config", "uploadpack.allowFilter", "true")
    commit = longer.commit("first", {"a": "content"})
    found = opened(url_of(longer), tmp_path / "clones")
    assert (found.object_format, found.resolve("HEAD").id) == ("sha256", commit)
    assert contents(found, commit) == {"a": b"content"}

    empty = GitRepository.init(tmp_path / "empty")
    with pytest.raises(RevisionError):
        opened(url_of(empty), tmp_path / "clones").resolve("HEAD")


@pytest.mark.parametrize("damage", ["config", "HEAD", "objects", "packs"])
def test_a_broken_clone_is_made_anew(origin: GitRepository, tmp_path: Path, damage: str) -> None:
    commit = origin.git("rev-parse", "HEAD")
    clone = Path(opened(url_of(origin), tmp_path / "clones").git_dir)
    opened(url_of(origin), tmp_path / "clones").resolve("main")
    match damage:
        case "packs":
            for pack in (clone / "objects" / "pack").iterdir():
                pack.chmod(0o600)
                pack.write_bytes(b"broken")
        case "objects":
            (clone / "objects").rename(tmp_path / "objects")
        case _:
            (clone / damage).write_text("broken [")
    found = opened(url_of(origin), tmp_path / "clones")
    assert found.resolve("main").id == commit
    assert len(contents(found, commit)) == 3
    assert sorted(path.suffix for path in (tmp_path / "clones").iterdir()) == [".git", ".lock"]


def test_several_at_once(origin: GitRepository, tmp_path: Path) -> None:
    def read(_: int) -> int:
        return len(contents(opened(url_of(origin), tmp_path / "clones"), "main"))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(8))) == [3] * 8


def test_over_http_with_a_password_that_nobody_sees(origin: GitRepository, tmp_path: Path, caplog) -> None:
    trace = tmp_path / "trace"
    with git_server(tmp_path, password="s3cr%t") as server:
        url = server.url("repository", "me:s3cr%25t@")
        found = opened(url, tmp_path / "clones", GIT_TRACE=str(trace))
        assert len(contents(found, "main")) == 3
        with pytest.raises(RepositoryError, match="refused access") as caught:
            opened(server.url("repository", "me:wr0ng@"), tmp_path / "others").resolve("main")
        with pytest.raises(RepositoryError, match="refused access"):
            opened(server.url("repository"), tmp_path / "others").resolve("main")
        with pytest.raises(RepositoryError, match="refused access"):
            opened(server.url("repository", "t0ken@"), tmp_path / "others").resolve("main")
        with pytest.raises(RepositoryError, match="no Git repository at"):
            opened(server.url("none", "me:s3cr%25t@"), tmp_path / "others").resolve("main")
    said = f"{caught.value}{caplog.text}"
    for path in (trace, *(tmp_path / "clones").rglob("*")):
        said += path.name + (path.read_bytes().decode("latin-1") if path.is_file() else "")
    for secret in ("s3cr%t", "s3cr%25t", "wr0ng", "t0ken"):
        assert secret not in said


def test_a_branch_is_as_last_known_where_the_remote_cannot_be_reached(
    origin: GitRepository, tmp_path: Path, caplog
) -> None:
    with git_server(tmp_path) as server:
        url = server.url("repository")
        commit = opened(url, tmp_path / "clones").resolve("main")
    with caplog.at_level(logging.WARNING):
        assert opened(url, tmp_path / "clones").resolve("main") == commit
    assert f"using what was last known: main is {commit.id}" in caplog.text
    with pytest.raises(RepositoryError, match="cannot be reached"):
        opened(url, tmp_path / "clones").resolve("other")
    with pytest.raises(RepositoryError, match="cannot be reached"):
        opened(url, tmp_path / "nothing-yet").resolve("main")


def test_a_connection_that_breaks_in_the_middle_costs_nothing_that_is_here(
    origin: GitRepository, tmp_path: Path, caplog
) -> None:
    with git_server(tmp_path) as server:
        found = opened(server.url("repository"), tmp_path / "clones")
        old = found.resolve("main")
        before = os.stat(found.git_dir).st_ino
        origin.commit("third", {"a.txt": "new\n"})
        server.patience = len(server.requests) + 3
        assert found.resolve("main") == old
    assert len(server.requests) > server.patience, "it was not asked again"
    assert "using what was last known" in caplog.text
    assert os.stat(found.git_dir).st_ino == before


def test_plain_files_on_a_web_server(origin: GitRepository, tmp_path: Path) -> None:
    origin.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    GitRepository(tmp_path / "bare.git").git("update-server-info")
    with git_server(tmp_path, dumb=True) as server:
        found = opened(server.url("bare.git"), tmp_path / "clones")
        assert len(contents(found, "main")) == 3
        assert found.resolve("HEAD").id == origin.git("rev-parse", "main")


def test_nothing_that_the_repository_brings_runs(origin: GitRepository, tmp_path: Path) -> None:
    ran, program = tmp_path / "it-ran", tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{ran}\nexit 1\n')
    program.chmod(0o755)
    module = f"[submodule 'm']\n\tpath = m\n\turl = ext::{program}\n\tupdate = !{program}\n"
    origin.commit("evil", {".gitattributes": "* filter=evil\n", ".gitmodules": module, ".lfsconfig": "[lfs]\n"})
    for key in ("uploadpack.packObjectsHook", "core.fsmonitor", "core.alternateRefsCommand", "core.pager"):
        origin.git("config", key, str(program))
    for hook in ("post-upload-pack", "pre-receive", "reference-transaction", "post-checkout"):
        (origin.path / ".git" / "hooks" / hook).symlink_to(program)
    subprocess.run(["git", "branch", "more"], cwd=origin.path, check=False, capture_output=True)
    assert ran.exists(), "the trap does not work"
    ran.unlink()
    found = opened(url_of(origin), tmp_path / "clones")
    assert contents(found, "main")[".gitattributes"] == b"* filter=evil\n"
    assert not ran.exists(), ran.read_text()
    assert not (Path(found.git_dir) / "modules").exists()


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_access, "ASK_TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(RepositoryError, match=rf"127.0.0.1:{port}/r did not answer within 1 seconds"):
            opened(f"http://127.0.0.1:{port}/r", tmp_path / "clones")


def test_directory_that_cannot_be_written(origin: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RepositoryError, match="cannot be written"):
        opened(url_of(origin), tmp_path / "file")


def test_a_url_where_a_work_tree_is_needed() -> None:
    with pytest.raises(RepositoryError) as caught:
        Repository.open("https://me:secret@example.invalid/r", os.environ)
    assert "is a URL" in str(caught.value)
    assert "secret" not in str(caught.value)
