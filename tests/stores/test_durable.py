"""Copies and writes where the kernel does less than was asked."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cvfs.stores.durable import copy_all, make_directory, write_all, written_aside

DATA = os.urandom(100_000)


def copy(tmp_path: Path) -> bytes:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA)
    with source.open("rb") as reading, target.open("wb") as writing:
        copy_all(reading.fileno(), writing.fileno())
    return target.read_bytes()


def test_copy(tmp_path: Path) -> None:
    assert copy(tmp_path) == DATA


@pytest.mark.parametrize("good_calls", [0, 1])
def test_copy_where_blocks_cannot_be_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good_calls: int) -> None:
    real, calls = os.copy_file_range, []

    def sharing(source: int, target: int, size: int, *offsets: int) -> int:
        calls.append(size)
        if len(calls) > good_calls:
            raise OSError(errno.EXDEV, "other file system")
        return real(source, target, 1000, *offsets)

    monkeypatch.setattr(os, "copy_file_range", sharing)
    assert copy(tmp_path) == DATA
    assert len(calls) == good_calls + 1


def test_copy_to_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="no space"):
        copy(tmp_path)


def test_write_that_takes_several_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:777]))
    with (tmp_path / "file").open("wb") as file:
        write_all(file.fileno(), DATA)
    assert (tmp_path / "file").read_bytes() == DATA


def test_file_written_aside_goes_unless_it_was_renamed(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    with written_aside(place, 0o600) as (path, _):
        os.rename(path, os.path.join(place, b"kept"))
    with pytest.raises(RuntimeError), written_aside(place, 0o600):
        raise RuntimeError
    assert os.listdir(tmp_path) == ["kept"]


def test_directory_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make_directory(os.fsencode(tmp_path / "a/b"))
    make_directory(os.fsencode(tmp_path / "a/b"))
    with pytest.raises(NotADirectoryError):
        make_directory(os.fsencode(tmp_path / "file"))
    with pytest.raises(NotADirectoryError):
        make_directory(os.fsencode(tmp_path / "file/below"))
