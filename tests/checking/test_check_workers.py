"""Threads that call, and that nobody waits for."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from cvfs.checking.workers import Workers


def test_results_and_errors_are_in_the_futures():
    workers = Workers(2)
    done = [workers.submit(lambda number=number: 10 // number) for number in (1, 2, 0)]
    assert [future.result(30) for future in done[:2]] == [10, 5]
    with pytest.raises(ZeroDivisionError):
        done[2].result(30)
    workers.stop()


def test_calls_are_made_at_the_same_time():
    workers = Workers(3)
    barrier = threading.Barrier(3)
    waiting = [workers.submit(lambda: barrier.wait(30)) for _ in range(3)]
    assert sorted(future.result(30) for future in waiting) == [0, 1, 2]
    workers.stop()


def test_what_was_not_begun_is_not_made_after_the_stop():
    workers = Workers(1)
    begun, go_on = threading.Event(), threading.Event()
    first = workers.submit(lambda: begun.set() or go_on.wait(30))
    assert begun.wait(30)
    second = workers.submit(lambda: pytest.fail("was made"))
    workers.stop()
    go_on.set()
    assert first.result(30) is True
    with pytest.raises(CancelledError):
        second.result(30)
    assert second.cancelled()


def test_the_process_ends_while_a_call_hangs():
    program = """
import threading
from concurrent.futures import CancelledError
from cvfs.checking.workers import Workers
workers, begun = Workers(1), threading.Event()
workers.submit(lambda: begun.set() or threading.Event().wait())
begun.wait()
workers.stop()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
