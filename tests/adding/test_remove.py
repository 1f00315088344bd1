"""What stops being tracked, and what becomes of the data."""

from __future__ import annotations

import pytest

from cvfs.errors import ChangedMeanwhileError, TargetError

A = "0cc175b9c0f1b6a831c399e269772661"
PUSHED = f"""\
outs:
- hash: md5
  path: data
  files:
  - relpath: sub/a
    md5: {A}
    size: 1
    cloud:
      up:
        version_id: v
"""
LOCK = f"""\
schema: '2.0'
stages:
  s:
    cmd: x
    outs:
    - path: o
      hash: md5
      md5: {A}
"""


@pytest.fixture
def tracked(workspace):
    workspace.write({"data/sub/a": "a", "data.dvc": PUSHED, ".gitignore": "*.o\n/data\n", "m": "a"})
    workspace.add("m")
    workspace.repository.commit("tracked")
    return workspace


@pytest.mark.parametrize("target", ["data", "data.dvc", "./data/"])
def test_the_metafile_goes_and_the_data_stays(tracked, target):
    removed = tracked.remove(target)
    assert (removed.metafiles, removed.ignore_files, removed.deleted) == (["data.dvc"], [".gitignore"], 0)
    assert not (tracked.path / "data.dvc").exists()
    assert tracked.read(".gitignore") == "*.o\n/m\n"
    assert tracked.read("data/sub/a") == "a"
    with pytest.raises(TargetError):
        tracked.remove(target)


def test_outs_go_if_they_were_pushed_as_they_are(tracked):
    assert tracked.remove("data", outs=True).deleted == 1
    assert not (tracked.path / "data").exists()
    assert not (tracked.path / "data.dvc").exists()


@pytest.mark.parametrize(
    "change", [{"data/sub/a": "b"}, {"data/new": "x"}, {"data.dvc": PUSHED.replace("_id: v", "_id:")}]
)
def test_outs_with_something_that_is_nowhere_else_stay(tracked, change):
    tracked.write(change)
    before = tracked.read("data.dvc")
    with pytest.raises(TargetError, match="would be lost"):
        tracked.remove("m.dvc", "data.dvc", outs=True)
    assert tracked.read("data.dvc") == before
    assert (tracked.path / "m.dvc").exists()
    assert tracked.remove("data", "m", outs=True, force=True).deleted >= 2
    assert not (tracked.path / "data").exists()
    assert not (tracked.path / "m").exists()


def test_what_dvc_ignores_is_not_deleted(tracked):
    tracked.write({".dvcignore": "*.tmp\n", "data/sub/x.tmp": "ignored"})
    tracked.remove("data", outs=True)
    assert tracked.read("data/sub/x.tmp") == "ignored"
    assert not (tracked.path / "data/sub/a").exists()


def test_an_out_that_is_gone_already_is_no_obstacle(tracked):
    (tracked.path / "data/sub/a").unlink()
    assert tracked.remove("data", outs=True).metafiles == ["data.dvc"]


def test_stages_are_the_users_own(tracked):
    tracked.write(
        {
            "dvc.yaml": "stages:\n  s:\n    cmd: x\n    outs: [o]\n",
            "dvc.lock": LOCK,
        }
    )
    for target in ("dvc.yaml", "dvc.lock", "s", "dvc.yaml:s", "o"):
        with pytest.raises(TargetError, match=r"is a stage of dvc\.yaml, which is yours"):
            tracked.remove(target)


def test_targets_that_are_less_or_more_than_a_metafile(tracked):
    two = f"outs:\n- md5: {A}\n  hash: md5\n  path: one\n- md5: {A}\n  hash: md5\n  path: two\n"
    tracked.write({"d/both.dvc": two, "d/one": "a", "d/two": "a"})
    with pytest.raises(TargetError, match="is a part of the out 'data'"):
        tracked.remove("data/sub")
    with pytest.raises(TargetError, match="is a directory with tracked data"):
        tracked.remove("d")
    with pytest.raises(TargetError, match=r"d/both\.dvc also tracks d/two"):
        tracked.remove("d/one")
    assert tracked.remove("d/one", "d/two").metafiles == ["d/both.dvc"]


def test_a_metafile_that_changed_meanwhile_stays(tracked, monkeypatch):
    import cvfs.remove

    def meanwhile(directory, name):
        tracked.write({"data.dvc": "theirs"})
        return False

    monkeypatch.setattr(cvfs.remove, "remove_from_gitignore", meanwhile)
    with pytest.raises(ChangedMeanwhileError):
        tracked.remove("data")
    assert tracked.read("data.dvc") == "theirs"
