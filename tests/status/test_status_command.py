"""``cvfs status`` as users meet it."""

from __future__ import annotations

import json

import pytest
from publishing import configure, publish

from cvfs.stores.local import LocalStore


@pytest.fixture
def repository(make_repository, tmp_path):
    made = make_repository("dataset")
    configure(made.path, str(tmp_path / "store"))
    (made.path / ".dvc/.gitignore").write_text("/tmp\n")
    write(made, {f"data/{number:02}": str(number) for number in range(30)})
    publish(made.path, "data", LocalStore(str(tmp_path / "store")))
    made.commit("one")
    return made


def write(repository, files):
    for name, text in files.items():
        path = repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_clean_work_tree(cvfs_cli, repository):
    done = cvfs_cli("status", cwd=repository.path).ok()
    assert (done.stdout, done.stderr) == ("nothing to push, work tree clean\n", "")
    assert cvfs_cli("status", "--json", cwd=repository.path).ok().stdout == ""


CHANGED = """\
Changes not pushed:
  (use "cvfs push" to upload and record them)
  (use "cvfs pull --force" to discard changes)
	modified:   data/00
	new:        data/new/ (2 files, 3 B)

Deleted here, and still recorded:
  (use "cvfs add <path>..." to record removals)
  (use "cvfs pull" to get them back)
	data/01

Metafiles changed but not committed:
  (use "git add <file>..." and "git commit")
	data.dvc

"""


def test_groups_with_what_to_do(cvfs_cli, repository):
    cvfs_cli("status", cwd=repository.path).ok()
    write(repository, {"data/00": "changed", "data/new/x": "1", "data/new/y": "22"})
    (repository.path / "data/01").unlink()
    with open(repository.path / "data.dvc", "a") as metafile:
        metafile.write("# a comment\n")
    assert cvfs_cli("status", cwd=repository.path / "data").ok().stdout == CHANGED
    lines = cvfs_cli("status", "--json", "data.dvc", cwd=repository.path).ok().stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(each["state"], each["path"]) for each in found] == [
        ("changed", "data/00"),
        ("deleted", "data/01"),
        ("new", "data/new/x"),
        ("new", "data/new/y"),
        ("uncommitted", "data.dvc"),
    ]
    assert (found[0]["size"], found[0]["recorded"]["size"], found[0]["line"]) == (7, 1, 5)
    assert found[1]["recorded"]["version_id"]


def test_a_fresh_clone_is_one_line(cvfs_cli, repository, tmp_path):
    clone = repository.clone(tmp_path / "clone")
    shown = cvfs_cli("status", cwd=clone.path).ok().stdout
    assert shown == 'Not here:\n  (use "cvfs pull" to fetch)\n\tdata/ (30 files, 50 B)\n\nnothing to push\n'


def test_many_lines_are_counted(cvfs_cli, repository):
    write(repository, {f"data/{number:02}": "changed" for number in range(29)})
    lines = cvfs_cli("status", cwd=repository.path).ok().stdout.splitlines()
    assert lines[3:5] == ["\tmodified:   data/00", "\tmodified:   data/01"]
    assert lines[-2] == "\tand 9 more; --json names them all"


def test_nothing_tracked_and_nothing_to_look_at(cvfs_cli, make_repository, tmp_path):
    empty = make_repository("empty")
    wrong = cvfs_cli("status", cwd=empty.path)
    assert wrong.returncode == 1
    assert "not a DVC repository" in wrong.stderr
    empty.commit("init", {".dvc/config": ""})
    assert cvfs_cli("status", cwd=empty.path).ok().stdout == 'nothing is tracked yet (use "cvfs add <path>...")\n'
    unknown = cvfs_cli("status", "nothing", cwd=empty.path)
    assert unknown.returncode == 1
    assert "'nothing'" in unknown.stderr
