"""A DVC repository in the current directory, and ``cvfs add`` and ``cvfs remove`` without the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from repositories import GitRepository

from cvfs.add import Added, add
from cvfs.clone import open_clone
from cvfs.init import initialise
from cvfs.metafiles.records import FileRecord
from cvfs.remove import Removed, remove


@dataclass(frozen=True, slots=True)
class Workspace:
    """A work tree in which data is added and removed."""

    repository: GitRepository

    @property
    def path(self) -> Path:
        return self.repository.path

    def write(self, files: dict[str, bytes | str]) -> None:
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.encode() if isinstance(data, str) else data)

    def read(self, name: str) -> str:
        return (self.path / name).read_bytes().decode()

    def add(self, *paths: str, **options: Any) -> Added:
        with open_clone(os.environ) as clone:
            return add(clone, paths, **options)

    def remove(self, *targets: str, **options: Any) -> Removed:
        with open_clone(os.environ) as clone:
            return remove(clone, targets, **options)

    def outs(self, metafile: str) -> dict[str, dict[str, FileRecord]]:
        """Read a metafile: the files of each out, by path and relpath."""
        with open_clone(os.environ) as clone:
            (found,) = (each for each in clone.metafiles() if each.path == metafile)
            assert found.problems == []
            return {out.path: {file.relpath: file for file in out.files} for out in found.outs}


@pytest.fixture
def workspace(make_repository: Callable[..., GitRepository], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    repository = make_repository("repository")
    initialise(str(repository.path), os.environ)
    repository.commit("init")
    monkeypatch.chdir(repository.path)
    return Workspace(repository)
