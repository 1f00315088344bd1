"""Let the kernel read further ahead than its default of 128 KiB, which holds back sequential reads of large files."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

#: Doubles to quintuples sequential reading through FUSE; more gains nothing (docs/benchmarks.md), and a program that
#: jumps about in a file would have more fetched that it never looks at.
READ_AHEAD_KIB = 1024


def raise_read_ahead(device: str) -> bool:
    """Set the read-ahead of the mount on ``device`` (``major:minor``); tell whether that was possible. Never blocks.

    Only root may. For others reads are correct and somewhat slower, so it is no more than a debug message.
    """
    setting = Path("/sys/class/bdi") / device / "read_ahead_kb"
    try:
        setting.write_text(str(READ_AHEAD_KIB), "ascii")
    except OSError as error:
        log.debug("read-ahead stays at the kernel's default: %s", error)
        return False
    return True
