"""Taking mounts away: idle, busy, dead, lazily, and what is no mount of ours."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from leftovers import wait_until
from published import Published, has_ended

from cvfs.fuse.mountinfo import mounted_at

SOON_S = 30.0


@contextmanager
def user_of(published: Published) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a file of the mount open in a process."""
    top = published.directory / "mount"
    process = published.shell.start("sh", "-c", "exec 3<data/a; echo; exec cat", cwd=top)
    assert process.stdout.read(1) == b"\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=SOON_S)


def test_idle_mount(published: Published) -> None:
    record = published.mount().ok()
    assert published.unmount().error is None
    assert has_ended(record.pid)
    assert mounted_at(record.mountpoint) is None
    assert list((published.directory / ".cache" / "cvfs" / "mounts").iterdir()) == []


def test_busy_mount_is_left_alone_and_its_user_named(published: Published) -> None:
    record = published.mount().ok()
    with user_of(published) as user:
        refused = published.unmount()
        assert refused.error == "BusyError"
        assert f"cat ({user.pid})" in refused.message
        assert "-z" in refused.hint
        assert published.run("cat", "data/a").ok().stdout == "alpha\n"
    assert published.unmount().error is None
    assert has_ended(record.pid)


def test_busy_mount_goes_lazily_and_its_process_ends_with_the_last_user(published: Published) -> None:
    record = published.mount().ok()
    with user_of(published):
        assert published.unmount(lazy=True).error is None
        assert mounted_at(record.mountpoint) is None
        assert not has_ended(record.pid)
    assert wait_until(lambda: has_ended(record.pid), SOON_S)


def test_dead_mount_is_cleaned_up_even_while_somebody_has_it_open(published: Published) -> None:
    record = published.mount().ok()
    with user_of(published):
        os.kill(record.pid, signal.SIGKILL)
        assert wait_until(lambda: has_ended(record.pid), SOON_S)
        assert published.unmount().error is None
        assert mounted_at(record.mountpoint) is None


def test_dead_mount_without_a_record(published: Published) -> None:
    record = published.mount().ok()
    os.kill(record.pid, signal.SIGKILL)
    assert wait_until(lambda: has_ended(record.pid), SOON_S)
    for file in (published.directory / ".cache" / "cvfs" / "mounts").iterdir():
        file.unlink()
    assert published.unmount().error is None
    assert mounted_at(record.mountpoint) is None


def test_what_is_no_mount_of_ours_is_left_alone(published: Published) -> None:
    assert "nothing is mounted" in published.unmount().message
    assert "nothing is mounted" in published.unmount(mountpoint=published.directory / "missing").message
    other = published.unmount(mountpoint="/proc")
    assert other.error == "MountError"
    assert "not a mount of cvfs but of type proc" in other.message
