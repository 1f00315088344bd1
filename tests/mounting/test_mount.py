"""Mounts of real commits: repository, index, cache and a store of versions, through ``cvfs.mount``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from accounts import Account
from command import Shell
from leftovers import fuse_mounts, wait_until
from published import FILES, Published, has_ended

from cvfs.fuse.mountinfo import mounted_at

#: For what takes a fraction of a second, on a machine that is busy with other things.
SOON_S = 30.0


def test_commit_is_there_with_its_old_bytes_when_the_command_returns(published: Published) -> None:
    answer = published.mount(revision="HEAD~1")
    record = answer.ok()
    assert answer.warnings == []
    top = published.directory / "mount"
    assert (record.mountpoint, record.commit, record.revision) == (str(top), published.commit, "HEAD~1")
    assert mounted_at(str(top)).source == f"cvfs@{published.commit}"
    for name, data in FILES.items():
        assert published.run("cat", f"data/{name}").ok().raw == data
    times = published.run("stat", "-c", "%Y %U", "data/a").ok().stdout.split()
    assert times[0] == published.git("show", "-s", "--format=%ct", published.commit)


def test_unmounting_ends_the_process_and_forgets_its_record(published: Published) -> None:
    record = published.mount().ok()
    assert not has_ended(record.pid)
    assert published.unmount().error is None
    assert has_ended(record.pid)
    assert not mounted_at(record.mountpoint)
    assert list((published.directory / ".cache" / "cvfs" / "mounts").iterdir()) == []


def test_two_commits_at_once(published: Published) -> None:
    published.mount().ok()
    published.mount(revision="HEAD", mountpoint=str(published.mountpoint("other"))).ok()
    assert published.run("cat", "data/a").ok().raw == FILES["a"]
    assert published.run("cat", "../other/data/a").ok().raw == b"later\n"


def test_subdirectory_owner_and_modes(published: Published) -> None:
    presentation = {"uid": 4711, "gid": 4712, "file_mode": 0o440, "dir_mode": 0o711, "subdir": "data/deep"}
    published.mount(presentation=presentation).ok()
    assert published.run("stat", "-c", "%u %g %a", "b", ".").ok().stdout == "4711 4712 440\n4711 4712 711\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_mount_in_the_foreground_ends_with_a_signal(published: Published, number: signal.Signals) -> None:
    process, answer = published.mount_in_foreground()
    try:
        assert answer.ok().pid == process.pid
        assert published.run("cat", "data/a").ok().raw == FILES["a"]
        os.kill(process.pid, number)
        output, errors = process.communicate(timeout=SOON_S)
        assert output == b"UNMOUNTED\n", errors
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate(timeout=SOON_S)


def test_dead_mount_is_replaced(published: Published) -> None:
    dead = published.mount().ok()
    os.kill(dead.pid, signal.SIGKILL)
    assert wait_until(lambda: "Transport endpoint is not connected" in published.run("ls").stderr, SOON_S)
    published.mount(revision="HEAD").ok()
    assert published.run("cat", "data/a").ok().raw == b"later\n"
    assert fuse_mounts().count(dead.mountpoint) == 1


def test_second_mount_at_the_same_place_is_refused_with_the_commit_that_is_there(published: Published) -> None:
    published.mount().ok()
    refused = published.mount(revision="HEAD")
    assert refused.error == "MountError"
    assert f"already is a mount of commit {published.commit}" in refused.message
    assert "cvfs umount" in refused.hint


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"revision": "no-such-branch"}, "RevisionError", "no-such-branch"),
        ({"repository": "/proc"}, "RepositoryError", "/proc"),
        ({"mountpoint": "/nowhere/at/all"}, "MountError", "does not exist"),
        ({"options": ["rw"]}, "MountError", "rw is refused"),
        ({"options": ["sparkling"]}, "MountError", "sparkling"),
        ({"presentation": {"subdir": "data/nothing"}}, "NotInSnapshotError", "data/nothing"),
        ({"presentation": {"subdir": "data/a"}}, "MountError", "data/a is a file"),
        ({"overrides": ["nonsense"]}, "ConfigError", "NAME.KEY=VALUE"),
        ({"max_cache_size": "much"}, "CacheError", "much"),
        ({"overrides": ["embedded.url=gopher://x/y"]}, "RemoteError", "gopher"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_mounted(
    published: Published, settings: dict, error: str, message: str
) -> None:
    answer = published.mount(**settings)
    assert answer.error == error
    assert message in answer.message
    assert not mounted_at(str(published.directory / "mount"))


def test_bad_metafile_is_a_warning_and_the_rest_is_mounted(published: Published) -> None:
    commit = published.commit_files({"broken.dvc": "outs: [", "evil.dvc": "outs:\n- {md5: x, path: ../../etc}\n"})
    answer = published.mount(revision=commit)
    answer.ok()
    assert len(answer.warnings) == 2
    assert any("broken.dvc:2" in warning for warning in answer.warnings)
    assert published.run("cat", "data/a").ok().raw == b"later\n"


def test_bad_metafile_is_fatal_with_strict(published: Published) -> None:
    commit = published.commit_files({"broken.dvc": "outs: ["})
    answer = published.mount(revision=commit, strict=True)
    assert answer.error == "MetafileError"
    assert "broken.dvc:2" in answer.message


def test_listing_needs_no_store_and_reading_says_in_the_log_what_is_missing(published: Published) -> None:
    gone = str(published.directory / "moved")
    answer = published.mount(overrides=[f"embedded.url={gone}"])
    answer.ok()
    assert any("cannot be read" in warning for warning in answer.warnings)
    assert published.run("ls", "-lR", ".").ok()
    assert published.run("cat", "data/a").returncode == 1
    (line,) = [line for line in log_of(published) if "reading 'data/a'" in line]
    assert "store embedded, key data/a, version " in line


@pytest.mark.parametrize(
    ("change", "errno", "name"),
    [
        ("s/version_id: .*/version_id: 99999999999999999999999999/", "Stale file handle", "ESTALE"),
        ("/cloud:/,/version_id:/d", "No data available", "ENODATA"),
        ("s/md5: [0-9a-f]*/md5: 00000000000000000000000000000000/", "Input/output error", "EIO"),
    ],
)
def test_what_cannot_be_read_fails_with_its_own_errno(published: Published, change: str, errno: str, name: str) -> None:
    metafile = published.repository.path / "data.dvc"
    text = published.shell.run("sed", "-e", change, metafile).ok().stdout
    commit = published.commit_files({"data.dvc": text})
    published.mount(revision=commit).ok()
    assert errno in published.run("cat", "data/a").stderr
    assert [line for line in log_of(published) if "data/a" in line and name in line]


def test_what_git_holds_is_read_from_git(published: Published) -> None:
    files = {
        "dvc.yaml": "stages: {train: {cmd: x, metrics: [{metrics.json: {cache: false}}]}}\n",
        "dvc.lock": "schema: '2.0'\nstages: {train: {cmd: x, outs: [{path: metrics.json, hash: md5, md5: "
        "5d41402abc4b2a76b9719d911017c592, size: 5}]}}\n",
        "metrics.json": "hello",
    }
    published.mount(revision=published.commit_files(files)).ok()
    assert published.run("cat", "metrics.json").ok().stdout == "hello"


def test_cache_of_one_mount_serves_the_next_one_without_a_store(published: Published) -> None:
    published.mount().ok()
    published.run("md5sum", *(f"data/{name}" for name in FILES)).ok()
    assert published.unmount().error is None
    (published.directory / "store").rename(published.directory / "away")
    published.mount().ok()
    for name, data in FILES.items():
        assert published.run("cat", f"data/{name}").ok().raw == data


def log_of(published: Published) -> list[str]:
    return Path(published.directory / "log").read_text().splitlines()


def test_other_users_see_the_mount_only_if_asked_for_and_allowed(published: Published) -> None:
    somebody_else = Shell(
        Account("other", 4711, 4711, published.directory, ("setpriv", "--reuid=4711", "--clear-groups"))
    )
    published.mount().ok()
    assert "Permission denied" in somebody_else.run("ls", published.directory / "mount").stderr
    assert published.unmount().error is None
    answer = published.mount(allow_other=True)
    if published.account.uid == 0:
        answer.ok()
        assert somebody_else.run("cat", published.directory / "mount" / "data" / "a").ok().raw == FILES["a"]
    else:
        assert answer.error == "MountError"
        assert "user_allow_other in /etc/fuse.conf" in answer.hint
