"""Commits that the real DVC pushed, read after the bucket has moved on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Shell
from dvc_repository import DvcRepository
from repositories import GitRepository
from scenes import AWKWARD, SCENES
from servers.moto import Moto

Play = Callable[[str], DvcRepository]
Clone = Callable[[GitRepository], GitRepository]

pytestmark = pytest.mark.usefixtures("fuse")


def read_all(shell: Shell, mount: Path) -> dict[str, str]:
    """Return the md5 of each file of a mount, read by a program that a hanging mount cannot keep alive."""
    sums = shell.run("find", ".", "-type", "f", "-exec", "md5sum", "-z", "{}", "+", cwd=mount).ok()
    lines = (line.partition("  ./") for line in sums.stdout.split("\0") if line)
    return {name: md5 for md5, _, name in lines}


@pytest.mark.parametrize("scene", SCENES)
def test_first_commit_of_a_fresh_clone_reads_as_it_was_pushed(
    scene: str, play: Play, fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    repository = play(scene)
    commit, pushed = next(iter(repository.pushed.items()))
    clone = fresh_clone(repository)
    with shell.mounted(commit, tmp_path / "mount", "--repo", clone.path) as mount:
        assert read_all(shell, mount) == pushed
    assert len(pushed) >= 2


def test_two_commits_are_mounted_side_by_side(play: Play, fresh_clone: Clone, shell: Shell, tmp_path: Path) -> None:
    repository = play("dataset")
    (one, pushed_one), (two, pushed_two) = repository.pushed.items()
    clone = fresh_clone(repository)
    with (
        shell.mounted(one, tmp_path / "one", "--repo", clone.path) as first,
        shell.mounted(two, tmp_path / "two", "--repo", clone.path) as second,
    ):
        assert read_all(shell, second) == pushed_two
        assert read_all(shell, first) == pushed_one
    assert pushed_one.keys() - pushed_two.keys() == {"data/delete.txt", "data/rename.txt"}


def test_names_that_dvc_cannot_pull_are_all_there(play: Play, fresh_clone: Clone, shell: Shell) -> None:
    clone = fresh_clone(play("awkward_names"))
    for name in AWKWARD:
        read = shell.cvfs("cat", "HEAD", f"odd/{name}", "--repo", clone.path).ok()
        assert read.stdout == f"content of {name}\n"


def test_own_dvc_cache_serves_without_a_request(play: Play, shell: Shell, moto: Moto, tmp_path: Path) -> None:
    repository = play("dataset")
    commit, pushed = next(iter(repository.pushed.items()))
    before = moto.mark()
    with shell.mounted(commit, tmp_path / "mount", "--repo", repository.path) as mount:
        assert read_all(shell, mount) == pushed
    assert moto.requests(since=before) == []


def test_each_file_costs_one_get_and_nothing_else(
    play: Play, fresh_clone: Clone, shell: Shell, moto: Moto, tmp_path: Path
) -> None:
    repository = play("dataset")
    commit, pushed = next(iter(repository.pushed.items()))
    clone = fresh_clone(repository)
    before = moto.mark()
    for name in ("first", "again"):
        with shell.mounted(commit, tmp_path / name, "--repo", clone.path) as mount:
            assert read_all(shell, mount) == pushed
    asked = moto.requests(since=before)
    assert {request.split()[0] for request in asked} == {"GET"}
    assert len(set(asked)) == len(asked)
    assert len(pushed) - 1 <= len(asked) <= len(pushed)  # one file is empty: nothing need be asked for


def test_listing_needs_neither_the_remote_nor_credentials(
    play: Play, fresh_clone: Clone, shell: Shell, moto: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository = play("dataset")
    commit, pushed = next(iter(repository.pushed.items()))
    clone = fresh_clone(repository)
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_EC2_METADATA_DISABLED"]:
        monkeypatch.delenv(name)
    before = moto.mark()
    listed = shell.cvfs("ls", "-R", commit, "--repo", clone.path).ok()
    with shell.mounted(commit, tmp_path / "mount", "--repo", clone.path) as mount:
        found = shell.run("find", ".", "-type", "f", "-printf", "%P\n", cwd=mount).ok()
        shell.run("ls", "-lR", mount).ok()
        shell.run("du", "-s", mount).ok()
    assert moto.requests(since=before) == []
    assert all(os.path.basename(name) in listed.stdout for name in pushed)
    assert set(found.stdout.splitlines()) == set(pushed)


def test_ls_as_json_names_the_recorded_versions(play: Play, fresh_clone: Clone, shell: Shell, moto: Moto) -> None:
    repository = play("dataset")
    commit, pushed = next(iter(repository.pushed.items()))
    listed = shell.cvfs("ls", "-R", "--json", commit, "--repo", fresh_clone(repository).path).ok()
    files = {entry["path"]: entry for entry in map(json.loads, listed.stdout.splitlines()) if entry["type"] == "file"}
    assert {path: entry["md5"] for path, entry in files.items()} == pushed
    assert {entry["remote"] for entry in files.values()} == {"up"}
    bucket = re.search(r"url = s3://([^/]+)/base\n", (repository.path / ".dvc/config").read_text())[1]
    stored = {(version.key, version.version_id) for version in moto.versions(bucket)}
    assert {(entry["key"], entry["version_id"]) for entry in files.values()} <= stored
