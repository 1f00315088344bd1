"""A copy has the same bytes, however the file system wants it made."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cvfs.workspace import copying
from cvfs.workspace.copying import clone_or_copy


def refuse(number: int) -> Callable[..., int]:
    def call(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


def copied(tmp_path: Path, data: bytes) -> bytes:
    (tmp_path / "source").write_bytes(data)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    try:
        clone_or_copy(source, target)
    finally:
        os.close(source)
        os.close(target)
    return (tmp_path / "target").read_bytes()


@pytest.mark.parametrize("size", [0, 1, 100_000, (8 << 20) + 3])
def test_bytes_are_the_same(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    assert copied(tmp_path, data) == data


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EXDEV, errno.ENOTTY, errno.EINVAL])
def test_where_nothing_can_be_shared_bytes_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(copying.fcntl, "ioctl", refuse(number))
    monkeypatch.setattr(copying.os, "copy_file_range", refuse(number))
    data = os.urandom((8 << 20) + 3)
    assert copied(tmp_path, data) == data


def test_kernel_that_stops_in_the_middle_is_taken_over_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.copy_file_range, 0

    def once(source: int, target: int, count: int, *offsets: int) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(source, target, min(count, 1000), *offsets)

    monkeypatch.setattr(copying.fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(copying.os, "copy_file_range", once)
    data = os.urandom(5000)
    assert copied(tmp_path, data) == data


@pytest.mark.parametrize("name", ["fcntl.ioctl", "os.copy_file_range"])
def test_real_failure_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(copying.fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(f"cvfs.workspace.copying.{name}", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        copied(tmp_path, b"data")


def test_whole_file_is_shared_where_the_file_system_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []

    def ficlone(target: int, request: int, source: int) -> int:
        asked.append((target, request, source))
        return 0

    monkeypatch.setattr(copying.fcntl, "ioctl", ficlone)
    monkeypatch.setattr(copying.os, "copy_file_range", refuse(errno.EIO))
    assert clone_or_copy(7, 8)
    # The number is _IOW(0x94, 9, int), see ioctl_ficlone(2).
    assert asked == [(8, (1 << 30) | (4 << 16) | (0x94 << 8) | 9, 7)]
