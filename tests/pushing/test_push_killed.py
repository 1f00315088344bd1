"""A push that is killed, at 60 moments over all of its phases: what is recorded is true, and the next push ends it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import killing
import pytest
from command import Shell
from projects import LocalBucket, Project
from repositories import GitRepository

from cvfs.clone import open_clone
from cvfs.push import push
from cvfs.pushing.request import PushRequest

KILLS = 60
OLD = {f"data/{number}": b"old %d\n" % number for number in range(6)}
NEW = {"data/1": b"changed\n", "data/2": b"changed, too\n", "data/new": b"new\n", "data/copy": OLD["data/5"]}


@pytest.fixture
def project(tmp_path: Path, shell: Shell) -> Project:
    """Push and commit two outs, and change both."""
    bucket = LocalBucket(tmp_path / "store")
    made = Project(GitRepository.init(tmp_path / "project"), bucket, shell)
    made.cvfs("init").ok()
    made.connect("up", bucket, default=True)
    made.write({**OLD, "model.bin": b"weights"})
    made.add("data", "model.bin")
    made.push()
    made.repository.commit("one")
    made.write({**NEW, "model.bin": b"better weights"})
    return made


def test_kill_at_every_phase_loses_nothing(project: Project, tmp_path: Path, shell: Shell) -> None:
    program = Path(killing.__file__)
    done = shell.run(
        sys.executable, program, project.path, project.bucket.url, tmp_path / "scratch", str(KILLS), bound=120
    ).ok()
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) == KILLS
    reached = {phase for phase, _, _ in kills}
    assert {phase.partition(" ")[2] for phase in reached} == set(killing.PLACES), "a phase was not reached"
    for phase, repository, store in kills:
        check(phase, Project(GitRepository(Path(repository)), LocalBucket(Path(store)), shell))


def check(phase: str, killed: Project) -> None:
    for metafile in ("data.dvc", "model.bin.dvc"):
        killed.check_recorded(metafile)
    with open_clone(os.environ, str(killed.path), [f"up.url={killed.bucket.url}"]) as clone:
        done = push(clone, PushRequest())
    assert done.failures == [], phase
    for metafile in ("data.dvc", "model.bin.dvc"):
        killed.check_recorded(metafile)
    assert set(killed.versions("data.dvc")) == {key.removeprefix("data/") for key in OLD | NEW}
    assert killed.out("model.bin.dvc")["size"] == len(b"better weights")
    assert all(killed.bucket.contents(key)[-1] == data for key, data in NEW.items()), phase
    # At most the one whose answer had not reached the journal.
    sent_twice = sum(len(killed.bucket.contents(key)) - (2 if key in OLD else 1) for key in NEW)
    assert sent_twice <= 1, f"{phase}: {sent_twice} files were sent twice"
    assert list(killed.path.glob(".cvfs-tmp-*")) == [], phase
