"""What the kernel says about volumes."""

from __future__ import annotations

import os

import pytest

from cvfs.cache.volume import is_network, room

LINES = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /net rw shared:2 - nfs4 server:/export rw
31 30 0:41 / /net/local rw - tmpfs tmpfs rw
32 22 0:42 / /mnt/with\\040blank rw shared:3 master:1 - cifs //server/share rw
33 22 0:43 / /över rw - nfs server:/o rw
34 22 0:44 / /stacked rw - nfs server:/o rw
35 34 0:45 / /stacked rw - tmpfs tmpfs rw
"""


@pytest.fixture
def mountinfo(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(LINES, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/home/user", False),
        ("/net/data", True),
        ("/net", True),
        ("/network", False),
        ("/net/local/cache", False),
        ("/mnt/with blank/cache", True),
        ("/över/cache", True),
        ("/stacked/cache", False),
    ],
)
def test_network_file_systems_are_recognised(mountinfo, path, network):
    assert is_network(path, mountinfo) is network


def test_where_the_kernel_tells_nothing_the_answer_is_no(tmp_path):
    assert not is_network("/net", str(tmp_path / "missing"))
    (tmp_path / "strange").write_text("no fields\n")
    assert not is_network("/net", str(tmp_path / "strange"))


def test_this_machine_can_be_asked(tmp_path):
    assert is_network(str(tmp_path)) in {True, False}
    found = room(str(tmp_path))
    assert 0 <= found.free <= found.total
    assert found.total == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
