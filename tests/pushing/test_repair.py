"""``cvfs check --repair``: versions that are gone are made anew from whatever still has their content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Shell
from projects import LocalBucket, Project
from repositories import GitRepository

FILES = {"data/a": b"a\n", "data/b": b"b\n", "data/c": b"c\n"}


@pytest.fixture
def pushed(tmp_path: Path, shell: Shell) -> Project:
    made = Project(GitRepository.init(tmp_path / "project"), LocalBucket(tmp_path / "store"), shell)
    made.cvfs("init").ok()
    made.connect("up", made.bucket, default=True)
    made.write(FILES)
    made.add("data")
    made.push()
    made.repository.commit("one")
    return made


def lose(project: Project, name: str) -> str:
    """Remove the recorded version of a file from the store, and return its id."""
    version = project.versions("data.dvc")[name]
    (path,) = Path(project.bucket.url, ".cvfs-versions").glob(f"*/{version}")
    path.unlink()
    return version


def test_from_the_work_tree(pushed: Project) -> None:
    dead = {name: lose(pushed, name) for name in ("a", "b")}
    before = pushed.versions("data.dvc")["c"]
    done = pushed.cvfs("check", "HEAD", "--repair").ok()
    assert "2 versions made anew" in done.stdout
    assert "git add data.dvc" in done.stdout
    after = pushed.versions("data.dvc")
    assert after["c"] == before
    assert all(after[name] != dead[name] for name in dead)
    pushed.check_recorded("data.dvc")
    pushed.repository.commit("repaired")
    pushed.cvfs("check", "HEAD").ok()


def test_from_the_cache_of_cvfs(pushed: Project, tmp_path: Path) -> None:
    clone = pushed.clone(tmp_path / "fresh")
    pushed.cvfs("cat", "HEAD", "data/a").ok()  # into the cache, which the clones share
    lose(pushed, "a")
    clone.cvfs("check", "HEAD", "--repair").ok()
    clone.check_recorded("data.dvc")


def test_other_changes_are_not_pushed_along(pushed: Project) -> None:
    lose(pushed, "a")
    pushed.write({"data/b": b"not finished\n", "data/new": b"new\n"})
    pushed.cvfs("check", "HEAD", "--repair").ok()
    assert pushed.bucket.contents("data/b") == [FILES["data/b"]]
    assert "new" not in pushed.entries("data.dvc")
    pushed.check_recorded("data.dvc")


def test_what_nobody_has_is_reported(pushed: Project, tmp_path: Path) -> None:
    clone = pushed.clone(tmp_path / "fresh")
    lose(pushed, "a")
    before = (clone.path / "data.dvc").read_bytes()
    failed = clone.cvfs("check", "HEAD", "--repair")
    assert failed.returncode == 1
    assert "data/a: its version is gone, and its content is neither in the work tree nor in a cache" in failed.stderr
    assert (clone.path / "data.dvc").read_bytes() == before


def test_changed_file_is_no_source(pushed: Project) -> None:
    lose(pushed, "a")
    pushed.write({"data/a": b"another content\n"})
    failed = pushed.cvfs("check", "HEAD", "--repair")
    assert failed.returncode == 1
    assert pushed.bucket.contents("data/a") == []


def test_older_commit_whose_entry_was_replaced_is_left(pushed: Project) -> None:
    pushed.write({"data/a": b"second\n"})
    lose(pushed, "a")
    pushed.push()
    pushed.repository.commit("two")
    failed = pushed.cvfs("check", "HEAD~1", "--repair")
    assert failed.returncode == 1
    assert "data/a is not repaired: the metafiles of the work tree record another version of it" in failed.stderr


def test_never_pushed_is_pushed(pushed: Project) -> None:
    pushed.write({"data/new": b"new\n"})
    pushed.add("data")
    pushed.repository.commit("two, and forgot to push")
    assert pushed.cvfs("check", "HEAD", "--fast").returncode == 1
    pushed.cvfs("check", "HEAD", "--fast", "--repair").ok()
    pushed.check_recorded("data.dvc")


def test_json(pushed: Project) -> None:
    lose(pushed, "a")
    lines = pushed.cvfs("check", "HEAD", "--repair", "--json").ok().stdout.splitlines()
    last = json.loads(lines[-1])
    versions = {"data/a": pushed.versions("data.dvc")["a"]}
    assert last == {"event": "repaired", "versions": versions, "whole": True}
    assert json.loads(lines[0])["path"] == "data/a"
