"""One writer per clone, and never one beside DVC."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cvfs.errors import LockedError, WorkspaceError
from cvfs.workspace import lock
from cvfs.workspace.lock import clone_lock, dvc_lock

#: Takes DVC's lock the way zc.lockfile does, says so, and holds it until its input ends.
HOLDER = """\
import fcntl, os, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(f" {os.getpid()}\\n"); file.truncate(); file.flush()
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def dvc_dir(tmp_path: Path) -> Path:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path / ".dvc"


@contextmanager
def held_by_another(path: Path) -> Iterator[int]:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate(timeout=30)


def test_second_cvfs_is_told_who_is_first(dvc_dir: Path) -> None:
    with clone_lock(str(dvc_dir)):
        with pytest.raises(LockedError, match=f"process {os.getpid()} ") as caught:
            with clone_lock(str(dvc_dir)):
                pass
        assert "cvfs" in caught.value.message
    with clone_lock(str(dvc_dir)):
        pass


def test_lock_of_a_killed_process_is_free(dvc_dir: Path) -> None:
    script = (
        "import os, sys; from cvfs.workspace.lock import clone_lock\n"
        "with clone_lock(sys.argv[1]): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, dvc_dir], check=False, timeout=60)
    assert done.returncode == -9
    assert (dvc_dir / "tmp/cvfs/lock").exists()
    with clone_lock(str(dvc_dir)):
        pass


def test_dvc_that_runs_is_waited_for_and_then_named(dvc_dir: Path) -> None:
    with held_by_another(dvc_dir / "tmp/lock") as pid:
        begun = time.monotonic()
        with pytest.raises(LockedError, match=f"DVC is writing to this clone .process {pid} "):
            with dvc_lock(str(dvc_dir), hardlink=False, patience_s=0.3):
                pass
        assert time.monotonic() - begun >= 0.3
    with dvc_lock(str(dvc_dir), hardlink=False, patience_s=0):
        pass


def test_dvc_that_ends_meanwhile_lets_us_in(dvc_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = (dvc_dir / "tmp/lock").open("a+")
    fcntl.flock(file, fcntl.LOCK_EX)
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: file.close())
    with dvc_lock(str(dvc_dir), hardlink=False, patience_s=30):
        assert file.closed


def test_ours_is_held_against_others(dvc_dir: Path) -> None:
    with dvc_lock(str(dvc_dir), hardlink=False):
        with (dvc_dir / "tmp/lock").open("r+") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert (dvc_dir / "tmp/lock").read_text() == f" {os.getpid()}\n"


def names(dvc_dir: Path) -> list[str]:
    return sorted(os.listdir(dvc_dir / "tmp"))


def test_claim_is_a_link_for_as_long_as_it_is_held(dvc_dir: Path) -> None:
    with dvc_lock(str(dvc_dir), hardlink=True):
        assert (dvc_dir / "tmp/lock").stat().st_nlink == 2
        assert (dvc_dir / "tmp/lock").stat().st_mtime > time.time()
        claim = Path((dvc_dir / "tmp/lock").read_text())
        assert claim.samefile(dvc_dir / "tmp/lock")
        with (
            pytest.raises(LockedError, match="DVC is writing"),
            dvc_lock(str(dvc_dir), hardlink=True, patience_s=0),
        ):
            pass
        assert len(names(dvc_dir)) == 2
    assert names(dvc_dir) == []


def test_claim_of_a_killed_process_runs_out(dvc_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = dvc_dir / "tmp/lock"
    path.write_text(f"{path}|machine|4711|123456789")
    moment = time.time() - 5
    os.utime(path, (moment, moment))
    with pytest.raises(LockedError), dvc_lock(str(dvc_dir), hardlink=True, patience_s=0):
        pass
    os.utime(path, (1, 1))
    with caplog.at_level(logging.WARNING), dvc_lock(str(dvc_dir), hardlink=True, patience_s=30):
        assert "4711" not in path.read_text()
    assert "has run out" in caplog.text


def test_file_system_without_locks_costs_a_warning(
    dvc_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(*_arguments: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with caplog.at_level(logging.WARNING), clone_lock(str(dvc_dir)):
        pass
    assert "no locks" in caplog.text


def test_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".dvc").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="cannot lock"), clone_lock(str(tmp_path / ".dvc")):
        pass
