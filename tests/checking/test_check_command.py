"""``cvfs check`` as users meet it: by hand, in CI, and as a pre-commit hook."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from command import cvfs_program
from publishing import REMOTE, configure, publish

from cvfs.stores.local import LocalStore


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def repository(make_repository, store):
    made = make_repository("dataset")
    configure(made.path, str(store))
    (made.path / ".dvc/.gitignore").write_text("/tmp\n")
    write(made, {"a": "1", "b": "2"})
    publish(made.path, "data", LocalStore(str(store)))
    made.commit("first")
    return made


def write(repository, files):
    for name, text in files.items():
        path = repository.path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def forget_a_version(repository, name):
    """Make an entry one that was never pushed."""
    metafile = repository.path / "data.dvc"
    recorded = yaml.safe_load(metafile.read_text())
    for entry in recorded["outs"][0]["files"]:
        if entry["relpath"] == name:
            del entry["cloud"]
    metafile.write_text(yaml.safe_dump(recorded, sort_keys=False))


def versions_of(store: Path) -> list[Path]:
    return [path for path in (store / ".cvfs-versions").rglob("*") if path.is_file()]


def test_all_is_well(cvfs_cli, repository):
    commit = repository.git("rev-parse", "HEAD")[:12]
    assert cvfs_cli("check", "HEAD", cwd=repository.path).ok().stdout == f"commit {commit}: all 2 files can be had\n"
    fast = cvfs_cli("check", "--fast", "main", cwd=repository.path).ok()
    assert fast.stdout == f"commit {commit}: a version is recorded of all 2 files\n"
    assert cvfs_cli("check", "--json", "HEAD", cwd=repository.path).ok().stdout == ""
    assert fast.stderr == ""


def test_deleted_versions_are_named_with_key_and_version(cvfs_cli, repository, store):
    for version in versions_of(store):
        version.unlink()
    for name in ("a", "b"):
        (store / "data" / name).unlink()
    done = cvfs_cli("check", "HEAD", cwd=repository.path)
    assert done.returncode == 1
    assert [line.split(": ")[:2] for line in done.stdout.splitlines()] == [["missing", "data/a"], ["missing", "data/b"]]
    assert "is not complete: 2 missing (of 2 files)" in done.stderr
    told = [json.loads(line) for line in cvfs_cli("check", "HEAD", "--json", cwd=repository.path).stdout.splitlines()]
    assert [(each["path"], each["fault"], each["remote"]) for each in told] == [
        ("data/a", "missing", REMOTE),
        ("data/b", "missing", REMOTE),
    ]
    recorded = yaml.safe_load((repository.path / "data.dvc").read_text())["outs"][0]["files"][0]
    assert told[0]["version_id"] == recorded["cloud"][REMOTE]["version_id"]
    assert told[0]["md5"] == recorded["md5"]
    assert cvfs_cli("check", "HEAD", "--fast", cwd=repository.path).ok()


def test_many_findings_are_counted_and_all_in_json(cvfs_cli, repository):
    entries = "".join(f"  - relpath: f{number:03}\n    md5: {number:032}\n    size: 1\n" for number in range(150))
    repository.commit("many", {"data.dvc": f"outs:\n- path: data\n  hash: md5\n  files:\n{entries}"})
    done = cvfs_cli("check", "--fast", "HEAD", cwd=repository.path)
    lines = done.stdout.splitlines()
    assert lines[0] == "never pushed: data/f000: no version is recorded"
    assert lines[1] == "  hint: `cvfs push`, then commit the metafile"
    assert len(lines) == 102
    assert lines[-1] == "and 50 more; --json names them all"
    assert "150 never pushed (of 150 files)" in done.stderr
    assert len(cvfs_cli("check", "--fast", "--json", "HEAD", cwd=repository.path).stdout.splitlines()) == 150


def test_a_bad_metafile_is_a_fault(cvfs_cli, repository):
    repository.commit("bad", {"bad.dvc": "outs:\n<<<<<<< HEAD\n- path: x\n"})
    done = cvfs_cli("check", "--fast", "HEAD", cwd=repository.path)
    assert done.returncode == 1
    assert done.stdout.startswith("cannot be read: bad.dvc:2: merge conflict")


def test_wrong_usage(cvfs_cli, repository):
    assert cvfs_cli("check", cwd=repository.path).returncode == 2
    assert cvfs_cli("check", "HEAD", "--staged", cwd=repository.path).returncode == 2
    assert cvfs_cli("check", "HEAD", "-j", "0", cwd=repository.path).returncode == 2


def test_nothing_to_check(cvfs_cli, make_repository):
    empty = make_repository("empty")
    empty.commit("nothing", {"README": "x"})
    assert "nothing that should have been pushed" in cvfs_cli("check", "HEAD", cwd=empty.path).ok().stdout


def test_what_is_staged_counts_and_not_the_work_tree(cvfs_cli, repository):
    forget_a_version(repository, "b")
    assert cvfs_cli("check", "--fast", "--staged", cwd=repository.path).ok().stdout.startswith("what is staged: ")
    repository.git("add", "data.dvc")
    done = cvfs_cli("check", "--fast", "--staged", cwd=repository.path)
    assert done.returncode == 1
    assert "never pushed: data/b" in done.stdout
    assert cvfs_cli("check", "--fast", "HEAD", cwd=repository.path).ok()


def test_unresolved_conflicts_cannot_be_checked(cvfs_cli, repository):
    repository.git("checkout", "-q", "-b", "other")
    repository.commit("theirs", {"data.dvc": "outs: []\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("mine", {"data.dvc": "outs:\n- path: x\n"})
    subprocess.run(["git", "merge", "-q", "other"], cwd=repository.path, capture_output=True, check=False)
    done = cvfs_cli("check", "--fast", "--staged", cwd=repository.path)
    assert done.returncode == 1
    assert "what is staged cannot be committed" in done.stderr


def test_a_bare_repository_has_nothing_staged(cvfs_cli, repository, tmp_path):
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert cvfs_cli("check", "--fast", "HEAD", "--repo", tmp_path / "bare").ok()
    assert "no work tree" in cvfs_cli("check", "--fast", "--staged", "--repo", tmp_path / "bare").stderr


@pytest.fixture
def hooked(repository):
    """The repository with the hook of docs/quick-start.md."""
    hook = repository.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {cvfs_program()} check --fast --staged\n")
    hook.chmod(0o755)
    return repository


def commit(repository, *arguments, cwd=None):
    command = ["git", "commit", "-q", "-m", "a commit", *arguments]
    return subprocess.run(command, cwd=cwd or repository.path, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("how", [(), ("-a",), ("data.dvc",), ("-i", "data.dvc")])
def test_the_hook_refuses_a_commit_that_was_not_pushed(hooked, store, how):
    head = hooked.git("rev-parse", "HEAD")
    write(hooked, {"a": "changed"})
    forget_a_version(hooked, "a")
    if not how:
        hooked.git("add", "data.dvc")
    done = commit(hooked, *how)
    assert done.returncode == 1
    assert "never pushed: data/a" in done.stdout + done.stderr
    assert hooked.git("rev-parse", "HEAD") == head
    publish(hooked.path, "data", LocalStore(str(store)))
    if not how:
        hooked.git("add", "data.dvc")
    done = commit(hooked, *how)
    assert done.returncode == 0, done.stderr
    assert hooked.git("rev-parse", "HEAD") != head
    assert hooked.git("status", "--porcelain") == ""


def test_the_hook_lets_a_part_be_committed_that_is_complete(hooked):
    forget_a_version(hooked, "a")
    (hooked.path / "README").write_text("new")
    hooked.git("add", "README")
    done = commit(hooked, "README")
    assert done.returncode == 0, done.stderr
    assert hooked.git("status", "--porcelain") == " M data.dvc"


def test_the_hook_works_in_a_linked_work_tree(hooked, tmp_path):
    hooked.git("worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked/data.dvc").write_text(f"outs:\n- path: data\n  hash: md5\n  md5: {'1' * 32}\n")
    done = commit(hooked, "-a", cwd=tmp_path / "linked")
    assert done.returncode == 1
    assert "never pushed: data: no version is recorded" in done.stdout + done.stderr
