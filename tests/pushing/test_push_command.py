"""``cvfs push`` as a command: its options, its output, and repositories of other shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Shell
from projects import LocalBucket, Project
from repositories import GitRepository


@pytest.fixture
def made(tmp_path: Path, shell: Shell) -> Project:
    project = Project(GitRepository.init(tmp_path / "made"), LocalBucket(tmp_path / "store"), shell)
    project.cvfs("init").ok()
    project.connect("up", project.bucket, default=True)
    project.write({"data/a": b"a", "data/b": b"b"})
    project.add("data")
    return project


def test_autostage_stages_the_metafiles(made: Project) -> None:
    config = made.path / ".dvc/config"
    config.write_text(config.read_text().replace("[core]\n", "[core]\n    autostage = true\n"))
    assert "staged; next: git commit" in made.push().stdout
    assert "A  data.dvc" in made.repository.git("status", "--porcelain")


def test_json_tells_of_each_file_and_then_of_all(made: Project) -> None:
    lines = [json.loads(line) for line in made.push("--json").stdout.splitlines()]
    assert [line["path"] for line in lines if line["event"] == "pushed"] == ["data/a", "data/b"]
    assert lines[-1] == {"event": "done", "files": 2, "size": 2, "recorded": ["data.dvc"], "failures": []}
    versions = {line["path"]: line["version_id"] for line in lines if line["event"] == "pushed"}
    assert versions == {f"data/{name}": version for name, version in made.versions("data.dvc").items()}


def test_json_of_a_dry_run(made: Project) -> None:
    lines = [json.loads(line) for line in made.push("--json", "--dry-run").stdout.splitlines()]
    assert [(line["event"], line["path"]) for line in lines[:-1]] == [("planned", "data/a"), ("planned", "data/b")]


def test_targets_and_next_step_begin_where_the_user_stands(made: Project) -> None:
    (made.path / "sub").mkdir()
    done = made.cvfs("push", "../data.dvc", folder="sub").ok()
    assert "next: git add ../data.dvc, and git commit" in done.stdout


def test_repository_elsewhere(made: Project, tmp_path: Path) -> None:
    done = made.shell.cvfs("push", "--repo", made.path, cwd=tmp_path).ok()
    assert f"git -C {made.path} add -- data.dvc" in done.stdout


def test_subrepos_push_to_their_own_remotes(made: Project, tmp_path: Path) -> None:
    made.write({"team/own/x": b"x"})
    made.cvfs("init", "--subdir", folder="team").ok()
    made.cvfs("remote", "add", "-d", "mine", str(tmp_path / "theirs"), folder="team").ok()
    made.cvfs("remote", "modify", "mine", "version_aware", "true", folder="team").ok()
    made.cvfs("add", "own", folder="team").ok()
    made.push()
    assert made.bucket.live() == ["data/a", "data/b"]
    assert LocalBucket(tmp_path / "theirs").live() == ["own/x"]


def test_no_default_remote(made: Project) -> None:
    made.cvfs("remote", "default", "--unset").ok()
    failed = made.cvfs("push")
    assert failed.returncode == 1
    assert "there is no default remote to push to" in failed.stderr
    assert made.push("-r", "up").returncode == 0


def test_unknown_remote(made: Project) -> None:
    failed = made.cvfs("push", "-r", "nowhere")
    assert failed.returncode == 1
    assert "'nowhere' is not configured" in failed.stderr


def test_migrate_needs_a_remote(made: Project) -> None:
    failed = made.cvfs("push", "--migrate")
    assert failed.returncode == 2
    assert "--migrate needs -r NAME" in failed.stderr


def test_outside_of_a_repository(shell: Shell, tmp_path: Path) -> None:
    failed = shell.cvfs("push", cwd=tmp_path)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr


def test_git_repository_without_dvc(shell: Shell, tmp_path: Path) -> None:
    plain = GitRepository.init(tmp_path / "plain")
    failed = shell.cvfs("push", cwd=plain.path)
    assert failed.returncode == 1
    assert "run `cvfs init`" in failed.stderr


def test_many_failures_with_one_cause_are_told_once(made: Project) -> None:
    (made.path / "data/a").unlink()
    (made.path / "data/b").unlink()
    failed = made.cvfs("push")
    assert failed.returncode == 1
    assert failed.stderr.count("hint:") == 2
    assert "Everything is up to date" not in failed.stdout
