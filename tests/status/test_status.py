"""What ``cvfs status`` finds, with real files and metafiles."""

from __future__ import annotations

import os
import shutil

import pytest
import yaml
from publishing import configure, publish

from cvfs.clone import open_clone
from cvfs.errors import TargetError
from cvfs.status import status
from cvfs.status_report import State
from cvfs.stores.local import LocalStore
from cvfs.workspace.dvc_cache import listing_md5

MD5 = "1" * 32


@pytest.fixture
def repository(make_repository, tmp_path):
    """A commit of three files, pushed, and here."""
    made = make_repository("dataset")
    configure(made.path, str(tmp_path / "store"))
    (made.path / ".dvc/.gitignore").write_text("/tmp\n/cache\n")
    write(made, {"data/a": "alpha", "data/sub/b": "beta", "data/sub/c": "gamma"})
    publish(made.path, "data", LocalStore(str(tmp_path / "store")))
    made.commit("one")
    return made


def write(repository, files):
    for name, text in files.items():
        path = repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(autouse=True)
def _at_the_top(repository, monkeypatch):
    monkeypatch.chdir(repository.path)


def look(repository, *targets):
    with open_clone(os.environ, str(repository.path)) as clone:
        return status(clone, targets)


def states(repository, *targets):
    return [(entry.state, entry.path) for entry in look(repository, *targets).entries]


def rewrite(repository, change, name="data.dvc"):
    """Change what a metafile has, and commit it."""
    metafile = repository.path / name
    recorded = yaml.safe_load(metafile.read_text())
    change(recorded["outs"][0])
    repository.commit("rewritten", {name: yaml.safe_dump(recorded, sort_keys=False)})


def test_nothing_to_say(repository):
    report = look(repository)
    assert (report.entries, report.lines, report.outs) == ([], [], 1)


def test_changed_new_and_deleted(repository):
    assert states(repository) == []  # now this clone has had the files
    write(repository, {"data/a": "ALPHA", "data/new": "new"})
    (repository.path / "data/sub/b").unlink()
    report = look(repository)
    assert [(entry.state, entry.path) for entry in report.entries] == [
        (State.CHANGED, "data/a"),
        (State.NEW, "data/new"),
        (State.DELETED, "data/sub/b"),
    ]
    changed = report.entries[0]
    assert (changed.metafile, changed.out, changed.size) == ("data.dvc", "data", 5)
    assert changed.md5 != changed.recorded.md5
    assert changed.line is not None


def test_a_fresh_clone_lacks_everything_and_deleted_nothing(repository, tmp_path):
    clone = repository.clone(tmp_path / "clone")
    report = look(clone)
    assert {entry.state for entry in report.entries} == {State.MISSING}
    assert [(line.path, line.files, line.is_directory, line.size) for line in report.lines] == [("data", 3, True, 14)]


def test_recorded_and_not_pushed(repository):
    rewrite(repository, lambda out: [entry.pop("cloud") for entry in out["files"][:2]])
    (repository.path / "data/sub/b").unlink()
    assert states(repository) == [(State.NOT_PUSHED, "data/a"), (State.LOST, "data/sub/b")]


def test_a_version_without_versioning_is_none(repository):
    rewrite(repository, lambda out: out["files"][0]["cloud"]["embedded"].update(version_id="null"))
    assert states(repository) == [(State.NOT_PUSHED, "data/a")]


def test_a_remote_that_is_not_configured_any_more(repository):
    config = (repository.path / ".dvc/config").read_text()
    repository.commit("renamed", {".dvc/config": config.replace("embedded", "renamed")})
    assert states(repository) == []  # the default remote may have them
    repository.commit("removed", {".dvc/config": ""})
    assert {state for state, _ in states(repository)} == {State.NO_REMOTE}


def test_imports_and_what_is_not_to_be_pushed(repository):
    write(repository, {"local": "local", "got": "got", "m.json": "{}"})
    texts = {
        "local.dvc": f"outs:\n- path: local\n  hash: md5\n  md5: {MD5}\n  push: false\n",
        "got.dvc": f"deps:\n- path: s3://x/y\nouts:\n- path: got\n  hash: md5\n  md5: {MD5}\n",
        "m.dvc": f"outs:\n- path: m.json\n  hash: md5\n  md5: {MD5}\n  cache: false\n",
        ".gitignore": "/data\n/local\n/got\n",
    }
    repository.commit("more", texts)
    assert states(repository) == [(State.CHANGED, "got"), (State.CHANGED, "local")]
    for name in ("local", "got"):
        (repository.path / name).unlink()
    # Nobody can bring back what is not to be pushed.
    assert states(repository) == [(State.NOT_IMPORTED, "got")]
    repository.commit("a directory", {"got.dvc": texts["got.dvc"].replace(MD5, f"{MD5}.dir")})
    assert states(repository) == [(State.NOT_IMPORTED, "got")]


