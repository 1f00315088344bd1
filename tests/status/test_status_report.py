"""Many paths in few words."""

from __future__ import annotations

from cvfs.metafiles.records import Recorded
from cvfs.status_report import Entry, Report, State


def lines_of(states: dict[str, State | None], out: str = "data") -> list[tuple]:
    """Report on the files of one out; those whose state is None are as they should be."""
    report = Report()
    entries = [(name, Entry(state, f"{out}/{name}", size=10)) for name, state in states.items() if state]
    report.add_files(out, entries, states)
    assert len(report.entries) == len(entries)
    assert sum(line.files for line in report.lines) == len(entries)
    return [
        (line.state, f"{line.path}/" if line.is_directory else line.path, line.files, line.size)
        for line in report.lines
    ]


def test_an_out_whose_files_are_all_alike_is_one_line():
    states = dict.fromkeys(("a", "b/c", "b/d/e"), State.MISSING)
    assert lines_of(states) == [(State.MISSING, "data/", 3, 30)]


def test_a_directory_whose_files_are_all_alike_is_one_line():
    states = {"a": None, "b/c": State.NEW, "b/d/e": State.NEW, "f": State.NEW}
    assert lines_of(states) == [(State.NEW, "data/f", 1, 10), (State.NEW, "data/b/", 2, 20)]


def test_files_in_different_states_are_told_one_by_one():
    states = {"b/c": State.NEW, "b/d": State.CHANGED, "b/e": None}
    assert lines_of(states) == [(State.NEW, "data/b/c", 1, 10), (State.CHANGED, "data/b/d", 1, 10)]


def test_a_directory_of_one_file_is_that_file():
    assert lines_of({"b/c": State.NEW, "d": None}) == [(State.NEW, "data/b/c", 1, 10)]
    assert lines_of({"a": State.LOST}) == [(State.LOST, "data/a", 1, 10)]


def test_what_is_said_of_single_files_stays_with_them():
    report = Report()
    entries = [(name, Entry(State.UNREADABLE, f"data/{name}", reason=f"about {name}")) for name in ("a", "b")]
    report.add_files("data", entries, ("a", "b"))
    assert [(line.path, line.reason) for line in report.lines] == [("data/a", "about a"), ("data/b", "about b")]


def test_the_recorded_size_counts_where_there_is_no_file():
    report = Report()
    entries = [(name, Entry(State.MISSING, f"data/{name}", recorded=Recorded(size=7))) for name in ("a", "b")]
    report.add_files("data", entries, ("a", "b"))
    assert [line.size for line in report.lines] == [14]


def test_a_problem_is_told_with_its_line():
    report = Report()
    report.add([Entry(State.PROBLEM, "bad.dvc", line=3, reason="odd"), Entry(State.UNCOMMITTED, "a.dvc", line=3)])
    assert [line.path for line in report.lines] == ["bad.dvc:3", "a.dvc"]
