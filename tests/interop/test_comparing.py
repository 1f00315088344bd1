"""What DVC and cvfs say has changed, side by side."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from command import Shell
from dvc_repository import DVC, DvcRepository

FIRST = {
    "data/same": b"same",
    "data/changed": b"before",
    "data/gone": b"gone",
    "data/sub/moved": b"moved",
    "model": b"m",
}
SECOND = {
    "data/same": b"same",
    "data/changed": b"after",
    "data/new": b"new",
    "data/there/moved": b"moved",
    "model": b"M",
}


@pytest.fixture
def repository(tmp_path: Path) -> DvcRepository:
    """Two commits of outs that DVC records by the hash of a listing."""
    made = DvcRepository.init(tmp_path / "repository")
    made.dvc("init", "-q")
    for files in (FIRST, SECOND):
        for path in FIRST:
            (made.path / path).unlink(missing_ok=True)
        made.write(files)
        made.dvc("add", "-q", "data", "model")
        made.commit("A version")
    return made


def dvc_says(repository: DvcRepository, *revisions: str) -> dict[str, set[object]]:
    asked = [DVC, "diff", "--json", *revisions]
    done = subprocess.run(
        asked, check=True, cwd=repository.path, capture_output=True, env={**os.environ, "CI": "true"}, timeout=120
    )
    found = json.loads(done.stdout)
    found.pop("not in cache", None)
    # DVC lists directories, too.
    names = {
        kind: {entry["path"] if isinstance(entry["path"], str) else tuple(entry["path"].values()) for entry in entries}
        for kind, entries in found.items()
    }
    return {kind: {name for name in found if not str(name).endswith("/")} for kind, found in names.items() if found}


def cvfs_says(shell: Shell, repository: DvcRepository, *revisions: str) -> dict[str, set[object]]:
    found: dict[str, set[object]] = {}
    for line in shell.cvfs("diff", "--json", *revisions, cwd=repository.path).ok().stdout.splitlines():
        change = json.loads(line)
        name = (change["old_path"], change["path"]) if change["old_path"] else change["path"]
        found.setdefault(change["change"], set()).add(name)
    return found


def test_both_say_the_same_of_two_commits(shell: Shell, repository: DvcRepository) -> None:
    said = cvfs_says(shell, repository, "HEAD~1", "HEAD")
    assert said == dvc_says(repository, "HEAD~1", "HEAD")
    assert said == {
        "added": {"data/new"},
        "deleted": {"data/gone"},
        "modified": {"data/changed", "model"},
        "renamed": {("data/sub/moved", "data/there/moved")},
    }


def test_both_say_the_same_of_the_work_tree(shell: Shell, repository: DvcRepository) -> None:
    assert cvfs_says(shell, repository, "HEAD") == {}
    repository.write({"data/same": b"not the same", "data/newer": b"newer"})
    said = cvfs_says(shell, repository, "HEAD~1")
    assert said == dvc_says(repository, "HEAD~1")
    assert said["modified"] == {"data/changed", "data/same", "model"}


def test_without_the_cache_only_the_directory_is_known_to_differ(shell: Shell, repository: DvcRepository) -> None:
    subprocess.run(["rm", "-rf", ".dvc/cache"], cwd=repository.path, check=True)
    assert cvfs_says(shell, repository, "HEAD~1", "HEAD") == {"modified": {"data", "model"}}
    # The work tree has the very files that the second hash stands for.
    assert cvfs_says(shell, repository, "HEAD") == {}
