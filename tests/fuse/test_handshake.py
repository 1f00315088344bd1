"""The limits in the answer to the kernel's first request. That the kernel takes them is for the mount tests."""

from __future__ import annotations

import errno
import struct

import pytest

from cvfs.errors import MountError
from cvfs.fuse.handshake import CONGESTION_THRESHOLD, MAX_BACKGROUND, with_limits

#: fuse_out_header, then fuse_init_out of protocol 7.31 up to max_pages and its padding.
ANSWER = struct.pack("=IiQIIIIHHIIHHI28x", 80, 0, 2, 7, 31, 131072, 0x40410039, 0, 0, 1 << 20, 1, 256, 0, 0)


def test_only_the_limits_change() -> None:
    changed = with_limits(ANSWER)
    assert struct.unpack_from("=HH", changed, 32) == (MAX_BACKGROUND, CONGESTION_THRESHOLD)
    assert changed[:32] + changed[36:] == ANSWER[:32] + ANSWER[36:]
    assert CONGESTION_THRESHOLD < MAX_BACKGROUND


def test_a_thousand_stalled_readers_are_not_too_many() -> None:
    assert CONGESTION_THRESHOLD >= 1024


def test_an_error_and_a_short_answer_are_no_session() -> None:
    with pytest.raises(MountError, match="Protocol error"):
        with_limits(struct.pack("=IiQ28x", 44, -errno.EPROTO, 2))
    with pytest.raises(MountError, match="no usable answer"):
        with_limits(b"")
