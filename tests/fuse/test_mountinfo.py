"""Lines of mountinfo."""

from __future__ import annotations

from cvfs.fuse.mountinfo import mounted_at, parse_mountinfo, read_mounts

TEXT = rb"""21 27 0:20 / /proc rw,relatime shared:5 - proc proc rw
42 27 0:39 / /mnt/with\040space\011tab\012line\134slash ro,nosuid,nodev,relatime - fuse.cvfs cvfs@abc123 ro,user_id=0
43 27 0:40 / /mnt/rclone rw shared:1 master:2 propagate_from:3 - fuse.rclone remote: rw
44 27 0:41 /sub /mnt/b\303\244r ro - fuse.cvfs cvfs@def456 ro
"""


def test_fields_of_a_line() -> None:
    proc, ours, rclone, other = parse_mountinfo(TEXT)
    assert (proc.mountpoint, proc.filesystem, proc.commit) == ("/proc", "proc", None)
    assert (ours.device, ours.commit) == ("0:39", "abc123")
    assert ours.options == {"ro", "nosuid", "nodev", "relatime"}
    assert (rclone.filesystem, rclone.source, rclone.commit) == ("fuse.rclone", "remote:", None)
    assert other.mountpoint == "/mnt/bär"


def test_escaped_characters_of_a_mount_point() -> None:
    assert parse_mountinfo(TEXT)[1].mountpoint == "/mnt/with space\ttab\nline\\slash"


def test_this_system() -> None:
    assert "/" in {entry.mountpoint for entry in read_mounts()}
    assert mounted_at("/proc").filesystem == "proc"
    assert mounted_at("/proc/no/such/mount") is None
