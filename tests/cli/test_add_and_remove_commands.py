"""``cvfs add`` and ``cvfs remove`` as people run them: what they print, and how they end."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def repository(make_repository, cvfs_cli):
    made = make_repository("repository")
    cvfs_cli("init", cwd=made.path).ok()
    made.commit("init")
    (made.path / "data").mkdir()
    (made.path / "data/a b").write_bytes(b"a")
    (made.path / "model").write_bytes(b"m")
    return made


def test_add_says_what_it_did_and_what_is_next(cvfs_cli, repository):
    done = cvfs_cli("add", "data/", "model", cwd=repository.path).ok()
    assert done.stdout == "data: 1 new\nmodel: 1 new\nnext: git add .gitignore data.dvc model.dvc, and cvfs push\n"
    assert sorted(done.stderr.splitlines()) == ["hashing data/a b (1/2)", "hashing model (2/2)"]
    repository.git("add", ".gitignore", "data.dvc", "model.dvc")
    assert repository.git("status", "--short", "--untracked-files") == "A  .gitignore\nA  data.dvc\nA  model.dvc"
    (repository.path / "model").write_bytes(b"another")
    again = cvfs_cli("add", "data", "model", "-j", "1", cwd=repository.path).ok()
    assert again.stdout == "data: 1 unchanged\nmodel: 1 changed\nnext: git add model.dvc, and cvfs push\n"


def test_next_step_is_right_wherever_one_stands(cvfs_cli, repository, tmp_path):
    from_inside = cvfs_cli("add", "../model", cwd=repository.path / "data").ok()
    assert from_inside.stdout.endswith("next: git add ../.gitignore ../model.dvc, and cvfs push\n")
    outside = cvfs_cli("add", "--repo", repository.path, repository.path / "data", cwd=tmp_path).ok()
    assert outside.stdout.endswith(f"next: git -C {repository.path} add -- .gitignore data.dvc, and cvfs push\n")


def test_add_as_json(cvfs_cli, repository):
    done = cvfs_cli("add", "--json", "data", cwd=repository.path).ok()
    assert done.stderr == ""
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"event": "file", "task": "hashing", "path": "data/a b", "done": 1, "of": 1},
        {
            "event": "added",
            "path": "data",
            "metafile": "data.dvc",
            "new": 1,
            "changed": 0,
            "removed": 0,
            "unchanged": 0,
        },
        {"event": "done", "written": [".gitignore", "data.dvc"], "staged": False, "failures": []},
    ]


def test_add_stages_where_that_is_configured(cvfs_cli, repository):
    (repository.path / ".dvc/config").write_text("[core]\n    autostage = true\n")
    done = cvfs_cli("add", "data", cwd=repository.path).ok()
    assert done.stdout == "data: 1 new\nstaged; next: cvfs push\n"
    assert "A  data.dvc" in repository.git("status", "--short")


def test_add_refuses_in_a_sentence(cvfs_cli, repository):
    repository.git("add", "model")
    done = cvfs_cli("add", "data", "model", cwd=repository.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "cvfs: output 'model' is already tracked by SCM (e.g. Git)\n"
        "  hint: to stop tracking it with Git: git rm -r --cached model && git commit -m 'stop tracking model'\n"
    )
    assert not (repository.path / "data.dvc").exists()
    assert cvfs_cli("add", cwd=repository.path).returncode == 2


def test_an_out_that_fails_does_not_stop_the_others_and_shows_in_the_exit_code(cvfs_cli, repository):
    cvfs_cli("add", "data", "model", cwd=repository.path).ok()
    (repository.path / "data.dvc").write_text("outs: [{md5: 0cc175b9c0f1b6a831c399e269772661, path: data}]\n")
    (repository.path / "model").write_bytes(b"another")
    done = cvfs_cli("add", "data", "model", cwd=repository.path)
    assert done.returncode == 1
    assert done.stdout.startswith("model: 1 changed\n")
    assert "block style that DVC writes" in done.stderr


def test_remove_says_what_it_did_and_what_is_next(cvfs_cli, repository):
    cvfs_cli("add", "data", "model", cwd=repository.path).ok()
    repository.commit("tracked")
    done = cvfs_cli("remove", "data", cwd=repository.path).ok()
    assert done.stdout == "data.dvc removed\nnext: git add data.dvc .gitignore, and git commit\n"
    repository.git("add", "data.dvc", ".gitignore")
    refused = cvfs_cli("remove", "model.dvc", "--outs", cwd=repository.path)
    assert refused.returncode == 1
    assert "would be lost:\n  model\n  hint: `cvfs push` uploads them" in refused.stderr
    forced = cvfs_cli("remove", "model.dvc", "--outs", "--force", cwd=repository.path).ok()
    assert forced.stdout.startswith("model.dvc removed\n1 file deleted\n")
    assert not (repository.path / "model").exists()
    assert cvfs_cli("remove", "--force", "data", cwd=repository.path).returncode == 2
