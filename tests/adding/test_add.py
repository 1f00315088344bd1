"""What is tracked, what the metafile says then, and how it is brought up to date."""

from __future__ import annotations

import os

import pytest

from cvfs.adding.one_out import AddedOut
from cvfs.errors import LockedError, TargetError

A, B = "0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"

TRACKED = f"""\
# our data
outs:
- path: data  # quoted nowhere
  hash: md5
  desc: 'the first'
  files:
  - relpath: "a"
    md5: {A}
    size: 1
    note: kept
    cloud:
      up: {{etag: e, version_id: v1}}
  # about b
  - relpath: b
    md5: {B}
    size: 1
    cloud:
      up:
        version_id: v2
meta:
  owner: us
"""


@pytest.fixture
def tracked(workspace):
    """A directory of two pushed files, whose metafile was edited by hand."""
    workspace.write({"data/a": "a", "data/b": "b", "data.dvc": TRACKED, ".gitignore": "/data\n"})
    workspace.repository.commit("data")
    return workspace


def test_a_directory_gets_a_list_of_files_and_a_line_in_gitignore(workspace):
    workspace.write({"data/sub/b": "b", "data/a": "a", "data/.hidden": ""})
    (workspace.path / "data/a").chmod(0o755)
    added = workspace.add("data")
    assert added.outs == [AddedOut("data", "data.dvc", new=3)]
    assert (added.written, added.staged) == ([".gitignore", "data.dvc"], False)
    assert workspace.read("data.dvc") == (
        "outs:\n- hash: md5\n  path: data\n  files:\n"
        "  - relpath: .hidden\n    md5: d41d8cd98f00b204e9800998ecf8427e\n    size: 0\n"
        f"  - relpath: a\n    md5: {A}\n    size: 1\n    isexec: true\n"
        f"  - relpath: sub/b\n    md5: {B}\n    size: 1\n"
    )
    assert workspace.read(".gitignore") == "/data\n"


def test_several_paths_and_one_in_a_subdirectory(workspace, monkeypatch):
    workspace.write({"models/m.bin": "a", "d/x": "b"})
    monkeypatch.chdir(workspace.path / "models")
    added = workspace.add("m.bin", "../d", "./m.bin")
    assert [(out.path, out.metafile) for out in added.outs] == [("models/m.bin", "models/m.bin.dvc"), ("d", "d.dvc")]
    assert workspace.read("models/m.bin.dvc") == f"outs:\n- md5: {A}\n  size: 1\n  hash: md5\n  path: m.bin\n"
    assert workspace.read("models/.gitignore") == "/m.bin\n"


def test_what_git_ignores_already_gets_no_second_line(workspace):
    workspace.write({".gitignore": "*.bin\n", "m.bin": "a"})
    assert workspace.add("m.bin").written == ["m.bin.dvc"]
    assert workspace.read(".gitignore") == "*.bin\n"


def test_dvcignore_counts(workspace):
    workspace.write({".dvcignore": "*.tmp\n", "data/a": "a", "data/b.tmp": "b"})
    assert workspace.add("data").outs[0].new == 1
    assert list(workspace.outs("data.dvc")["data"]) == ["a"]


def test_autostage_adds_to_the_index_what_was_written(workspace):
    workspace.write({".dvc/config": "[core]\n    autostage = true\n", "data/a": "a"})
    assert workspace.add("data").staged
    assert workspace.repository.git("diff", "--cached", "--name-only").split() == [".gitignore", "data.dvc"]


def test_nothing_changed_touches_nothing(tracked):
    before = os.stat("data.dvc")
    added = tracked.add("data")
    assert added.outs == [AddedOut("data", "data.dvc", new=0, unchanged=2)]
    assert added.written == []
    assert os.stat("data.dvc") == before
    assert tracked.read("data.dvc") == TRACKED


def test_only_entries_that_changed_are_written(tracked):
    tracked.write({"data/a": "b", "data/c": "a"})
    (tracked.path / "data/b").chmod(0o755)
    assert tracked.add("data").outs == [AddedOut("data", "data.dvc", new=1, changed=2)]
    cloud = "    cloud:\n      up: {etag: e, version_id: v1}\n"
    exec_b = TRACKED.replace(
        "    size: 1\n    cloud:\n      up:\n", "    size: 1\n    isexec: true\n    cloud:\n      up:\n"
    )
    expected = exec_b.replace(cloud, "").replace(f'"a"\n    md5: {A}', f'"a"\n    md5: {B}')
    new = f"  - relpath: c\n    md5: {A}\n    size: 1\n"
    assert tracked.read("data.dvc") == expected.replace("meta:\n", f"{new}meta:\n")


def test_line_endings_survive(tracked):
    tracked.write({"data.dvc": TRACKED.replace("\n", "\r\n"), "data/c": "a"})
    tracked.add("data")
    text = tracked.read("data.dvc")
    assert text.count("\n") == text.count("\r\n") == TRACKED.count("\n") + 3


