"""Real mounts of a fake commit: what the kernel asks, who waits for whom, and how a session ends."""

from __future__ import annotations

import signal
import sys

import pytest
from fake_server import SOON_S
from leftovers import wait_until

from cvfs.fuse.mountinfo import mounted_at

FILES = {"a": "alpha\n", "dir/b": "beta\n", "dir/deep/c": "gamma\n"}
MANY = 200

#: Reads each file that it is told, in as many threads, and prints how many bytes that were.
READ_ALL = """
import concurrent.futures, sys
read = lambda name: len(open(name, "rb").read())
with concurrent.futures.ThreadPoolExecutor(len(sys.argv)) as pool:
    print(sum(pool.map(read, sys.argv[1:])))
"""


def test_mount_shows_the_commit_and_refuses_writing(serve) -> None:
    server = serve(FILES)
    entry = mounted_at(str(server.top))
    assert (entry.filesystem, entry.source) == ("fuse.cvfs", "cvfs@" + "1234567890" * 4)
    assert {"ro", "nosuid", "nodev"} <= entry.options
    assert server.run("find", ".", "-type", "f").ok().stdout.split() == ["./a", "./dir/b", "./dir/deep/c"]
    assert server.run("cat", "a", "dir/b", "dir/deep/c").ok().stdout == "alpha\nbeta\ngamma\n"
    for command in (["touch", "new"], ["rm", "a"], ["mkdir", "d"], ["chmod", "+w", "a"], ["sh", "-c", "echo >a"]):
        assert "Read-only file system" in server.run(*command).stderr


def test_kernel_asks_once_and_believes_it_for_good(serve) -> None:
    server = serve(FILES)
    for _ in range(2):
        assert server.run("ls", "-lR", ".").ok()
        assert server.run("cat", "a", "dir/deep/c").ok()
        assert server.run("stat", "dir/nothing").returncode == 1
    counts = server.ask("counts")
    assert counts["read"] == 2  # one for each file: the second time its pages are there
    assert counts["lookup"] == 1  # for the name that is absent; the others came with the listing
    assert counts.get("getattr", 0) <= 1  # of the root


def test_file_of_unknown_size_is_read_to_its_end(serve) -> None:
    server = serve({"z": ""}, unsized=["mystery"], cold=["mystery"])
    assert server.run("cat", "mystery").ok().stdout == "size unknown\n"


def test_directory_without_a_listing_is_an_error_and_not_empty(serve) -> None:
    server = serve({"hidden/": "", "a": "1"})
    assert server.run("ls", ".").ok().stdout == "a\nhidden\n"
    assert "No data available" in server.run("ls", "hidden").stderr
    assert "No data available" in server.run("cat", "hidden/file").stderr


def test_failed_read_is_an_error_of_the_read_and_one_line_of_the_log(serve) -> None:
    server = serve(FILES, cold=["dir/b"], failing={"dir/b": "VersionNotFoundError"})
    assert "Stale file handle" in server.run("cat", "dir/b").stderr
    assert server.run("cat", "a").ok().stdout == "alpha\n"
    assert [line for line in server.log if "dir/b" in line and "ESTALE" in line] == server.log


def test_stalled_reads_hold_up_nothing_else(serve) -> None:
    slow = {f"slow/{number}": "x" * 100 for number in range(MANY)}
    fresh = {f"fresh/{number}": "y" * 5000 for number in range(30)}
    server = serve({**slow, **fresh}, cold=list(slow), held=list(slow))
    readers = server.start(sys.executable, "-c", READ_ALL, *slow)
    try:
        assert wait_until(lambda: server.ask("waiting") == MANY, SOON_S), server.ask("waiting")
        assert server.run("ls", "-lR", ".").ok().stdout.count("\n") > MANY
        assert server.run("stat", "-c", "%s", "slow/7").ok().stdout == "100\n"
        assert len(server.run("cat", *fresh).ok().stdout) == 5000 * 30
        assert readers.poll() is None
        server.ask("release")
        assert readers.communicate(timeout=SOON_S)[0] == b"%d\n" % (100 * MANY)
    finally:
        readers.kill()
        readers.communicate(timeout=SOON_S)


def test_reader_killed_while_it_waits_leaves_the_mount_as_it_was(serve) -> None:
    server = serve(FILES, cold=["dir/b"], held=["dir/b"])
    reader = server.start("cat", "dir/b")
    assert wait_until(lambda: server.ask("waiting") > 0, SOON_S)
    reader.kill()
    assert server.run("cat", "a").ok().stdout == "alpha\n"
    server.ask("release")
    reader.communicate(timeout=SOON_S)
    assert server.run("cat", "dir/b").ok().stdout == "beta\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_unmounts_an_idle_mount(serve, number: signal.Signals) -> None:
    server = serve(FILES)
    server.signal(number)
    assert server.ending() == "UNMOUNTED"
    assert not server.is_mounted()


def test_background_mount_survives_the_end_of_its_terminal(serve) -> None:
    server = serve(FILES, ignore_hangup=True)
    server.signal(signal.SIGHUP)
    assert server.run("cat", "a").ok().stdout == "alpha\n"
    server.signal(signal.SIGTERM)
    assert server.ending() == "UNMOUNTED"


def test_busy_mount_is_served_on_until_a_second_signal_and_is_dead_then(serve) -> None:
    server = serve(FILES)
    user = server.start("sh", "-c", "exec 3<a; echo; exec cat")
    assert user.stdout.read(1) == b"\n"
    try:
        server.signal(signal.SIGTERM)
        server.wait_for_log("is in use: it is served on")
        assert server.run("cat", "dir/b").ok().stdout == "beta\n"
        server.signal(signal.SIGTERM)
        assert server.ending() == "ABANDONED"
        assert "Transport endpoint is not connected" in server.shell.run("ls", server.top).stderr
        assert server.is_mounted()
    finally:
        user.kill()
        user.communicate(timeout=SOON_S)


def test_second_signal_unmounts_if_nobody_uses_the_mount_any_more(serve) -> None:
    server = serve(FILES)
    user = server.start("sh", "-c", "exec 3<a; echo; exec cat")
    assert user.stdout.read(1) == b"\n"
    server.signal(signal.SIGTERM)
    server.wait_for_log("is in use: it is served on")
    user.kill()
    user.communicate(timeout=SOON_S)
    server.signal(signal.SIGTERM)
    assert server.ending() == "UNMOUNTED"
    assert not server.is_mounted()


@pytest.mark.parametrize("lazily", [False, True])
def test_unmounting_from_outside_ends_the_session_and_its_downloads(serve, lazily: bool) -> None:
    server = serve(FILES, cold=["dir/b"], held=["dir/b"])
    reader = server.start("cat", "dir/b")
    assert wait_until(lambda: server.ask("waiting") > 0, SOON_S)
    reader.kill()
    root = server.shell.account.uid == 0
    program = ["umount"] if root else ["fusermount3", "-u"]
    flags = (["-l"] if root else ["-z"]) if lazily else []
    assert wait_until(lambda: server.shell.run(*program, *flags, server.top).returncode == 0, SOON_S)
    reader.communicate(timeout=SOON_S)
    assert server.ending() == "UNMOUNTED"


def test_mount_that_nobody_waits_for_is_taken_away_again(serve) -> None:
    server = serve(FILES, unwanted=True)
    assert server.process.stdout.read() == b""
    assert server.process.wait(SOON_S) == 1
    server.wait_for_log("MountError: nobody wants it")
    assert not server.is_mounted()