def test_the_files_of_an_out_inside_another_one_are_its_own(repository):
    inner = f"wdir: ..\nouts:\n- path: data/inner\n  hash: md5\n  files:\n  - relpath: f\n    md5: {MD5}\n    size: 1\n"
    write(repository, {"data/inner/f": "other", "data/inners": "new"})
    repository.commit("inner", {"other/inner.dvc": inner})
    assert states(repository) == [(State.NEW, "data/inners"), (State.CHANGED, "data/inner/f")]


def test_an_out_that_became_another_kind(repository):
    shutil.rmtree(repository.path / "data")
    write(repository, {"data": "a file"})
    [entry] = look(repository).entries
    assert (entry.state, entry.path, entry.reason) == (State.CHANGED, "data", "was a directory, and is a file now")


def test_a_directory_recorded_by_its_hash(repository):
    files = {"x/a": "1", "x/b": "2"}
    write(repository, files)
    md5s = [("a", "c4ca4238a0b923820dcc509a6f75849b"), ("b", "c81e728d9d4c2f636f067f89cc14862c")]
    text = f"outs:\n- path: x\n  hash: md5\n  md5: {listing_md5(md5s)}.dir\n  nfiles: 2\n"
    repository.commit("hash", {"x.dvc": text, ".gitignore": "/data\n/x\n"})
    assert states(repository) == [(State.HASH_ONLY, "x")]
    write(repository, {"x/b": "3"})
    assert states(repository, "x.dvc") == [(State.HASH_ONLY, "x"), (State.CHANGED, "x")]
    shutil.rmtree(repository.path / "x")
    [entry] = look(repository).entries
    assert (entry.state, entry.path) == (State.HASH_ONLY, "x")
    assert "not here" in entry.reason


def test_what_cannot_be_recorded_or_read(repository, tmp_path):
    os.mkfifo(repository.path / "data/pipe")
    (repository.path / "link").symlink_to(tmp_path)
    repository.commit(
        "link", {"link.dvc": f"outs:\n- path: link\n  hash: md5\n  md5: {MD5}\n", ".gitignore": "/data\n"}
    )
    (repository.path / ".gitignore").write_text("/data\n/link\n")
    found = {entry.path: entry for entry in look(repository).entries if entry.state is State.UNREADABLE}
    assert set(found) == {"data/pipe", "link"}
    assert states(repository, "data/pipe") == [(State.UNREADABLE, "data/pipe")]
    assert states(repository, "data/a") == []
    assert "neither a file nor a directory" in found["data/pipe"].reason


def test_metafiles_that_cannot_be_used(repository):
    repository.commit("bad", {"bad.dvc": "outs:\n<<<<<<< HEAD\n", "two.dvc": f"outs:\n- path: ../x\n  md5: {MD5}\n"})
    found = [(entry.state, entry.path, entry.line) for entry in look(repository).entries]
    assert found == [(State.PROBLEM, "bad.dvc", 2), (State.PROBLEM, "two.dvc", 2)]
    assert states(repository, "data") == []


def test_metafiles_that_were_not_committed(repository):
    text = (repository.path / "data.dvc").read_text()
    (repository.path / "data.dvc").write_text(f"# a comment\n{text}")
    (repository.path / "sub").mkdir()
    write(repository, {"sub/new.dvc": f"outs:\n- path: new\n  hash: md5\n  md5: {MD5}\n", "README": "not ours"})
    entries = [entry for entry in look(repository).entries if entry.state is State.UNCOMMITTED]
    assert [(entry.path, entry.staged) for entry in entries] == [("data.dvc", False), ("sub/new.dvc", False)]
    repository.git("add", "data.dvc")
    entries = [entry for entry in look(repository, "data").entries if entry.state is State.UNCOMMITTED]
    assert [(entry.path, entry.staged) for entry in entries] == [("data.dvc", True)]


def test_targets(repository, monkeypatch):
    assert states(repository) == []
    write(repository, {"data/a": "ALPHA", "data/sub/b": "BETA", "model": "m"})
    repository.commit(
        "more", {"model.dvc": f"outs:\n- path: model\n  hash: md5\n  md5: {MD5}\n", ".gitignore": "/data\n/model\n"}
    )
    assert states(repository, "model.dvc") == [(State.CHANGED, "model")]
    assert states(repository, "data/sub") == [(State.CHANGED, "data/sub/b")]
    monkeypatch.chdir(repository.path / "data")
    assert states(repository, "a") == [(State.CHANGED, "data/a")]
    with pytest.raises(TargetError, match="data/nothing is neither here nor recorded"):
        look(repository, "nothing")
    with pytest.raises(TargetError, match="no metafile, out or stage"):
        look(repository, "../nothing")


def test_each_subrepo_has_its_own_files(repository):
    write(repository, {"team/.dvc/config": "", "team/.dvc/.gitignore": "/tmp\n", "team/x/f": "new"})
    repository.commit("sub", {"team/x.dvc": "outs:\n- path: x\n  hash: md5\n", "team/.gitignore": "/x\n"})
    os.mkfifo(repository.path / "team/x/pipe")
    assert states(repository) == [(State.UNREADABLE, "team/x/pipe"), (State.NEW, "team/x/f")]
