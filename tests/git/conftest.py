"""What the tests of ``cvfs.git`` share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from repositories import GitRepository


@pytest.fixture
def repository(make_repository: Callable[[str], GitRepository]) -> GitRepository:
    """A repository with two commits, a branch, tags and a submodule-free tree of files and a link."""
    made = make_repository("repository")
    (made.path / "sub").mkdir()
    (made.path / "link").symlink_to("a.txt")
    made.commit("first", {"a.txt": "one\n", "sub/b.txt": "two\n"})
    made.git("tag", "light")
    made.git("tag", "-a", "annotated", "-m", "a tag")
    made.git("tag", "-a", "of-a-tag", "-m", "a tag of a tag", "annotated")
    made.git("branch", "side")
    made.commit("second", {"a.txt": "changed\n"})
    return made
