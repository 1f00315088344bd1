"""What may become a mount point. Mounts that are there already are for tests/mounting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cvfs.errors import MountError
from cvfs.fuse.mountpoint import Liveness, prepare_mountpoint, probe


def test_empty_directory_is_returned_absolute_and_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert prepare_mountpoint("link") == os.path.realpath(tmp_path / "real")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing", "does not exist"),
        ("file", "is not a directory"),
        ("file/below", "below something"),
        ("full", "is not empty"),
    ],
)
def test_unusable_place_is_refused_with_the_reason(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    with pytest.raises(MountError, match=complaint) as caught:
        prepare_mountpoint(str(tmp_path / name))
    assert str(tmp_path / name) in caught.value.message


def test_directory_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refuse)  # root may read everything
    with pytest.raises(MountError, match="no permission"):
        prepare_mountpoint(str(tmp_path))


def test_probe_of_a_file_system_that_answers_and_of_no_file_system(tmp_path: Path) -> None:
    assert probe(str(tmp_path)) is Liveness.ALIVE
    assert probe(str(tmp_path / "missing")) is Liveness.UNKNOWN


def test_probe_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(os, "statvfs", lambda path: os.read(reading, 1))
    try:
        assert probe(str(tmp_path), seconds=0.05) is Liveness.UNKNOWN
    finally:
        os.close(writing)  # the thread that asks gets its end, and with it an answer
