"""Two commits, compared by what they record."""

from __future__ import annotations

import json
import os

import pytest
from recorded_texts import directory, hashed_directory, md5_of, one_file

from cvfs.diff import diff_commits
from cvfs.errors import RevisionError, TargetError
from cvfs.opening import CommitRequest
from cvfs.snapshot import Snapshot
from cvfs.workspace.dvc_cache import listing_md5

FILES = {"a": "alpha", "sub/b": "beta", "sub/c": "gamma"}


@pytest.fixture
def repository(make_repository):
    made = make_repository("dataset")
    made.commit("set up", {".dvc/config": "[core]\n    remote = up\n['remote \"up\"']\n    url = s3://bucket\n"})
    return made


@pytest.fixture
def diff(repository, tmp_path):
    def changes(old, new, *within):
        request = CommitRequest(old, os.environ, str(repository.path), cache_dir=str(tmp_path / "cache"))
        with diff_commits(request, new, within) as compared:
            found = [
                (change.kind.value, change.path, change.old_path)
                if change.old_path
                else (change.kind.value, change.path)
                for change in compared.changes
            ]
            return found, list(compared.problems)

    return changes


def test_added_deleted_modified_and_renamed(repository, diff):
    old = repository.commit("old", {"data.dvc": directory("data", FILES)})
    new = repository.commit("new", {"data.dvc": directory("data", {"a": "ALPHA", "new": "new", "moved/b": "beta"})})
    assert diff(old, new)[0] == [
        ("modified", "data/a"),
        ("renamed", "data/moved/b", "data/sub/b"),
        ("added", "data/new"),
        ("deleted", "data/sub/c"),
    ]
    assert diff(new, new)[0] == []
    assert diff(old, new, "data/sub", "data/a/")[0] == [
        ("modified", "data/a"), ("deleted", "data/sub/b"), ("deleted", "data/sub/c"),
    ]  # fmt: skip


def test_another_version_of_the_same_content_is_no_difference(repository, diff):
    old = repository.commit("old", {"data.dvc": directory("data", FILES)})
    new = repository.commit("new", {"data.dvc": directory("data", FILES, version="v2")})
    assert diff(old, new)[0] == []


def test_an_out_moved_with_its_metafile_is_renames(repository, diff):
    old = repository.commit("old", {"data.dvc": directory("data", FILES)})
    repository.git("mv", "data.dvc", "renamed.dvc")
    new = repository.commit("new", {"renamed.dvc": directory("renamed", FILES)})
    assert diff(old, new)[0] == [("renamed", f"renamed/{name}", f"data/{name}") for name in FILES]


def test_a_file_that_became_a_directory(repository, diff):
    old = repository.commit("old", {"data.dvc": one_file("data", "text")})
    new = repository.commit("new", {"data.dvc": directory("data", {"part": "other"})})
    assert diff(old, new)[0] == [("deleted", "data"), ("added", "data/part")]


def test_what_git_holds_is_left_to_git(repository, diff):
    out = "outs:\n- path: metrics.json\n  cache: false\n  hash: md5\n"
    old = repository.commit("old", {"m.dvc": out, "metrics.json": "1", "a.dvc": one_file("a", "1")})
    new = repository.commit("new", {"metrics.json": "2", "a.dvc": one_file("a", "2")})
    assert diff(old, new)[0] == [("modified", "a")]


def test_an_out_inside_another_one(repository, diff):
    texts = {"data.dvc": directory("data", FILES), "other/sub.dvc": "outs:\n- path: x\n"}
    inner = "wdir: ..\n" + directory("data/sub/b", {"deep": "one"})
    old = repository.commit("old", {**texts, "other/sub.dvc": inner})
    new = repository.commit("new", {**texts, "other/sub.dvc": inner.replace(md5_of("one"), md5_of("two"))})
    assert diff(old, new)[0] == [("modified", "data/sub/b/deep")]


def test_directories_known_by_hash_alone(repository, diff):
    whole = listing_md5((name, md5_of(text)) for name, text in FILES.items())
    old = repository.commit(
        "old", {"data.dvc": hashed_directory("data", whole), "x.dvc": hashed_directory("x", "1" * 32)}
    )
    new = repository.commit("new", {"data.dvc": directory("data", FILES), "x.dvc": hashed_directory("x", "2" * 32)})
    assert diff(old, new)[0] == [("modified", "x")]
    assert diff(old, new, "x/some/file")[0] == [("modified", "x")]


def test_a_listing_in_the_dvc_cache_names_the_files(repository, diff):
    files = [{"md5": md5_of(text), "relpath": name} for name, text in sorted(FILES.items())]
    whole = listing_md5((name, md5_of(text)) for name, text in FILES.items())
    cached = repository.path / ".dvc/cache/files/md5" / whole[:2] / f"{whole[2:]}.dir"
    cached.parent.mkdir(parents=True)
    (repository.path / ".gitignore").write_text("/.dvc/cache\n")
    cached.write_text(json.dumps(files, sort_keys=True))
    old = repository.commit("old", {"data.dvc": hashed_directory("data", whole)})
    new = repository.commit("new", {"data.dvc": directory("data", {**FILES, "a": "ALPHA"})})
    assert diff(old, new)[0] == [("modified", "data/a")]


def test_metafiles_that_did_not_change_are_not_walked_through(repository, diff, monkeypatch):
    large = directory("large", {f"{number:05}": str(number) for number in range(3000)})
    old = repository.commit("old", {"large.dvc": large, "small.dvc": one_file("small", "1")})
    new = repository.commit("new", {"small.dvc": one_file("small", "2")})
    asked = []
    recorded = Snapshot.recorded
    monkeypatch.setattr(Snapshot, "recorded", lambda self, ino: asked.append(ino) or recorded(self, ino))
    assert diff(old, new)[0] == [("modified", "small")]
    assert len(asked) == 2


def test_problems_of_both_commits_are_told_once(repository, diff):
    old = repository.commit("old", {"bad.dvc": "outs: [\n", "a.dvc": one_file("a", "1")})
    new = repository.commit("new", {"a.dvc": one_file("a", "2")})
    changes, problems = diff(old, new)
    assert changes == [("modified", "a")]
    assert [problem.path for problem in problems] == ["bad.dvc"]


def test_what_is_nowhere_is_an_error(repository, diff):
    commit = repository.commit("one", {"a.dvc": one_file("a", "1")})
    with pytest.raises(TargetError, match="neither side"):
        diff(commit, commit, "b")
    with pytest.raises(RevisionError):
        diff(commit, "no-such-revision")
