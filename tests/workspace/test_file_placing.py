"""Content comes into the work tree whole, where it belongs, and over nothing that nobody looked at."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvfs.errors import ChangedMeanwhileError, IntegrityError, UnavailableError, WorkspaceError
from cvfs.workspace import placing
from cvfs.workspace.file_state import FileState
from cvfs.workspace.placing import ANYTHING, Link, Placer

DATA = b"content\n" * 1000
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


@pytest.fixture
def placer(root: Path) -> Iterator[Placer]:
    with Placer(str(root)) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "cached"
    path.write_bytes(DATA)
    path.chmod(0o444)
    return path


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_bytes_arrive_and_their_state_is_told(root: Path, placer: Placer) -> None:
    state = placer.place_bytes("data/sub/a", [DATA[:10], DATA[10:]], md5=MD5)
    assert (root / "data/sub/a").read_bytes() == DATA
    assert state == FileState.of((root / "data/sub/a").stat())
    assert everything(root) == ["data", "data/sub", "data/sub/a"]


@pytest.mark.parametrize(("isexec", "result"), [(False, 0o640), (True, 0o750)])
@pytest.mark.parametrize("way", ["bytes", "file"])
def test_the_umask_decides_who_may_do_what(
    root: Path, placer: Placer, source: Path, isexec: bool, result: int, way: str
) -> None:
    if way == "bytes":
        placer.place_bytes("a", [DATA], md5=None, isexec=isexec)
    else:
        placer.place_file("a", str(source), isexec=isexec)
    assert mode(root / "a") == result


def test_wrong_bytes_never_get_the_name(root: Path, placer: Placer) -> None:
    (root / "a").write_bytes(b"old")
    with pytest.raises(IntegrityError, match="a: the bytes have the md5"):
        placer.place_bytes("a", [b"other"], md5=MD5, over=ANYTHING)
    assert (root / "a").read_bytes() == b"old"
    assert everything(root) == ["a"]


def test_source_that_fails_in_the_middle_leaves_nothing(root: Path, placer: Placer) -> None:
    def chunks() -> Iterator[bytes]:
        yield DATA[:100]
        raise UnavailableError("the connection was reset")

    with pytest.raises(UnavailableError):
        placer.place_bytes("data/a", chunks(), md5=MD5)
    assert everything(root) == ["data"]


def test_full_disk_leaves_the_old_file(root: Path, placer: Placer, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").write_bytes(b"old")

    def write(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cvfs.workspace.temporary.os.write", write)
    with pytest.raises(WorkspaceError, match="a: No space left"):
        placer.place_bytes("a", [DATA], md5=MD5, over=ANYTHING)
    assert (root / "a").read_bytes() == b"old"
    assert everything(root) == ["a"]


def test_copy_of_a_file_is_a_file_of_its_own(root: Path, placer: Placer, source: Path) -> None:
    state = placer.place_file("data/a", str(source))
    assert (root / "data/a").read_bytes() == DATA
    assert state == FileState.of((root / "data/a").stat())
    assert (root / "data/a").stat().st_ino != source.stat().st_ino
    assert source.stat().st_nlink == 1


def test_hard_link(root: Path, placer: Placer, source: Path) -> None:
    state = placer.place_file("data/a", str(source), link=Link.HARDLINK)
    assert (root / "data/a").stat().st_ino == source.stat().st_ino
    assert state == FileState.of(source.stat())
    assert source.stat().st_nlink == 2


def test_hard_link_with_another_permission_to_execute_is_a_copy(root: Path, placer: Placer, source: Path) -> None:
    placer.place_file("a", str(source), link=Link.HARDLINK, isexec=True)
    assert (root / "a").stat().st_ino != source.stat().st_ino
    assert mode(root / "a") == 0o750
    assert mode(source) == 0o444


def test_hard_link_that_is_impossible_is_a_copy(
    root: Path, placer: Placer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(placing.os, "link", link)
    placer.place_file("a", str(source), link=Link.HARDLINK)
    assert (root / "a").read_bytes() == DATA
    assert everything(root) == ["a"]
    with pytest.raises(ChangedMeanwhileError):
        placer.place_file("a", str(source))


def test_symbolic_link_leads_to_the_source_from_anywhere(root: Path, placer: Placer, source: Path) -> None:
    state = placer.place_file("data/sub/a", str(source), link=Link.SYMLINK)
    assert os.readlink(root / "data/sub/a") == str(source)
    assert state == FileState.of(source.stat())
    # As a scan sees it: what it leads to may be replaced by what belongs there.
    placer.place_file("data/sub/a", str(source), over=state)
    assert not (root / "data/sub/a").is_symlink()


def test_source_that_is_missing_is_an_error(root: Path, placer: Placer, tmp_path: Path) -> None:
    for link in Link:
        with pytest.raises(WorkspaceError, match="No such file"):
            placer.place_file("a", str(tmp_path / "missing"), link=link)
    assert everything(root) == []


def test_file_of_the_known_state_is_replaced(root: Path, placer: Placer) -> None:
    (root / "a").write_bytes(b"old")
    placer.place_bytes("a", [DATA], md5=MD5, over=FileState.of((root / "a").stat()))
    assert (root / "a").read_bytes() == DATA


@pytest.mark.parametrize("way", ["bytes", *Link])
def test_file_that_nobody_looked_at_stays(root: Path, placer: Placer, source: Path, way: Link | str) -> None:
    (root / "a").write_bytes(b"theirs")
    seen = FileState.of((root / "a").stat())
    for over in (None, FileState(seen.size, seen.mtime_ns, seen.ctime_ns - 1, seen.inode)):
        with pytest.raises(ChangedMeanwhileError, match="a is not what it was"):
            (
                placer.place_file("a", str(source), link=way, over=over)
                if isinstance(way, Link)
                else placer.place_bytes("a", [DATA], md5=MD5, over=over)
            )
    assert (root / "a").read_bytes() == b"theirs"
    assert everything(root) == ["a"]


def test_file_that_comes_in_the_last_moment_stays(root: Path, placer: Placer) -> None:
    def chunks() -> Iterator[bytes]:
        yield DATA
        (root / "a").write_bytes(b"theirs")

    with pytest.raises(ChangedMeanwhileError):
        placer.place_bytes("a", chunks(), md5=MD5)
    assert (root / "a").read_bytes() == b"theirs"
    assert everything(root) == ["a"]


def test_file_that_changes_in_the_last_moment_stays(root: Path, placer: Placer) -> None:
    (root / "a").write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield DATA
        (root / "a").write_bytes(b"theirs")

    with pytest.raises(ChangedMeanwhileError):
        placer.place_bytes("a", chunks(), md5=MD5, over=FileState.of((root / "a").stat()))
    assert (root / "a").read_bytes() == b"theirs"


def test_broken_link_in_the_way_is_replaced_only_on_demand(root: Path, placer: Placer) -> None:
    (root / "a").symlink_to("nowhere")
    with pytest.raises(ChangedMeanwhileError):
        placer.place_bytes("a", [DATA], md5=MD5)
    placer.place_bytes("a", [DATA], md5=MD5, over=ANYTHING)
    assert not (root / "a").is_symlink()


def test_link_is_replaced_and_not_written_through(root: Path, placer: Placer, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (root / "a").symlink_to(tmp_path / "precious")
    placer.place_bytes("a", [DATA], md5=MD5, over=ANYTHING)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (root / "a").read_bytes() == DATA


def test_directory_in_the_way_is_never_replaced(root: Path, placer: Placer) -> None:
    (root / "a").mkdir()
    with pytest.raises(WorkspaceError, match="is a directory"):
        placer.place_bytes("a", [DATA], md5=MD5, over=ANYTHING)


def test_file_where_a_directory_is_needed(root: Path, placer: Placer) -> None:
    (root / "data").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="data is a file, where a directory is needed"):
        placer.place_bytes("data/a", [DATA], md5=MD5)


@pytest.mark.parametrize("target", ["../outside", "/", "sub/../../outside"])
def test_link_that_leads_out_is_never_followed(root: Path, placer: Placer, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").mkdir()
    (root / "sub").mkdir()
    (root / "data").symlink_to(target)
    for action in (
        lambda: placer.place_bytes("data/x/a", [DATA], md5=MD5),
        lambda: placer.remove("data/a", expected=ANYTHING),
    ):
        with pytest.raises(WorkspaceError, match="leads out of the repository"):
            action()
    assert everything(tmp_path / "outside") == []


@pytest.mark.parametrize("target", ["real/deep", "link/deep", "../repository/real/deep"])
def test_link_that_stays_inside_is_followed(root: Path, placer: Placer, target: str) -> None:
    (root / "real/deep").mkdir(parents=True)
    (root / "link").symlink_to("real")
    (root / "data").symlink_to(target)
    placer.place_bytes("data/sub/a", [DATA], md5=MD5)
    assert (root / "real/deep/sub/a").read_bytes() == DATA


def test_link_to_itself_is_an_error(root: Path, placer: Placer) -> None:
    (root / "data").symlink_to("data")
    with pytest.raises(WorkspaceError):
        placer.place_bytes("data/a", [DATA], md5=MD5)


def test_path_with_two_dots_is_an_error(placer: Placer, root: Path) -> None:
    with pytest.raises(WorkspaceError, match="leads out"):
        placer.place_bytes("data/../../a", [DATA], md5=MD5)
    assert not (root.parent / "a").exists()


def test_root_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    with Placer(str(tmp_path / "alias")) as placer:
        placer.place_bytes("a", [DATA], md5=MD5)
    assert (root / "a").read_bytes() == DATA


def test_removing_takes_empty_directories_along(root: Path, placer: Placer) -> None:
    placer.place_bytes("data/sub/deep/a", [DATA], md5=MD5)
    state = placer.place_bytes("data/sub/b", [DATA], md5=MD5)
    placer.remove("data/sub/deep/a", expected=ANYTHING)
    assert everything(root) == ["data", "data/sub", "data/sub/b"]
    with pytest.raises(ChangedMeanwhileError):
        placer.remove("data/sub/b", expected=FileState(state.size, 0, 0, state.inode))
    placer.remove("data/sub/b", expected=state)
    assert everything(root) == []
    placer.remove("data/sub/b", expected=state)


def test_many_threads_place_in_one_new_directory(root: Path, placer: Placer) -> None:
    errors: list[Exception] = []

    def place(number: int) -> None:
        try:
            placer.place_bytes(f"data/sub/{number}", [DATA], md5=MD5)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=place, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(everything(root)) == 10


def test_sync_reaches_the_disk_or_says_that_it_did_not(placer: Placer, monkeypatch: pytest.MonkeyPatch) -> None:
    placer.sync()

    class FailingDisk:
        @staticmethod
        def syncfs(_descriptor: int) -> int:
            ctypes.set_errno(errno.EIO)
            return -1

    monkeypatch.setattr(placing, "_LIBC", FailingDisk)
    with pytest.raises(WorkspaceError, match="may not be on disk yet: Input/output error"):
        placer.sync()


def test_names_that_are_not_utf8(root: Path, placer: Placer) -> None:
    placer.place_bytes("d\udcff/n\udcfe", [DATA], md5=MD5)
    assert os.listdir(os.fsencode(root) + b"/d\xff") == [b"n\xfe"]


def test_no_descriptor_is_left_open(root: Path, placer: Placer, source: Path) -> None:
    (root / "link").symlink_to("real")
    (root / "real").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    placer.place_bytes("link/a/b/c", [DATA], md5=MD5)
    placer.place_file("link/x", str(source), link=Link.HARDLINK)
    with pytest.raises(ChangedMeanwhileError):
        placer.place_bytes("link/x", [DATA], md5=MD5)
    placer.remove("link/a/b/c", expected=ANYTHING)
    assert len(os.listdir("/proc/self/fd")) == before
