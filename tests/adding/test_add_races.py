"""Others who write while ``cvfs add`` runs."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from cvfs.errors import ChangedMeanwhileError, MetafileError, UnstableFileError


class Interloper:
    """A progress that lets a test act in the middle of hashing."""

    def __init__(self, advanced=lambda: None, finished=lambda: None):
        self._advanced = advanced
        self._finished = finished

    @contextmanager
    def task(self, verb, files=None, size=None):
        yield self

    def advance(self, size):
        self._advanced()

    def finished(self, path):
        self._finished()


@pytest.fixture
def tracked(workspace):
    workspace.write({"data/a": "a", "data/b": "b"})
    workspace.add("data")
    return workspace


def test_a_metafile_changed_meanwhile_is_read_again_and_not_overwritten(tracked):
    theirs = tracked.read("data.dvc").replace(
        "    size: 1\n", "    size: 1\n    cloud:\n      up:\n        version_id: v\n"
    )
    tracked.write({"data/a": "new"})
    added = tracked.add(
        "data", progress=Interloper(finished=lambda: tracked.write({"data.dvc": f"# theirs\n{theirs}"}))
    )
    assert (added.failures, added.outs[0].changed) == ([], 1)
    assert tracked.read("data.dvc").startswith("# theirs\n")
    versions = {name: file.recorded.version_id for name, file in tracked.outs("data.dvc")["data"].items()}
    assert versions == {"a": None, "b": "v"}


def test_an_entry_that_somebody_adds_meanwhile_is_not_taken_for_one_that_went(tracked):
    entry = "  - relpath: z\n    md5: 0cc175b9c0f1b6a831c399e269772661\n    size: 1\n"
    theirs = tracked.read("data.dvc") + entry
    tracked.write({"data/a": "new"})
    added = tracked.add("data", progress=Interloper(finished=lambda: tracked.write({"data.dvc": theirs})))
    (failure,) = added.failures
    assert "data/z" in failure.error.message
    assert tracked.read("data.dvc") == theirs


def test_a_metafile_that_changes_all_the_time_is_left_alone(tracked):
    tracked.write({"data/a": "new"})

    def disturb():
        with (tracked.path / "data.dvc").open("a") as file:
            file.write("# more\n")

    (failure,) = tracked.add("data", progress=Interloper(advanced=disturb)).failures
    assert isinstance(failure.error, ChangedMeanwhileError)
    assert tracked.outs("data.dvc")["data"]["a"].recorded.size == 1


@pytest.mark.parametrize(
    ("theirs", "error"),
    [
        ("outs: [\n", MetafileError),
        ("outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  path: other\n", ChangedMeanwhileError),
    ],
)
def test_a_metafile_that_is_something_else_meanwhile_is_left_alone(tracked, theirs, error):
    tracked.write({"data/a": "new"})
    added = tracked.add("data", progress=Interloper(finished=lambda: tracked.write({"data.dvc": theirs})))
    assert [type(failure.error) for failure in added.failures] == [error]
    assert tracked.read("data.dvc") == theirs


def test_a_metafile_that_appears_meanwhile_is_left_alone(workspace):
    workspace.write({"new": "a"})
    added = workspace.add("new", progress=Interloper(finished=lambda: workspace.write({"new.dvc": "theirs"})))
    assert [type(failure.error) for failure in added.failures] == [ChangedMeanwhileError]
    assert workspace.read("new.dvc") == "theirs"
    assert not (workspace.path / ".gitignore").exists()


def test_a_file_that_changes_while_it_is_read_keeps_its_out_from_being_recorded(workspace):
    workspace.write({"data/log": "a", "other": "b"})

    def grow():
        with (workspace.path / "data/log").open("ab") as file:
            file.write(b"more")

    added = workspace.add("data", "other", progress=Interloper(advanced=grow), threads=1)
    (failure,) = added.failures
    assert (failure.path, type(failure.error)) == ("data", UnstableFileError)
    assert not (workspace.path / "data.dvc").exists()
    assert [out.path for out in added.outs] == ["other"]
    assert workspace.read(".gitignore") == "/other\n"


def test_unreadable_files_are_named(tracked):
    tracked.write({f"data/n{number}": "x" for number in range(7)})

    def take_away():
        for path in (tracked.path / "data").glob("n*"):
            path.unlink(missing_ok=True)

    tracked.write({"data/a": b"y" * (3 << 20)})
    before = tracked.read("data.dvc")
    (failure,) = tracked.add("data", progress=Interloper(advanced=take_away), threads=1).failures
    assert "and 2 more" in failure.error.message
    assert tracked.read("data.dvc") == before
