"""What cannot be tracked, and that then nothing at all is written."""

from __future__ import annotations

import os

import pytest

from cvfs.errors import CvfsError, RepositoryError, TargetError, WorkspaceError


@pytest.fixture
def untouched(workspace):
    """A work tree with some of everything, of which a refused command changes nothing."""
    workspace.write(
        {
            "new/f": "f",
            "tracked.txt": "git's",
            "folder/in_git": "git's",
            "out/a": "a",
            "single": "s",
            "nest/inner/x": "x",
            "dvc.yaml": "stages:\n  train:\n    cmd: x\n    wdir: work\n    outs: [model, ../plots: {cache: false}]\n",
            "work/model/w": "w",
            "plots/p": "p",
            ".dvcignore": "/ignored/\n*.skip\n",
            "ignored/f": "f",
            "a.skip": "f",
            "broken": "b",
            "broken.dvc": "outs:\n<<<<<<< ours\n",
            "taken": "t",
            "taken.dvc": "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  hash: md5\n  path: elsewhere\n",
            "imported.dvc": "deps:\n- path: s3://b/x\nouts:\n- md5: " + 32 * "a" + "\n  path: imported\n",
            "imported": "i",
            "gits.dvc": "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  cache: false\n  hash: md5\n  path: gits\n",
            "gits": "g",
            ".gitignore": "*.odd.dvc\n",
            "x.odd": "x",
            "team/.dvc/config": "",
        }
    )
    (workspace.path / "empty").mkdir()
    (workspace.path / "link").symlink_to("out")
    (workspace.path / "dangling").symlink_to("nowhere")
    workspace.add("out", "single", "nest/inner")
    workspace.repository.git("add", "-f", "tracked.txt", "folder", "dvc.yaml", "team")
    workspace.repository.git("commit", "-q", "-m", "some")
    before = _state(workspace.path)
    yield workspace
    assert _state(workspace.path) == before


def _state(top):
    return {
        str(path): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and ".git/" not in str(path) and ".dvc/tmp/" not in str(path)
    }


REFUSED = {
    "missing": "missing does not exist",
    "out/missing": "out/missing does not exist, or is ignored",
    "dangling": "broken link",
    "empty": "holds no file to track",
    "tracked.txt": "output 'tracked.txt' is already tracked by SCM (e.g. Git)",
    "folder": "output 'folder' is already tracked by SCM (e.g. Git)",
    "single/inside": "Cannot modify 'single' which is being tracked as a file",
    "nest": "Cannot add 'nest', because it is overlapping with other DVC tracked output: 'nest/inner'",
    "work": "overlapping with other DVC tracked output: 'work/model'",
    "work/model": "cannot update 'work/model': overlaps with an output of stage 'train' in 'dvc.yaml'",
    "work/model/w": "cannot update 'work/model/w': overlaps with an output of stage 'train'",
    "plots/p": "cannot update 'plots/p'",
    "ignored": "ignored is ignored by .dvcignore",
    "a.skip": "a.skip is ignored by .dvcignore",
    "new.dvc": "DVC file 'new.dvc' cannot be an output",
    "dvc.yaml": "DVC file 'dvc.yaml' cannot be an output",
    ".gitignore": "DVC file '.gitignore' cannot be an output",
    ".git/config": "what is in .git cannot be tracked",
    ".dvc": "what is in .dvc cannot be tracked",
    ".": "is the DVC repository itself",
    "team": "is the DVC repository itself",
    "..": "is not in the work tree",
    "/": "is not in the work tree",
    "link": "symbolic link to a directory",
    "link/a": "files behind linked directories cannot be tracked",
    "broken": "broken.dvc is there, and cannot be used",
    "taken": "taken.dvc is there, and does not track taken",
    "imported": "imported was imported by imported.dvc",
    "gits": "gits.dvc says `cache: false`",
    "x.odd": "it is git-ignored",
}


@pytest.mark.parametrize("path", REFUSED)
def test_refused_with_the_reason_and_nothing_written(untouched, path):
    with pytest.raises(WorkspaceError) as caught:
        untouched.add("new", path)
    assert REFUSED[path] in caught.value.message


def test_two_paths_of_which_one_lies_in_the_other(untouched):
    with pytest.raises(TargetError, match="new/f lies in new"):
        untouched.add("new/f", "new")


def test_git_tracked_says_what_to_do(untouched):
    with pytest.raises(TargetError) as caught:
        untouched.add("folder")
    assert "git rm -r --cached folder && git commit -m 'stop tracking folder'" in caught.value.hint


def test_names_that_no_metafile_can_hold(workspace):
    workspace.write({"data/ok": "a"})
    with open(b"data/\xff", "wb"):
        pass
    os.mkfifo("data/pipe")
    with pytest.raises(WorkspaceError, match=r"neither a file nor a directory(.|\n)*not UTF-8"):
        workspace.add("data")
    (workspace.path / "line\nbreak").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="line break"):
        workspace.add("line\nbreak")
    assert not list(workspace.path.glob("?*.dvc"))


def test_outside_of_a_dvc_repository(workspace, make_repository, monkeypatch):
    other = make_repository("plain")
    (other.path / "f").write_bytes(b"")
    monkeypatch.chdir(other.path)
    with pytest.raises(WorkspaceError, match="is not a DVC repository"):
        workspace.add("f")
    (other.path / "team/.dvc").mkdir(parents=True)
    (other.path / "team/.dvc/config").write_bytes(b"")
    with pytest.raises(TargetError, match="lies in none of the DVC repositories here: team"):
        workspace.add("f")


def test_a_repository_without_git_tracking_leaves_git_alone(workspace):
    workspace.write({".dvc/config": "[core]\n    no_scm = true\n", "in_git": "a"})
    workspace.repository.commit("a")
    assert workspace.add("in_git").written == ["in_git.dvc"]


def test_failing_git_is_told(workspace, monkeypatch):
    workspace.write({".dvc/config": "[core]\n    autostage = true\n", "data/a": "a"})
    (workspace.path / ".git/index.lock").write_bytes(b"")
    with pytest.raises(RepositoryError, match="the changes are made, but git add failed") as caught:
        workspace.add("data")
    assert isinstance(caught.value, CvfsError)
    assert (workspace.path / "data.dvc").exists()
