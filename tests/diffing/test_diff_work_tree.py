"""A commit and the work tree: what is here counts as it is, what is not here as it is recorded."""

from __future__ import annotations

import os

import pytest
from recorded_texts import directory, hashed_directory, md5_of, one_file

from cvfs.clone import open_clone
from cvfs.diff import diff_work_tree
from cvfs.opening import CommitRequest
from cvfs.workspace.dvc_cache import listing_md5

FILES = {"a": "alpha", "sub/b": "beta"}


@pytest.fixture
def repository(make_repository):
    made = make_repository("dataset")
    made.commit(
        "set up",
        {".dvc/config": "", ".dvc/.gitignore": "/tmp\n/cache\n", ".gitignore": "/data\n/model\n/sub/data\n"},
    )
    return made


@pytest.fixture
def diff(repository, tmp_path):
    def changes(revision="HEAD", *within):
        request = CommitRequest(revision, os.environ, str(repository.path), cache_dir=str(tmp_path / "cache"))
        with open_clone(os.environ, str(repository.path)) as clone, diff_work_tree(request, clone, within) as compared:
            return [(change.kind.value, change.path) for change in compared.changes], list(compared.problems)

    return changes


def write(repository, files, below="data"):
    for name, text in files.items():
        path = repository.path / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_fresh_clone_has_no_differences(repository, diff):
    repository.commit("one", {"data.dvc": directory("data", FILES), "model.dvc": one_file("model", "m")})
    assert diff() == ([], [])


def test_files_that_are_here_count_as_they_are(repository, diff):
    repository.commit("one", {"data.dvc": directory("data", FILES), "model.dvc": one_file("model", "m")})
    write(repository, {"a": "ALPHA", "new": "new", "copy": "beta"})
    assert diff()[0] == [("modified", "data/a"), ("added", "data/copy"), ("added", "data/new")]
    assert diff("HEAD", "data/new")[0] == [("added", "data/new")]
    write(repository, {"model": "M"}, ".")
    assert diff("HEAD", "model")[0] == [("modified", "model")]


def test_metafiles_count_as_they_are_on_disk(repository, diff):
    repository.commit("one", {"data.dvc": directory("data", FILES)})
    (repository.path / "data.dvc").write_text(directory("data", {"a": "alpha", "moved": "beta"}))
    assert diff()[0] == [("renamed", "data/moved")]
    (repository.path / "data.dvc").unlink()
    assert diff()[0] == [("deleted", "data/a"), ("deleted", "data/sub/b")]


def test_an_out_that_became_a_file(repository, diff):
    repository.commit("one", {"data.dvc": directory("data", FILES)})
    (repository.path / "data").write_text("text")
    assert diff()[0] == [("added", "data"), ("deleted", "data/a"), ("deleted", "data/sub/b")]


def test_an_out_known_by_its_hash_is_compared_by_the_hash_of_its_files(repository, diff):
    whole = listing_md5((name, md5_of(text)) for name, text in FILES.items())
    repository.commit("one", {"data.dvc": hashed_directory("data", whole)})
    assert diff()[0] == []
    write(repository, FILES)
    assert diff()[0] == []
    write(repository, {"a": "ALPHA"})
    assert diff()[0] == [("modified", "data")]


def test_a_legacy_hash_knows_text_with_other_line_ends(repository, diff):
    repository.commit("one", {"data.dvc": directory("data", {"t": "one\ntwo\n"}, legacy=True)})
    write(repository, {"t": "one\r\ntwo\r\n"})
    assert diff()[0] == []
    write(repository, {"t": "one\r\nTWO\r\n"})
    assert diff()[0] == [("modified", "data/t")]


def test_outs_of_a_subrepo_and_outs_inside_others(repository, diff):
    inner = "wdir: ..\n" + directory("data/sub/b", {"deep": "one"})
    repository.commit(
        "one",
        {
            "data.dvc": directory("data", FILES),
            "other/inner.dvc": inner,
            "sub/.dvc/config": "",
            "sub/.dvc/.gitignore": "/tmp\n",
            "sub/data.dvc": directory("data", FILES),
        },
    )
    assert diff() == ([], [])
    write(repository, {"a": "ALPHA"}, "sub/data")
    write(repository, {"sub/b/deep": "two"})
    assert diff()[0] == [("modified", "data/sub/b/deep"), ("modified", "sub/data/a")]


def test_what_cannot_be_looked_at_is_a_problem_and_counts_as_recorded(repository, diff, tmp_path):
    repository.commit("one", {"data.dvc": directory("data", FILES), "bad.dvc": "outs: [\n"})
    (tmp_path / "elsewhere").mkdir()
    (repository.path / "data").symlink_to(tmp_path / "elsewhere")
    changes, problems = diff()
    assert changes == []
    assert [problem.path for problem in problems] == ["bad.dvc", "data"]
