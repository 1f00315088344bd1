"""Keep the serving thread from being caught in a read of the FUSE connection.

pyfuse3 waits until the connection is readable, and then reads it without letting go of the interpreter. If the process
that had asked is killed in between, the kernel takes its request back, and the read waits for the next one, whenever
that is: meanwhile no thread runs, and no download goes on. (Killing processes that stat files in a loop does it within
seconds.) A signal ends such a read with EINTR, which pyfuse3 expects.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

#: How long everything may stand still in that case. Each alarm costs some microseconds.
_SECONDS = 0.2


@contextmanager
def interrupted_reads() -> Iterator[None]:
    """Interrupt system calls of the main thread every now and then, inside the context. Only in the main thread.

    Python itself repeats a call that was interrupted (PEP 475); what calls the kernel by itself sees EINTR.
    """
    before = signal.signal(signal.SIGALRM, _do_nothing)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _do_nothing(*_: object) -> None:
    """Handle a signal: that it arrives is all that it is for (one that is ignored would interrupt nothing)."""
