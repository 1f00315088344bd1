"""``.dvcignore`` as DVC reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.metafiles.ignore import IgnoreRules
from cvfs.model import Problem


def ignored(path: str, *, is_dir: bool = False, **texts: str) -> bool:
    """Ask rules of files that are given by directory: ``top`` for the root, ``a_b`` for a/b."""
    return rules(**texts).ignores(path, is_dir)


def rules(**texts: str) -> IgnoreRules:
    return IgnoreRules({"" if name == "top" else name.replace("_", "/"): text for name, text in texts.items()})


@pytest.mark.parametrize("path", [".git/x.dvc", "a/.git/x", ".hg/x", ".dvc/config", "a/.dvc/x.dvc"])
def test_defaults(path: str) -> None:
    assert ignored(path)


def test_defaults_that_name_directories_leave_files_alone() -> None:
    assert not ignored(".dvc")
    assert not ignored(".hg")
    assert ignored(".git")
    assert ignored(".dvc", is_dir=True)
    assert not ignored("a.dvc")
    assert not ignored("x.git/a.dvc")


def test_root_is_never_ignored() -> None:
    assert not ignored("", is_dir=True, top="*")


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.dvc", "a.dvc", True),
        ("*.dvc", "x/y/a.dvc", True),
        ("/a.dvc", "a.dvc", True),
        ("/a.dvc", "x/a.dvc", False),
        ("x/a.dvc", "x/a.dvc", True),
        ("x/a.dvc", "y/x/a.dvc", False),
        ("**/x/a.dvc", "y/x/a.dvc", True),
        ("x/**", "x/y/a.dvc", True),
        ("x/**/a.dvc", "x/a.dvc", True),
        ("data/", "data/a.dvc", True),
        ("data/", "x/data/y/a.dvc", True),
        ("data/", "data", False),
        ("data", "data", True),
        ("data", "data/a.dvc", True),
        ("da?a", "data", True),
        ("da?a", "da/a", False),
        ("d[a-c]ta", "data", True),
        ("d[!a-c]ta", "data", False),
        ("# data", "# data", False),
        ("\\#data", "#data", True),
        ("\\!data", "!data", True),
        ("  data  ", "data", True),
        ("\n\n", "data", False),
        ("a\r\nb\r\n", "a", True),
        ("a\rb", "b", True),
        ("a\u2028b", "b", False),
        ("ü*", "über", True),
        ("DATA", "data", False),
    ],
)
def test_patterns(text: str, path: str, expected: bool) -> None:
    assert ignored(path, top=text) is expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.dvc\n!keep.dvc", "keep.dvc", False),
        ("*.dvc\n!keep.dvc", "other.dvc", True),
        ("!keep.dvc\n*.dvc", "keep.dvc", True),
        ("*.dvc\n!keep.dvc\nkeep.dvc", "keep.dvc", True),
        ("data/\n!data/keep.dvc", "data/keep.dvc", True),
        ("data/*\n!data/keep.dvc", "data/keep.dvc", False),
        ("/*\n!/data/\n/data/*\n!/data/keep.dvc", "data/keep.dvc", False),
        ("/*\n!/data/\n/data/*\n!/data/keep.dvc", "data/other.dvc", True),
        ("/*\n!/data/\n/data/*\n!/data/keep.dvc", "top.dvc", True),
    ],
)
def test_negation_cannot_reach_into_an_ignored_directory(text: str, path: str, expected: bool) -> None:
    assert ignored(path, top=text) is expected


def test_negation_of_a_directory_does_not_take_back_what_names_its_files_too() -> None:
    # Git would show the file; DVC does not, and it is DVC's answer that counts.
    assert not ignored("data", is_dir=True, top="data\n!data/")
    assert ignored("data/x.dvc", top="data\n!data/")


def test_nested_files_come_after_those_above() -> None:
    assert not ignored("a/x.dvc", top="*.dvc", a="!x.dvc")
    assert ignored("a/y.dvc", top="*.dvc", a="!x.dvc")
    assert ignored("a/b/x.dvc", top="!x.dvc", a="x.dvc")
    assert not ignored("a/b/x.dvc", a="x.dvc", a_b="!x.dvc")
    assert not ignored("x.dvc", a="x.dvc")
    assert not ignored("ab/x.dvc", a="x.dvc")


def test_patterns_of_nested_files_begin_at_their_directory() -> None:
    assert ignored("a/x", a="/x")
    assert not ignored("a/b/x", a="/x")
    assert ignored("a/b/x", a="b/x")
    assert not ignored("a/b/x", top="b/x")


def test_file_in_an_ignored_directory_or_ignored_itself_says_nothing() -> None:
    assert ignored("a/x", top="a/", a="!x\n!*")
    assert not ignored("a/x", top="a/.dvcignore", a="x")
    assert ignored("a/x", top="a/.dvcignore\nx", a="!x")


def test_a_project_may_take_back_a_default() -> None:
    assert not ignored("a/.hg/x", top="!.hg/")


def test_lines_that_are_no_patterns_are_problems_and_the_others_count() -> None:
    found = rules(top="!\nx.dvc", a="ok\n\n/\\\n")
    assert found.ignores("x.dvc", is_dir=False)
    assert found.ignores("a/ok", is_dir=False)
    assert all(isinstance(problem, Problem) and "is not a pattern" in problem.reason for problem in found.problems)
    assert (".dvcignore", 1) in [(problem.path, problem.line) for problem in found.problems]


def test_very_deep_paths() -> None:
    deep = "/".join("d" * 1500)
    assert not ignored(f"{deep}/x.dvc", top="nothing")
    assert ignored(f"{deep}/x.dvc", top="*.dvc")


names = st.sampled_from(["a", "b", "x.dvc", "y.dvc"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
lines = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "!"]),
    st.sampled_from(["", "/", "**/", "a/"]),
    st.sampled_from(["a", "b", "*", "*.dvc", "x*", "a/b", "?", "[ab]"]),
    st.sampled_from(["", "/", "/*", "/**"]),
)
files = st.dictionaries(st.sampled_from(["", "a", "a/b", "b"]), st.lists(lines, max_size=4).map("\n".join))


@given(files, st.lists(st.tuples(paths, st.booleans()), max_size=6))
def test_answers_do_not_depend_on_earlier_questions(texts: dict[str, str], questions: list[tuple[str, bool]]) -> None:
    shared = IgnoreRules(texts)
    for path, is_dir in questions:
        answer = shared.ignores(path, is_dir)
        assert answer is IgnoreRules(texts).ignores(path, is_dir)
        above = path.rpartition("/")[0]
        assert answer or not shared.ignores(above, is_dir=True)
