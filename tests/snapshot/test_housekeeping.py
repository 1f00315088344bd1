from __future__ import annotations

import os
from pathlib import Path

from cvfs.snapshot.housekeeping import ABANDONED_S, IN_USE_S, MAX_AGE_S, tidy

NOW = 2_000_000_000.0


def make(directory: Path, name: str, age: float, size: int = 4096) -> None:
    (directory / name).write_bytes(os.urandom(size))
    os.utime(directory / name, (NOW - age, NOW - age))


def test_what_is_old_goes(tmp_path: Path) -> None:
    make(tmp_path, "old.segment", MAX_AGE_S + 1)
    make(tmp_path, "old.commit", MAX_AGE_S + 1)
    make(tmp_path, "young.segment", MAX_AGE_S - 1)
    make(tmp_path, ".new-left", ABANDONED_S + 1)
    make(tmp_path, ".new-writing", ABANDONED_S - 1)
    make(tmp_path, "somebody-elses", MAX_AGE_S + 1)
    tidy(str(tmp_path), now=NOW)
    assert sorted(os.listdir(tmp_path)) == [".new-writing", "somebody-elses", "young.segment"]


def test_the_least_recently_opened_go_when_there_are_too_many(tmp_path: Path) -> None:
    for number in range(6):
        make(tmp_path, f"{number}.segment", IN_USE_S * (10 - number), size=1 << 20)
    tidy(str(tmp_path), max_bytes=4 << 20, now=NOW)
    assert sorted(os.listdir(tmp_path)) == [f"{number}.segment" for number in (2, 3, 4, 5)]


def test_what_was_just_opened_stays(tmp_path: Path) -> None:
    make(tmp_path, "fresh.segment", IN_USE_S - 1)
    make(tmp_path, "stale.segment", IN_USE_S + 1)
    tidy(str(tmp_path), max_bytes=0, now=NOW)
    assert os.listdir(tmp_path) == ["fresh.segment"]


def test_a_directory_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    tidy(str(tmp_path / "gone"))
