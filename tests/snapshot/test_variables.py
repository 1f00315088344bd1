"""Files of variables in a commit: found, fetched, and a part of what the snapshot is made of."""

from __future__ import annotations

import os
from pathlib import Path

from repositories import GitRepository

from cvfs.commit_metafiles import metafiles_of
from cvfs.git import Repository
from cvfs.snapshot import open_snapshot
from cvfs.tracking import WorkTree

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
FILES = {
    ".dvc/config": "",
    "p/dvc.yaml": "vars: [../shared.json]\nstages:\n  s:\n    cmd: x\n    wdir: ${dir}\n    vars: [own.yaml]\n"
    "    outs: ['${name}.bin']\n  t: {cmd: x, outs: ['${gone}.bin']}\n",
    "p/dvc.lock": f"schema: '2.0'\nstages:\n  s: {{cmd: x, outs: [{{path: a.bin, hash: md5, md5: {MD5}}}]}}\n",
    "p/params.yaml": "dir: d\n",
    "shared.json": "{}",
    "p/d/own.yaml": "name: a\n",
}


def paths(repository: GitRepository, index: Path, revision: str = "HEAD") -> list[str]:
    """Return the outs of a commit, as a snapshot and as metafiles, which have to agree."""
    found = Repository.open(str(repository.path), os.environ)
    commit = found.resolve(revision).id
    snapshot = open_snapshot(found, commit, str(index))
    outs = sorted(out.path for metafile in metafiles_of(found, commit) for out in metafile.outs)
    for path in outs:
        snapshot.resolve(path.encode())
    assert snapshot.totals[0] == len(outs)
    return outs


def test_variables_of_the_commit_count(make_repository, tmp_path: Path) -> None:
    repository = make_repository()
    first = repository.commit("first", FILES)
    assert paths(repository, tmp_path / "index") == ["p/d/a.bin"]
    second = repository.commit("second", {"p/params.yaml": "dir: e\n", "p/e/own.yaml": "name: a\n"})
    assert paths(repository, tmp_path / "index") == ["p/e/a.bin"], "an index of other variables was used"
    repository.commit("third", {"p/e/own.yaml": "name: b\n"})
    assert paths(repository, tmp_path / "index") == [], "the lock has another out"
    assert paths(repository, tmp_path / "index", first) == ["p/d/a.bin"]
    assert paths(repository, tmp_path / "index", second) == ["p/e/a.bin"]


def test_variables_that_are_a_link_or_outside_are_not_read(make_repository, tmp_path: Path) -> None:
    repository = make_repository()
    repository.commit("first", {**FILES, "elsewhere.yaml": "dir: d\n"})
    (repository.path / "p/params.yaml").unlink()
    (repository.path / "p/params.yaml").symlink_to("../elsewhere.yaml")
    repository.commit("link")
    found = Repository.open(str(repository.path), os.environ)
    snapshot = open_snapshot(found, "HEAD", str(tmp_path / "index"))
    (problem,) = snapshot.problems
    assert "its wdir '${dir}' cannot be resolved" in problem.reason
    (tmp_path / "outside.yaml").write_text("dir: d\n")
    repository.commit("out", {"p/dvc.yaml": FILES["p/dvc.yaml"].replace("../shared.json", "../../outside.yaml")})
    for problems in (
        open_snapshot(found, "HEAD", str(tmp_path / "index")).problems,
        [p for m in WorkTree(found, os.environ).metafiles() for p in m.problems],
    ):
        (problem,) = problems
        assert "../../outside.yaml is not there" in problem.reason


def test_the_work_tree_has_its_own_variables(make_repository) -> None:
    repository = make_repository()
    repository.commit("first", FILES)
    (repository.path / "p/params.yaml").write_text("dir: new\n")
    (repository.path / "p/new").mkdir()
    (repository.path / "p/new/own.yaml").write_text("name: a\n")
    tree = WorkTree(Repository.open(str(repository.path), os.environ), os.environ)
    assert [out.path for metafile in tree.metafiles() for out in metafile.outs] == ["p/new/a.bin"]


def test_a_dvcfile_of_dvc_1_is_a_metafile(make_repository, tmp_path: Path) -> None:
    repository = make_repository()
    repository.commit("old", {".dvc/config": "", "p/Dvcfile": f"cmd: x\nouts:\n- {{path: o, md5: {MD5}}}\n"})
    assert paths(repository, tmp_path / "index") == ["p/o"]
    tree = WorkTree(Repository.open(str(repository.path), os.environ), os.environ)
    assert [out.path for metafile in tree.metafiles() for out in metafile.outs] == ["p/o"]


def test_a_partial_clone_gets_the_variables(make_repository, tmp_path: Path) -> None:
    repository = make_repository()
    repository.commit("first", FILES)
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repository.git(
        "clone", "-q", "--bare", "--filter=blob:none", f"file://{repository.path}", str(tmp_path / "partial")
    )
    snapshot = open_snapshot(Repository.open(str(tmp_path / "partial"), os.environ), "HEAD", str(tmp_path / "index"))
    snapshot.resolve(b"p/d/a.bin")
    assert not snapshot.problems
