"""Contents that Git itself holds."""

from __future__ import annotations

import os

import pytest

from cvfs.errors import RepositoryError
from cvfs.git import Repository
from cvfs.git_contents import GitContents


def test_blob_is_read_once_and_kept(make_repository) -> None:
    made = make_repository()
    made.commit("One", {"metrics.json": b"\x00\xff{}"})
    oid = made.git("rev-parse", "HEAD:metrics.json")
    contents = GitContents(Repository.open(str(made.path), os.environ))
    assert contents.read(oid) == b"\x00\xff{}"
    (made.path / ".git").rename(made.path / "elsewhere")
    assert contents.read(oid) == b"\x00\xff{}"
    with pytest.raises(RepositoryError):
        contents.read("0" * 40)
