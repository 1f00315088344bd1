"""The handlers of the kernel's requests, called without a kernel."""

from __future__ import annotations

import errno
import logging
import os

import pyfuse3
import pytest
import trio
from fakes.snapshots import FakeBlobs, FakeFetcher, FakeFile, FakeSnapshot

from cvfs.errors import AccessDeniedError, IntegrityError, VersionNotFoundError
from cvfs.filesystem import ROOT_INO, FileSystem, Presentation
from cvfs.fuse import operations as module
from cvfs.fuse.operations import FOREVER, Operations

FILES = {"a": b"hello", "unsized": FakeFile(b"text", sized=False), "dir/b": b"bb", "hidden/": b""}
CONTEXT = None


@pytest.fixture
def fetcher() -> FakeFetcher:
    return FakeFetcher(FakeSnapshot(FILES))


@pytest.fixture
def operations(fetcher: FakeFetcher) -> Operations:
    snapshot = FakeSnapshot(FILES)
    return Operations(FileSystem(snapshot, fetcher, FakeBlobs(snapshot), Presentation(uid=1, gid=2)))


def lookup(operations: Operations, name: bytes) -> pyfuse3.EntryAttributes:
    return trio.run(operations.lookup, ROOT_INO, name, CONTEXT)


def errno_from(handler, *arguments) -> int:
    with pytest.raises(pyfuse3.FUSEError) as caught:
        trio.run(handler, *arguments)
    return caught.value.errno


def test_entry_may_be_kept_for_good_and_is_no_hard_link(operations: Operations) -> None:
    entry = lookup(operations, b"a")
    assert (entry.st_nlink, entry.st_size, entry.st_uid, entry.st_gid) == (1, 5, 1, 2)
    assert entry.entry_timeout == entry.attr_timeout == FOREVER
    assert entry.st_mtime_ns == entry.st_ctime_ns == entry.st_atime_ns == FakeSnapshot.time * 10**9
    assert trio.run(operations.getattr, entry.st_ino, CONTEXT).__getstate__() == entry.__getstate__()


def test_absent_name_may_be_remembered_as_absent_for_good(operations: Operations) -> None:
    entry = lookup(operations, b"nothing")
    assert (entry.st_ino, entry.entry_timeout) == (0, FOREVER)


def test_nobody_can_say_what_is_absent_from_a_directory_without_a_listing(operations: Operations) -> None:
    hidden = lookup(operations, b"hidden").st_ino
    assert errno_from(operations.lookup, hidden, b"x", CONTEXT) == errno.ENODATA
    assert errno_from(operations.readdir, hidden, 0, None) == errno.ENODATA


def test_open_keeps_pages(operations: Operations) -> None:
    opened = trio.run(operations.open, lookup(operations, b"a").st_ino, os.O_RDONLY | os.O_NONBLOCK, CONTEXT)
    assert (opened.fh, opened.keep_cache, opened.direct_io) == (lookup(operations, b"a").st_ino, True, False)


def test_size_that_nobody_knows_is_asked_for_again_until_the_file_is_opened(operations: Operations) -> None:
    unsized = lookup(operations, b"unsized")
    assert (unsized.st_size, unsized.attr_timeout, unsized.entry_timeout) == (0, 0, FOREVER)
    assert not trio.run(operations.open, unsized.st_ino, os.O_RDONLY, CONTEXT).direct_io
    known = trio.run(operations.getattr, unsized.st_ino, CONTEXT)
    assert (known.st_size, known.attr_timeout) == (4, FOREVER)


def test_open_fails_where_the_size_cannot_be_learnt(operations: Operations, fetcher: FakeFetcher, caplog) -> None:
    fetcher.failures["unsized"] = VersionNotFoundError("gone")
    assert errno_from(operations.open, lookup(operations, b"unsized").st_ino, os.O_RDONLY, CONTEXT) == errno.ESTALE
    assert "gone" in caplog.text


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR])
def test_open_for_writing(operations: Operations, flags: int) -> None:
    assert errno_from(operations.open, lookup(operations, b"a").st_ino, flags, CONTEXT) == errno.EROFS