def test_a_part_of_an_out_is_brought_up_to_date_and_nothing_else(tracked):
    tracked.write({"data/a": "changed, and not named", "data/sub/c": "a"})
    assert tracked.add("data/sub").outs == [AddedOut("data", "data.dvc", new=1)]
    files = tracked.outs("data.dvc")["data"]
    assert {relpath: file.recorded.md5 for relpath, file in files.items()} == {"a": A, "b": B, "sub/c": A}
    assert [file.recorded.version_id for file in files.values()] == ["v1", "v2", None]
    tracked.add("data/a", "data/sub/c")
    assert tracked.outs("data.dvc")["data"]["a"].recorded.version_id is None


def test_files_that_went_are_recorded_only_if_this_clone_had_them(tracked):
    (tracked.path / "data/a").unlink()
    with pytest.raises(TargetError, match=r"1 file is recorded, not here.*\n  data/a") as caught:
        tracked.add("data")
    assert "cvfs pull data" in caught.value.hint
    assert "--force" in caught.value.hint
    assert tracked.read("data.dvc") == TRACKED
    tracked.write({"data/a": "a"})
    tracked.add("data")
    (tracked.path / "data/a").unlink()
    assert tracked.add("data").outs == [AddedOut("data", "data.dvc", new=0, removed=1, unchanged=1)]
    assert list(tracked.outs("data.dvc")["data"]) == ["b"]
    # It is forgotten: recorded again by somebody else, it is not taken for one that this clone has had.
    tracked.write({"data.dvc": TRACKED})
    with pytest.raises(TargetError, match="1 file is recorded"):
        tracked.add("data")


def test_force_records_that_files_went(tracked):
    (tracked.path / "data/a").unlink()
    assert tracked.add("data", force=True).outs[0].removed == 1
    assert list(tracked.outs("data.dvc")["data"]) == ["b"]


def test_a_file_that_went_may_be_named(tracked):
    tracked.add("data")
    (tracked.path / "data/a").unlink()
    tracked.write({"data/b": "changed"})
    assert tracked.add("data/a").outs == [AddedOut("data", "data.dvc", new=0, removed=1)]
    assert tracked.outs("data.dvc")["data"]["b"].recorded.version_id == "v2"
    with pytest.raises(TargetError, match="data/a does not exist"):
        tracked.add("data/a")


def test_an_out_of_which_nothing_is_left_is_for_remove(tracked):
    tracked.add("data")
    for name in "ab":
        (tracked.path / "data" / name).unlink()
    with pytest.raises(TargetError, match="holds no file to track"):
        tracked.add("data")
    (failure,) = tracked.add("data/a", "data/b").failures
    assert "no file of data is left" in failure.error.message
    assert tracked.read("data.dvc") == TRACKED


def test_a_directory_becomes_a_file_and_a_file_a_directory(tracked):
    tracked.add("data")
    for name in "ab":
        (tracked.path / "data" / name).unlink()
    (tracked.path / "data").rmdir()
    tracked.write({"data": "a"})
    assert tracked.add("data").outs == [AddedOut("data", "data.dvc", new=1, removed=2)]
    single = tracked.read("data.dvc")
    assert single == (
        "# our data\nouts:\n"
        f"- md5: {A}\n  size: 1\n  path: data  # quoted nowhere\n  hash: md5\n  desc: 'the first'\nmeta:\n  owner: us\n"
    )
    (tracked.path / "data").unlink()
    tracked.write({"data/x": "b"})
    assert tracked.add("data").outs == [AddedOut("data", "data.dvc", new=1)]
    assert {name: file.recorded.md5 for name, file in tracked.outs("data.dvc")["data"].items()} == {"x": B}
    assert tracked.read("data.dvc").count(A) == 0


def test_a_changed_file_loses_its_version_and_a_same_one_keeps_it(workspace):
    pushed = f"outs:\n- md5: {A}\n  size: 1\n  hash: md5\n  path: m\n  cloud:\n    up:\n      version_id: v\n"
    workspace.write({"m": "a", "m.dvc": pushed, ".gitignore": "/m\n"})
    assert workspace.add("m").written == []
    (workspace.path / "m").chmod(0o755)
    workspace.add("m")
    assert workspace.read("m.dvc") == pushed.replace("size: 1\n", "size: 1\n  isexec: true\n")
    workspace.write({"m": "b"})
    workspace.add("m")
    assert workspace.read("m.dvc") == f"outs:\n- md5: {B}\n  size: 1\n  isexec: true\n  hash: md5\n  path: m\n"


def test_a_root_below_the_top_keeps_its_own_names(make_repository, workspace):
    (workspace.path / "team/.dvc").mkdir(parents=True)
    workspace.write({"team/.dvc/config": ""})
    workspace.repository.commit("team")
    workspace.write({"team/data/a": "a"})
    assert workspace.add("team/data").outs == [AddedOut("team/data", "team/data.dvc", new=1)]
    assert (workspace.path / "team/.dvc/tmp/cvfs/stat.db").exists()
    assert not (workspace.path / ".dvc/tmp").exists()


def test_only_one_cvfs_at_a_time(workspace):
    from cvfs.clone import open_clone

    workspace.write({"data/a": "a"})
    with open_clone(os.environ) as clone, clone.locked(""), pytest.raises(LockedError):
        workspace.add("data")
    assert not (workspace.path / "data.dvc").exists()
