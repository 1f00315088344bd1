"""Reads that hold the interpreter end. In a process of its own: one that hangs could not be stopped from within."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import ctypes, errno, os, signal
from cvfs.fuse.interruption import interrupted_reads

libc = ctypes.PyDLL(None, use_errno=True)  # unlike CDLL, it keeps the interpreter's lock
reading, writing = os.pipe()
before = signal.getsignal(signal.SIGALRM)
with interrupted_reads():
    for _ in range(3):
        assert libc.read(reading, ctypes.create_string_buffer(1), 1) == -1
        assert ctypes.get_errno() == errno.EINTR
assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
assert signal.getsignal(signal.SIGALRM) == before
"""


def test_read_that_nothing_ends_is_interrupted_again_and_again() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=30)