@pytest.mark.parametrize("cached", [True, False])
def test_read(operations: Operations, fetcher: FakeFetcher, cached: bool) -> None:
    fetcher.cached = {"a"} if cached else set()
    assert trio.run(operations.read, lookup(operations, b"a").st_ino, 1, 100) == b"ello"


@pytest.mark.parametrize("room", [1, 2, 4])
def test_readdir_stops_when_the_kernel_has_no_more_room_and_goes_on_there(
    operations: Operations, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    taken: list[tuple[bytes, int, int]] = []

    def reply(token, name, entry, following) -> bool:
        if len(taken) % room == 0 and token["full"]:
            return False
        taken.append((name, entry.st_ino, following))
        token["full"] = len(taken) % room == 0
        return True

    monkeypatch.setattr(module.pyfuse3, "readdir_reply", reply)
    offset, before = 0, -1
    while before != len(taken):
        before = len(taken)
        trio.run(operations.readdir, ROOT_INO, offset, {"full": False})
        offset = taken[-1][2]
    assert [name for name, _, _ in taken] == [b"a", b"unsized", b"dir", b"hidden"]
    assert all(ino == lookup(operations, name).st_ino for name, ino, _ in taken)


def test_statfs(operations: Operations) -> None:
    reply = trio.run(operations.statfs, CONTEXT)
    assert (reply.f_files, reply.f_bfree, reply.f_namemax, reply.f_bsize) == (3, 0, 255, 4096)


def test_extended_attributes(operations: Operations) -> None:
    assert errno_from(operations.getxattr, ROOT_INO, b"user.any", CONTEXT) == errno.ENODATA
    assert errno_from(operations.getxattr, ROOT_INO, b"system.posix_acl_access", CONTEXT) == errno.EOPNOTSUPP
    assert trio.run(operations.listxattr, ROOT_INO, CONTEXT) == []


def test_failed_read_says_in_one_line_what_where_and_which_version(
    operations: Operations, fetcher: FakeFetcher, caplog: pytest.LogCaptureFixture
) -> None:
    fetcher.failures["dir/b"] = VersionNotFoundError("the version is gone")
    directory = lookup(operations, b"dir").st_ino
    ino = trio.run(operations.lookup, directory, b"b", CONTEXT).st_ino
    for _ in range(2):  # the kernel asks twice
        assert errno_from(operations.read, ino, 0, 2) == errno.ESTALE
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    for part in ("dir/b", "store remote", "key dir/b", f"version v-{ino}", "ESTALE", "the version is gone"):
        assert part in line.getMessage()


def test_failures_of_several_files_in_turn_are_one_line_each(
    operations: Operations, fetcher: FakeFetcher, caplog: pytest.LogCaptureFixture
) -> None:
    inodes = [lookup(operations, name).st_ino for name in (b"a", b"unsized")]
    fetcher.failures = {"a": AccessDeniedError("refused"), "unsized": AccessDeniedError("refused")}
    for ino in inodes * 3:
        assert errno_from(operations.read, ino, 0, 2) == errno.EACCES
    assert len(caplog.records) == 2
    fetcher.failures["a"] = IntegrityError("other bytes")
    assert errno_from(operations.read, inodes[0], 0, 2) == errno.EIO
    assert len(caplog.records) == 3


def test_no_exception_escapes_and_a_bug_leaves_its_traceback(
    operations: Operations, fetcher: FakeFetcher, caplog: pytest.LogCaptureFixture
) -> None:
    fetcher.failures["a"] = ZeroDivisionError("a bug")
    assert errno_from(operations.read, lookup(operations, b"a").st_ino, 0, 2) == errno.EIO
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert errno_from(operations.getattr, 4711, CONTEXT) == errno.ENOENT


def test_forget_and_release_need_nothing(operations: Operations) -> None:
    for handler, argument in ((operations.forget, [(5, 1)]), (operations.release, 5), (operations.releasedir, 5)):
        assert trio.run(handler, argument) is None
