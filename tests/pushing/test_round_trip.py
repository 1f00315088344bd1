"""Any tree of names and contents: add, push, commit, change, push, commit, mount either commit, and read it back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from command import Shell
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from repositories import GitRepository

from cvfs.add import add
from cvfs.clone import open_clone
from cvfs.metafiles.ignore import IgnoreRules
from cvfs.push import push
from cvfs.pushing.request import PushRequest


class _Large(bytes):
    """A content that is read in several pieces, and fits on a line of a report."""

    def __repr__(self) -> str:
        return "LARGE"


LARGE = _Large(300_000)
#: Names that YAML, URLs, shells or DVC could take for something else, and ordinary ones that sort around them.
_ODD = ["yes", "1e3", "~", "null", "0x1f", "12:30:45", "- a", "a: b", "#x", "?q", "%41", "a%2Fb", "+", "&", "=", "[1]"]
_ODD += ["{}", "*", "!t", "|", ">", "'", '"', "\\", "ü", "\u200b", "\U0001f600", " lead", "trail ", "a\tb", "-", "..."]
_ODD += ["x" * 200, "key", "CON", ".hidden", "a.dvc", "@", "`", "\x7f", "e\u0301", "\u00e9", "tag:yaml", "<<", "="]
_names = st.one_of(
    st.sampled_from(_ODD),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=12),
).filter(lambda name: name not in (".", "..", ".dvcignore", ".git", ".hg", ".dvc") and len(name.encode()) < 256)
_contents = st.one_of(st.binary(max_size=64), st.sampled_from([b"", b"same", b"\r\n", LARGE]))
_files = st.tuples(_contents, st.booleans())
_trees = st.dictionaries(st.lists(_names, min_size=1, max_size=3).map(tuple), _files, min_size=1, max_size=12)


def consistent(tree: dict) -> dict:
    """Drop files that would have to be directories as well, and names that DVC ignores by itself."""
    above = {path[:depth] for path in tree for depth in range(1, len(path))}
    rules = IgnoreRules({})
    return {
        path: file
        for path, file in tree.items()
        if path not in above and not rules.ignores("/".join(("data", *path)), is_dir=False)
    }


def write(top: Path, tree: dict) -> None:
    for path, (data, executable) in tree.items():
        target = top.joinpath(*path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o755 if executable else 0o644)


def read(top: Path) -> dict:
    found = (path for path in top.rglob("*") if not path.is_dir())
    return {
        path.relative_to(top).parts: (path.read_bytes(), bool(path.stat().st_mode & 0o100)) for path in sorted(found)
    }


@pytest.mark.usefixtures("fuse")
@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(one=_trees.map(consistent).filter(bool), two=_trees.map(consistent))
def test_tree_that_was_pushed_is_read_back(shell: Shell, tmp_path: Path, one: dict, two: dict) -> None:
    place = Path(tempfile.mkdtemp(dir=tmp_path))
    repository = GitRepository.init(place / "repository")
    shell.cvfs("init", cwd=repository.path).ok()
    config = f"[core]\n    remote = up\n['remote \"up\"']\n    url = {place / 'store'}\n    version_aware = true\n"
    repository.commit("set up", {".dvc/config": config})
    data = repository.path / "data"
    later = consistent({**two, **{path: file for path, file in one.items() if len(path) > 1}})
    commits = []
    for tree in (one, later):
        for path in sorted(data.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        write(data, tree)
        data.mkdir(exist_ok=True)
        with open_clone(os.environ, str(repository.path)) as clone:
            added = add(clone, [str(data)], force=True)
            assert not added.failures
        with open_clone(os.environ, str(repository.path)) as clone:
            result = push(clone, PushRequest())
            assert not result.failures
            assert push(clone, PushRequest()).sent == []
        commits.append((repository.commit("a version"), tree))
    for commit, tree in commits:
        with shell.mounted(commit, place / "mount", "--repo", repository.path) as mounted:
            assert read(mounted / "data") == tree
