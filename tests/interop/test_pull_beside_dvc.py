"""The same clone pulled by DVC and by cvfs: the same words, the same files, and DVC content with the result."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from command import Shell
from dvc_repository import BOUND_S, DVC, DvcRepository, md5_of_files
from servers.moto import Moto

OUTS = ("data", "other", "model.bin")


@pytest.fixture
def origin(moto: Moto, tmp_path: Path) -> DvcRepository:
    """Two versions that DVC pushed."""
    repository = DvcRepository.init(tmp_path / "origin")
    repository.dvc("init", "-q")
    repository.add_remote(f"s3://{moto.make_bucket()}/base", moto.endpoint)
    repository.write(
        {
            "data/a": b"a, first\n",
            "data/b": b"b\n",
            "data/sub/c": bytes(range(256)) * 30_000,
            "other/x": b"x\n",
            "model.bin": b"one\n",
        }
    )
    repository.dvc("add", "-q", *OUTS)
    repository.dvc("push", "-q")
    repository.commit_pushed("one", *OUTS)
    repository.write({"data/a": b"a, second\n", "data/new": b"new\n", "model.bin": b"two\n"})
    (repository.path / "data/b").unlink()
    repository.dvc("add", "-q", *OUTS)
    repository.dvc("push", "-q")
    repository.commit_pushed("two", *OUTS)
    return repository


def dvc(clone: Path, *arguments: str) -> str:
    done = subprocess.run(
        [DVC, *arguments],
        check=False,
        cwd=clone,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        timeout=BOUND_S,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_words_and_files_are_those_of_dvc(origin: DvcRepository, shell: Shell, tmp_path: Path) -> None:
    theirs, ours = origin.clone(tmp_path / "theirs"), origin.clone(tmp_path / "ours")
    one, two = origin.pushed
    steps = [(one, ()), (one, ()), (two, ()), (one, ("data",)), (one, ()), (two, ("data/new",))]
    for commit, targets in steps:
        for clone in (theirs, ours):
            clone.git("checkout", "-q", commit)
        said = shell.cvfs("pull", *targets, cwd=ours.path).ok().stdout
        assert said == dvc(theirs.path, "pull", *targets)
        assert md5_of_files(ours.path, *OUTS) == md5_of_files(theirs.path, *OUTS)


def test_dvc_takes_over_a_clone_that_cvfs_pulled_into(origin: DvcRepository, shell: Shell, tmp_path: Path) -> None:
    clone = origin.clone(tmp_path / "clone")
    shell.cvfs("pull", cwd=clone.path).ok()
    # The data is as recorded; that DVC's own cache does not have it is all that DVC remarks.
    stages = json.loads(dvc(clone.path, "status", "--json"))
    remarks = [change["changed outs"] for stage in stages.values() for change in stage]
    assert {name: state for outs in remarks for name, state in outs.items()} == dict.fromkeys(OUTS, "not in cache")
    before = {out: (clone.path / f"{out}.dvc").read_bytes() for out in OUTS}
    dvc(clone.path, "commit", "-f", "-q")
    assert dvc(clone.path, "status").strip() == "Data and pipelines are up to date."
    assert {out: (clone.path / f"{out}.dvc").read_bytes() for out in OUTS} == before


def test_cvfs_has_nothing_to_do_where_dvc_pulled(
    origin: DvcRepository, shell: Shell, moto: Moto, tmp_path: Path
) -> None:
    clone = origin.clone(tmp_path / "clone")
    dvc(clone.path, "pull", "-q")
    mark = moto.mark()
    assert shell.cvfs("pull", cwd=clone.path).ok().stdout == "Everything is up to date.\n"
    (clone.path / "data/a").unlink()
    assert shell.cvfs("pull", cwd=clone.path).ok().stdout == "M       data/\n1 file added\n"
    assert moto.requests(since=mark) == []
    dvc(clone.path, "status", "-q")
