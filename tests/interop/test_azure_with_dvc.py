"""Azure, with the real DVC: what either pushed by connection string, the other reads and takes for its own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Shell
from dvc_repository import DvcRepository, md5_of_files
from servers.azure import AzureServer

FILES = {
    "data/a.csv": b"a\n",
    "data/sub/c.bin": bytes(range(256)) * 300,
    "data/sp ace.txt": b"spaces\n",
    "data/\u00fc.txt": b"umlaut\n",
    "data/empty": b"",
    "model.bin": b"weights",
}
SECOND = {"data/a.csv": b"changed\n", "data/new.txt": b"new\n"}


class Place:
    """A container, and repositories whose default remote ``up`` it is."""

    def __init__(self, server: AzureServer, shell: Shell, path: Path) -> None:
        self.server = server
        self.container = server.make_container()
        self.shell = shell
        self.path = path

    def repository(self) -> DvcRepository:
        repository = DvcRepository.init(self.path / "repository")
        self.shell.cvfs("init", cwd=repository.path).ok()
        self._remote(repository, "add", "-d", "up", f"azure://{self.container}/base")
        self._remote(repository, "modify", "up", "version_aware", "true")
        self.connect(repository)
        return repository

    def clone(self, repository: DvcRepository) -> DvcRepository:
        clone = DvcRepository(repository.clone(self.path / "clone").path)
        self.connect(clone)
        return clone

    def connect(self, repository: DvcRepository) -> None:
        """Say how the account is reached, where git does not see it."""
        self._remote(repository, "modify", "--local", "up", "connection_string", self.server.connection_string)

    def _remote(self, repository: DvcRepository, *arguments: str) -> None:
        self.shell.cvfs("remote", *arguments, cwd=repository.path).ok()


@pytest.fixture
def place(azure: AzureServer, shell: Shell, tmp_path: Path) -> Place:
    return Place(azure, shell, tmp_path)


def entries(repository: DvcRepository, metafile: str = "data.dvc") -> dict[str, dict[str, Any]]:
    (out,) = yaml.safe_load((repository.path / metafile).read_text(encoding="utf-8"))["outs"]
    return {entry["relpath"]: entry for entry in out["files"]}


def md5s(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.md5(data).hexdigest() for name, data in files.items()}


def test_pushed_by_dvc_read_by_cvfs(place: Place, shell: Shell, tmp_path: Path, fuse: None) -> None:
    repository = place.repository()
    repository.write(FILES)
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    first = repository.commit("one")
    repository.write(SECOND)
    repository.dvc("add", "-q", "data")
    repository.dvc("push", "-q")
    repository.commit("two")
    recorded = entries(repository)["sub/c.bin"]["cloud"]["up"]
    assert recorded["etag"].startswith('"0x8D')

    clone = place.clone(repository)
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    for revision, files in ((first, FILES), ("HEAD", FILES | SECOND)):
        shell.cvfs("mount", "--repo", clone.path, revision, mountpoint).ok()
        try:
            assert md5_of_files(mountpoint, "data", "model.bin") == md5s(files)
        finally:
            shell.cvfs("umount", mountpoint).ok()
    assert shell.cvfs("check", "HEAD", cwd=clone.path).ok().returncode == 0


def test_pushed_by_cvfs_pulled_by_dvc(place: Place, shell: Shell) -> None:
    repository = place.repository()
    repository.write(FILES)
    shell.cvfs("add", "data", "model.bin", cwd=repository.path).ok()
    shell.cvfs("push", cwd=repository.path).ok()
    repository.commit("one")
    repository.write(SECOND)
    shell.cvfs("add", "data", cwd=repository.path).ok()
    shell.cvfs("push", cwd=repository.path).ok()
    repository.commit("two")

    clone = place.clone(repository)
    clone.dvc("pull", "-q")
    assert md5_of_files(clone.path, "data", "model.bin") == md5s(FILES | SECOND)
    assert clone.git("status", "--porcelain") == ""


def test_pushed_in_turns(place: Place, shell: Shell) -> None:
    repository = place.repository()
    repository.write(FILES)
    shell.cvfs("add", "data", cwd=repository.path).ok()
    shell.cvfs("push", cwd=repository.path).ok()
    repository.commit("one")
    before = entries(repository)

    clone = place.clone(repository)
    clone.dvc("pull", "-q", "data")
    clone.write(SECOND)
    clone.dvc("add", "-q", "data")
    clone.dvc("push", "-q")
    after = entries(clone)
    kept = set(before) - {"a.csv"}
    assert {name: after[name]["cloud"] for name in kept} == {name: before[name]["cloud"] for name in kept}
    assert after["a.csv"]["cloud"] != before["a.csv"]["cloud"]
    assert shell.cvfs("push", cwd=clone.path).ok().returncode == 0
    assert entries(clone) == after
