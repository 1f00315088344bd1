"""The work tree, as DVC sees it and as cvfs does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from dvc_repository import DVC, DvcRepository

from cvfs.errors import LockedError
from cvfs.workspace.gitignore import add_to_gitignore
from cvfs.workspace.hashing import hash_file
from cvfs.workspace.lock import dvc_lock
from cvfs.workspace.scanning import read_ignore_rules, scan_out

NAMES = ["plain", "we[ird]*!#? name", "ü", "back\\slash", "!bang", "#hash", " lead"]


@pytest.fixture
def repository(tmp_path: Path) -> DvcRepository:
    """A DVC repository without a remote."""
    made = DvcRepository.init(tmp_path / "repository")
    made.dvc("init", "-q")
    return made


def test_gitignore_is_written_as_dvc_writes_it(repository: DvcRepository, tmp_path: Path) -> None:
    (repository.path / ".gitignore").write_bytes(b"*.pyc")
    (tmp_path / ".gitignore").write_bytes(b"*.pyc")
    repository.write({name: name.encode() for name in NAMES})
    repository.dvc("add", "-q", "--", *NAMES)
    written = (repository.path / ".gitignore").read_bytes()
    order = written.splitlines()[1:]
    assert len(order) == len(NAMES)
    for name in sorted(NAMES, key=lambda name: [name.encode().strip() in _plain(line) for line in order].index(True)):
        add_to_gitignore(str(tmp_path), name)
    assert (tmp_path / ".gitignore").read_bytes() == written


def _plain(line: bytes) -> bytes:
    return line.replace(b"\\\\", b"\0").replace(b"\\", b"").replace(b"\0", b"\\")


def test_scan_finds_what_dvc_tracks(repository: DvcRepository) -> None:
    repository.write(
        {
            ".dvcignore": b"*.tmp\n/data/cache/\n",
            "data/b": b"b",
            "data/a/z": b"z",
            "data/a.b": b"a.b",
            "data/a/x.tmp": b"ignored",
            "data/cache/y": b"ignored",
            "data/sub/.dvc/config": b"",
            "data/sub/f": b"of another repository",
            "data/ü": b"",
            "data/.hidden": b"hidden",
            "other/o": b"elsewhere",
        }
    )
    (repository.path / "data/link").symlink_to("../other/o")
    (repository.path / "data/folder").symlink_to("../other")
    repository.dvc("add", "-q", "data")
    (listing,) = (repository.path / ".dvc/cache").rglob("*.dir")
    rules = read_ignore_rules(str(repository.path), "data")
    scan = scan_out(str(repository.path), "data", rules)
    assert scan is not None
    found = [
        {"md5": hash_file(str(repository.path / "data" / file.relpath)).md5, "relpath": file.relpath}
        for file in scan.files
    ]
    assert found == json.loads(listing.read_bytes())
    scan.check()


def test_single_file_is_executable_for_both(repository: DvcRepository) -> None:
    for mode in (0o644, 0o744, 0o645):
        name = f"tool{mode:o}"
        repository.write({name: b"#!/bin/sh\n"})
        (repository.path / name).chmod(mode)
    repository.dvc("add", "-q", "tool644", "tool744", "tool645")
    for mode in (0o644, 0o744, 0o645):
        scan = scan_out(str(repository.path), f"tool{mode:o}", read_ignore_rules(str(repository.path), ""))
        assert scan is not None
        recorded = "isexec: true" in (repository.path / f"tool{mode:o}.dvc").read_text()
        assert scan.files[0].isexec == recorded == bool(mode & 0o111)


@pytest.mark.parametrize("hardlink", [False, True])
def test_dvc_waits_for_us_gives_up_and_goes_on_later(repository: DvcRepository, hardlink: bool) -> None:
    repository.dvc("config", "core.hardlink_lock", str(hardlink).lower())
    with dvc_lock(str(repository.path / ".dvc"), hardlink=hardlink):
        with pytest.raises(AssertionError, match="Unable to acquire lock"):
            repository.dvc("status")
    repository.dvc("status")


@pytest.mark.parametrize("kind", ["Lock", "HardlinkLock"])
def test_we_see_that_dvc_runs(repository: DvcRepository, kind: str) -> None:
    program = f"import sys, dvc.lock as l; x = l.{kind}(sys.argv[1]); x.lock(); print(flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    asked = [DVC.parent / "python", "-c", program, repository.path / ".dvc/tmp/lock"]
    with subprocess.Popen(asked, stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        hardlink = kind == "HardlinkLock"
        with pytest.raises(LockedError), dvc_lock(str(repository.path / ".dvc"), hardlink=hardlink, patience_s=0.2):
            pass
        process.communicate(timeout=60)
