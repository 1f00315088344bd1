"""Mount options."""

from __future__ import annotations

import pytest

from cvfs.errors import MountError
from cvfs.fuse.options import parse_options

RO, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8


def test_mounts_are_read_only_and_without_devices_and_setuid_by_default() -> None:
    options = parse_options("cvfs@abc", [])
    assert options.flags == RO | NOSUID | NODEV
    assert options.data == ["default_permissions"]


def test_what_the_user_says_wins_and_the_last_word_counts() -> None:
    assert parse_options("s", ["suid,noexec"]).flags == RO | NODEV | NOEXEC
    assert parse_options("s", ["suid", "nosuid , dev"]).flags == RO | NOSUID
    assert parse_options("s", ["ro,,"]).flags == RO | NOSUID | NODEV


@pytest.mark.parametrize("options", [parse_options("s", [], allow_other=True), parse_options("s", ["allow_other"])])
def test_allow_other(options) -> None:
    assert options.data == ["default_permissions", "allow_other"]


def test_writing_is_refused() -> None:
    with pytest.raises(MountError, match="rw is refused"):
        parse_options("s", ["nodev,rw"])


@pytest.mark.parametrize("given", ["fd=3", "user_id=0", "nonsense", "max_read=1,fsname=x"])
def test_unknown_options_are_refused_by_name(given: str) -> None:
    with pytest.raises(MountError, match=given.split(",", maxsplit=1)[0]):
        parse_options("s", [given])
