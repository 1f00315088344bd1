"""The list of mounts."""

from __future__ import annotations

import os
import signal
import stat

from leftovers import wait_until
from published import FILES, Published, has_ended

SOON_S = 30.0


def test_list_says_what_each_mount_is(published: Published) -> None:
    assert published.mounts() == []
    record = published.mount(revision="HEAD~1", max_cache_size="1G").ok()
    published.run("md5sum", "data/a", "data/deep/large").ok()
    (mount,) = published.mounts()
    assert (mount["mountpoint"], mount["commit"], mount["state"]) == (record.mountpoint, published.commit, "alive")
    assert mount["record"]["pid"] == record.pid
    assert mount["record"]["revision"] == "HEAD~1"
    assert mount["record"]["repository"] == str(published.repository.path)
    assert mount["cache"]["limit"] == 1 << 30
    enough = len(FILES["deep/large"])
    assert wait_until(lambda: published.mounts()[0]["cache"]["bytes"] >= enough, SOON_S)


def test_dead_mount_is_listed_as_dead(published: Published) -> None:
    record = published.mount().ok()
    os.kill(record.pid, signal.SIGKILL)
    assert wait_until(lambda: has_ended(record.pid), SOON_S)
    assert [mount["state"] for mount in published.mounts()] == ["dead"]


def test_mount_without_a_record_is_listed_all_the_same(published: Published) -> None:
    published.mount().ok()
    records = published.directory / ".cache" / "cvfs" / "mounts"
    for file in records.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.write_text("{")
    (mount,) = published.mounts()
    assert (mount["commit"], mount["state"], mount["record"]) == (published.commit, "alive", None)


def test_record_of_a_mount_that_is_gone_is_removed(published: Published) -> None:
    record = published.mount().ok()
    records = published.directory / ".cache" / "cvfs" / "mounts"
    (file,) = records.iterdir()
    text = file.read_text()
    assert published.unmount().error is None
    file.write_text(text)
    published.account.own(records)
    assert has_ended(record.pid)
    assert published.mounts() == []
    assert list(records.iterdir()) == []
