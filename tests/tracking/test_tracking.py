"""What a work tree tracks, as its metafiles say it now."""

from __future__ import annotations

import os

import pytest

from cvfs.errors import RepositoryError, WorkspaceError
from cvfs.git import Repository
from cvfs.tracking import WorkTree

MD5 = "0" * 31 + "a"


@pytest.fixture
def repository(make_repository):
    made = make_repository("tracked")
    made.commit("set up", {".dvc/config": ""})
    return made


def tracked(repository):
    tree = WorkTree(Repository.open(str(repository.path), os.environ), os.environ)
    return {metafile.path: metafile for metafile in tree.metafiles()}


def write(repository, name, text):
    path = repository.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_metafiles_count_as_they_are_on_disk_committed_or_not(repository):
    repository.commit("one", {"a.dvc": f"outs:\n- path: a\n  md5: {MD5}\n  size: 1\n"})
    write(repository, "a.dvc", f"outs:\n- path: a\n  md5: {MD5}\n  size: 2\n")
    write(repository, "sub/b.dvc", f"outs:\n- path: b\n  files:\n  - relpath: x\n    md5: {MD5}\n    size: 3\n")
    found = tracked(repository)
    assert list(found) == ["a.dvc", "sub/b.dvc"]
    [a], [b] = found["a.dvc"].outs, found["sub/b.dvc"].outs
    assert (a.path, a.record.recorded.size, a.key()) == ("a", 2, "a")
    assert (b.path, [file.relpath for file in b.files], b.key("x")) == ("sub/b", ["x"], "sub/b/x")
    assert found["a.dvc"].text == (repository.path / "a.dvc").read_bytes()


def test_what_git_or_dvc_ignores_is_not_seen(repository):
    write(repository, ".gitignore", "/venv\n")
    write(repository, ".dvcignore", "scratch\n")
    for folder in ("venv", "scratch", "kept"):
        write(repository, f"{folder}/a.dvc", f"outs:\n- path: a\n  md5: {MD5}\n")
    assert list(tracked(repository)) == ["kept/a.dvc"]


def test_a_deleted_metafile_is_gone_though_git_still_has_it(repository):
    repository.commit("one", {"a.dvc": f"outs:\n- path: a\n  md5: {MD5}\n"})
    (repository.path / "a.dvc").unlink()
    assert tracked(repository) == {}


def test_keys_begin_at_the_root_of_the_subrepo(repository):
    write(repository, "sub/.dvc/config", "")
    write(repository, "sub/data/a.dvc", f"outs:\n- path: a\n  md5: {MD5}\n")
    [out] = tracked(repository)["sub/data/a.dvc"].outs
    assert (out.root, out.path, out.key()) == ("sub", "sub/data/a", "data/a")


def test_a_lock_is_read_with_its_stages(repository):
    write(
        repository, "dvc.yaml", "stages:\n  train:\n    cmd: x\n    wdir: w\n    outs:\n    - m:\n        push: false\n"
    )
    lock = f"schema: '2.0'\nstages:\n  train:\n    outs:\n    - path: m\n      hash: md5\n      md5: {MD5}\n"
    write(repository, "dvc.lock", lock)
    [out] = tracked(repository)["dvc.lock"].outs
    assert (out.path, out.record.source.value) == ("w/m", "unpushed")


def test_what_cannot_be_used_is_a_problem_and_hides_nothing(repository):
    write(repository, "a.dvc", f"outs:\n- path: ../../a\n  md5: {MD5}\n- path: b\n  md5: {MD5}\n")
    found = tracked(repository)["a.dvc"]
    assert [out.path for out in found.outs] == ["b"]
    assert [(problem.path, problem.line) for problem in found.problems] == [("a.dvc", 2)]


def test_paths_on_this_machine_and_in_the_work_tree(repository, tmp_path):
    tree = WorkTree(Repository.open(str(repository.path), os.environ), os.environ)
    assert tree.relative(str(repository.path / "sub" / "file")) == "sub/file"
    assert tree.absolute("sub/file") == str(repository.path / "sub" / "file")
    with pytest.raises(WorkspaceError, match="not in the work tree"):
        tree.relative(str(tmp_path / "elsewhere"))


def test_a_bare_repository_has_nothing_to_track(repository, tmp_path):
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(RepositoryError, match="no work tree"):
        WorkTree(Repository.open(str(tmp_path / "bare"), os.environ), os.environ)
