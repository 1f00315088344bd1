from __future__ import annotations

from collections.abc import Mapping

from cvfs.git import TreeEntry
from cvfs.snapshot.scan import Metafile, Scan, scan, seen_metafiles


def scanned(*paths: str, links: tuple[str, ...] = ()) -> Scan:
    return scan(
        [
            *(TreeEntry(path, 0o100644, "blob", f"oid of {path}") for path in paths),
            *(TreeEntry(path, 0o120000, "blob", f"oid of {path}") for path in links),
        ]
    )


def seen(found: Scan, ignores: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the root of every metafile that DVC would see."""
    return {metafile.path: metafile.root for metafile in seen_metafiles(found, ignores or {})}


def problems(found: Scan) -> list[str]:
    return [str(problem) for problem in found.problems]


def test_metafiles_are_told_from_other_files() -> None:
    found = scanned(
        *(".dvc/config", ".dvc/x.dvc", "a.dvc", "b/c.dvc", "b/.dvc", "b/dvc.yaml", "b/dvc.lock", "d/.x.dvc"),
        *("x.dvcs", "dvc", "y.dvc/z", "c/my-dvc.yaml", "c/my-dvc.lock"),
    )
    assert seen(found) == {"a.dvc": "", "b/c.dvc": "", "b/dvc.lock": "", "d/.x.dvc": ""}
    assert problems(found) == []
    assert found.configs == {"": "oid of .dvc/config"}


def test_a_lock_comes_with_the_stages_beside_it() -> None:
    found = scanned(".dvc/config", "dvc.yaml", "a/dvc.yaml", "a/dvc.lock", "b/dvc.lock")
    assert seen_metafiles(found, {}) == [Metafile("a/dvc.lock", "oid of a/dvc.lock", "oid of a/dvc.yaml", "")]
    assert problems(found) == ["b/dvc.lock: there is no dvc.yaml beside it, so DVC would not see it"]


def test_each_metafile_belongs_to_the_nearest_root() -> None:
    found = scanned(
        ".dvc/config",
        "sub/.dvc/config",
        "sub/deep/.dvc/.gitignore",
        "a.dvc",
        "sub/a.dvc",
        "sub/deep/x/a.dvc",
        "subs/a.dvc",
    )
    assert seen(found) == {"a.dvc": "", "sub/a.dvc": "sub", "sub/deep/x/a.dvc": "sub/deep", "subs/a.dvc": ""}
    assert found.roots == {"", "sub", "sub/deep"}
    assert set(found.configs) == {"", "sub"}


def test_a_monorepo_has_only_nested_roots() -> None:
    found = scanned("a/.dvc/config", "a/x.dvc", "b/.dvc/config", "b/x.dvc", "c/x.dvc", "x.dvc")
    assert seen(found) == {"a/x.dvc": "a", "b/x.dvc": "b"}
    assert problems(found) == [
        "c/x.dvc: it lies outside every DVC root, where DVC would not see it",
        "x.dvc: it lies outside every DVC root, where DVC would not see it",
    ]


def test_without_any_root_the_top_is_taken() -> None:
    found = scanned("c/x.dvc", "x.dvc")
    assert seen(found) == {"c/x.dvc": "", "x.dvc": ""}
    assert len(problems(found)) == 1
    assert "no .dvc directory" in problems(found)[0]
    assert problems(scanned("README.md")) == []


def test_symbolic_links_are_not_followed() -> None:
    found = scanned(".dvc/tmp", "d/dvc.yaml", links=("a.dvc", "d/dvc.lock", ".dvcignore", ".dvc/config", "other"))
    assert seen(found) == {}
    assert found.configs == {}
    assert found.ignores == {}
    assert sorted(str(problem.path) for problem in found.problems) == [
        ".dvc/config",
        ".dvcignore",
        "a.dvc",
        "d/dvc.lock",
    ]


def test_submodules_are_nothing() -> None:
    found = scan([TreeEntry("sub.dvc", 0o160000, "commit", "oid"), TreeEntry(".dvc/config", 0o100644, "blob", "c")])
    assert seen(found) == {}
    assert problems(found) == []


def test_ignored_metafiles_are_not_seen() -> None:
    found = scanned(".dvc/config", "a.dvc", "b/a.dvc", "b/c/a.dvc", "b/c/keep.dvc", "old/x/y.dvc")
    assert seen(found, {"": "/old/\n# no\n", "b": "c/a.dvc"}) == {"a.dvc": "", "b/a.dvc": "", "b/c/keep.dvc": ""}


def test_each_root_has_ignore_rules_of_its_own() -> None:
    found = scanned(".dvc/config", "sub/.dvc/config", "a.dvc", "b.dvc", "sub/a.dvc", "sub/b.dvc")
    assert seen(found, {"": "a.dvc\nsub/\n", "sub": "b.dvc"}) == {"b.dvc": "", "sub/a.dvc": "sub"}


def test_a_line_that_is_no_pattern_is_a_problem() -> None:
    found = scanned("sub/.dvc/config", "sub/a.dvc")
    seen(found, {"sub": "\n!\n"})
    assert [(problem.path, problem.line) for problem in found.problems] == [("sub/.dvcignore", 2)]


def test_blobs_names_all_that_may_be_read() -> None:
    found = scanned(".dvc/config", ".dvcignore", "a.dvc", "dvc.yaml", "README")
    assert found.blobs == {"oid of .dvc/config", "oid of .dvcignore", "oid of a.dvc", "oid of dvc.yaml"}
