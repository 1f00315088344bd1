from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvfs.errors import SnapshotError
from cvfs.snapshot import indexfile
from cvfs.snapshot.indexfile import MAPPED_FROM, IndexWriter, make_directory, open_index

KIND = b"test"


def write(path: Path, *sections: bytes) -> None:
    with IndexWriter(str(path), KIND, len(sections)) as writer:
        for section in sections:
            writer.write_section([section])


@pytest.fixture
def wide_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("size", [0, 10, MAPPED_FROM])
def test_sections_come_back(tmp_path: Path, size: int) -> None:
    sections = [b"x" * size, b"", b"last"]
    write(tmp_path / "i", *sections)
    file = open_index(str(tmp_path / "i"), KIND)
    assert file is not None
    assert [file.section(number) for number in range(3)] == sections
    assert os.listdir(tmp_path) == ["i"]


def test_a_section_can_be_patched(tmp_path: Path) -> None:
    with IndexWriter(str(tmp_path / "i"), KIND, 2) as writer:
        start = writer.write_section([b"aa", b"aa"])
        writer.write_section([b"bb"])
        writer.patch(start + 1, b"xy")
    file = open_index(str(tmp_path / "i"), KIND)
    assert file is not None
    assert (file.section(0), file.section(1)) == (b"axya", b"bb")


def test_absent(tmp_path: Path) -> None:
    assert open_index(str(tmp_path / "i"), KIND) is None


@pytest.mark.parametrize("size", [20, MAPPED_FROM])
def test_every_kind_of_damage_is_noticed(tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "i"
    write(path, b"s" * size, b"end")
    good = path.read_bytes()
    positions = range(len(good)) if size < 100 else range(0, len(good), len(good) // 50)
    damaged = [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in positions]
    damaged += [b"", good[:10], good[:-1], good + b"\0", good[: len(good) // 2]]
    for data in damaged:
        path.write_bytes(data)
        assert open_index(str(path), KIND) is None
    assert f"index file {path} is damaged" in caplog.text
    path.write_bytes(good)
    assert open_index(str(path), KIND) is not None


def test_another_kind_and_another_version_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "i"
    write(path, b"")
    assert open_index(str(path), b"else") is None
    monkeypatch.setattr(indexfile, "FORMAT_VERSION", indexfile.FORMAT_VERSION + 1)
    assert open_index(str(path), KIND) is None


def test_links_and_other_users_files_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "i"
    write(path, b"")
    (tmp_path / "link").symlink_to(path)
    assert open_index(str(tmp_path / "link"), KIND) is None
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert open_index(str(path), KIND) is None


def test_what_fails_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "i"
    write(path, b"good")
    with pytest.raises(ZeroDivisionError), IndexWriter(str(path), KIND, 1) as writer:
        writer.write_section(bytes([1 // n]) for n in (1, 0))
    assert os.listdir(tmp_path) == ["i"]
    file = open_index(str(path), KIND)
    assert file is not None
    assert file.section(0) == b"good"


def test_nobody_else_can_read_it(tmp_path: Path, wide_umask: None) -> None:
    directory = tmp_path / "above" / "index"
    make_directory(str(directory))
    write(directory / "i", b"")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "i").stat().st_mode) == 0o600


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "index"):
        with pytest.raises(SnapshotError) as caught:
            make_directory(str(path))
        assert str(path) in caught.value.message
        assert "--cache-dir" in str(caught.value.hint)
    make_directory(str(tmp_path))


def test_an_open_file_survives_its_removal_and_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "i"
    write(path, b"a" * MAPPED_FROM)
    file = open_index(str(path), KIND)
    write(path, b"b")
    path.unlink()
    assert file is not None
    assert file.section(0) == b"a" * MAPPED_FROM


def test_writers_of_the_same_file_do_not_meet(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def run() -> None:
        with IndexWriter(str(tmp_path / "i"), KIND, 1) as writer:
            writer.write_section([b"same" * 1000])
            barrier.wait(30)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert os.listdir(tmp_path) == ["i"]
    assert open_index(str(tmp_path / "i"), KIND) is not None
