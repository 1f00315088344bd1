"""/dev/fuse, opened to ordinary users for as long as tests run as one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

DEVICE = "/dev/fuse"


def complaint() -> str | None:
    """Say why nothing can be mounted here, or return None."""
    if not os.path.exists(DEVICE):
        return f"{DEVICE} is missing: load the kernel's fuse module, or give the container the device, to run this test"
    return None


@contextlib.contextmanager
def open_to_all() -> Iterator[None]:
    """Give every user access to the device, as on most machines; needs root.

    Test runs at the same time share a lock file, and the last one to leave restores the mode that the first one found.
    """
    path = Path(tempfile.gettempdir()) / f"cvfs-tests-fuse-device-{os.geteuid()}"
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+", encoding="ascii") as lock:
        if _alone(lock.fileno()):
            mode = stat.S_IMODE(os.stat(DEVICE).st_mode)
            lock.truncate(0)
            lock.write(f"{mode:o}")
            lock.flush()
            os.chmod(DEVICE, mode | 0o666)
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            yield
        finally:
            if _alone(lock.fileno()):
                lock.seek(0)
                os.chmod(DEVICE, int(lock.read(), 8))


def _alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
