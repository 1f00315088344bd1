"""Records of mounts."""

from __future__ import annotations

import dataclasses
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cvfs.mount_record import (
    MountRecord,
    is_running,
    load_records,
    process_start,
    record_directory,
    remove_record,
    save_record,
)

RECORD = MountRecord(
    mountpoint="/mnt/with \udcff in it",
    device="0:39",
    commit="c" * 40,
    revision="main",
    repository="/repository",
    cache_dir="/cache",
    max_cache_size=None,
    log_file=None,
    pid=1,
    started=5,
    since=1.5,
)


def test_record_comes_back_as_it_was_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    directory = tmp_path / "run" / "cvfs"
    save_record(str(directory), RECORD)
    assert list(load_records(str(directory))) == [RECORD]
    (file,) = directory.iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(directory.stat().st_mode)) == (0o600, 0o700)


def test_later_mount_at_the_same_place_keeps_its_record(tmp_path: Path) -> None:
    later = dataclasses.replace(RECORD, device="0:40")
    save_record(str(tmp_path), RECORD)
    save_record(str(tmp_path), later)
    remove_record(str(tmp_path), RECORD.mountpoint, RECORD.device)
    assert list(load_records(str(tmp_path))) == [later]
    remove_record(str(tmp_path), later.mountpoint, later.device)
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    save_record(str(tmp_path), RECORD)
    for name, text in (("a.json", "{"), ("b.json", '{"pid": 1}'), ("c.json", "[]"), ("d.txt", "x")):
        (tmp_path / name).write_text(text)
    assert list(load_records(str(tmp_path))) == [RECORD]
    assert list(load_records(str(tmp_path / "missing"))) == []


def test_record_that_cannot_be_written_is_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    save_record(str(tmp_path / "file"), RECORD)
    (line,) = caplog.records
    assert line.levelno == logging.WARNING


def test_directory_is_the_runtime_directory_if_there_is_one(tmp_path: Path) -> None:
    env = {"HOME": "/home/me"}
    assert record_directory(env) == "/home/me/.cache/cvfs/mounts"
    assert record_directory({**env, "XDG_RUNTIME_DIR": str(tmp_path / "missing")}) == "/home/me/.cache/cvfs/mounts"
    assert record_directory({**env, "XDG_RUNTIME_DIR": str(tmp_path)}) == str(tmp_path / "cvfs")


def test_process_is_told_from_a_later_one_with_its_number() -> None:
    started = process_start(os.getpid())
    assert is_running(dataclasses.replace(RECORD, pid=os.getpid(), started=started))
    assert not is_running(dataclasses.replace(RECORD, pid=os.getpid(), started=started + 1))


def test_process_that_has_ended_is_not_running_even_if_nobody_has_asked_for_its_exit_code() -> None:
    with subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1) as child:
        assert child.stdout.readline() == b"1\n"
        assert process_start(child.pid) is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_start(child.pid) is None
    assert process_start(child.pid) is None
