"""What a test run may leave behind on the machine: mounts, and the processes that serve them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Set in the environment of a test run, and so of every process that it starts: daemons are found by it.
MARKER = "CVFS_TEST_RUN"

#: A daemon has this long to go away after its mount did.
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Mount points of cvfs and ids of its processes."""

    mounts: frozenset[str]
    processes: frozenset[int]

    def __sub__(self, known: Leftovers) -> Leftovers:
        return Leftovers(self.mounts - known.mounts, self.processes - known.processes)

    def __bool__(self) -> bool:
        return bool(self.mounts or self.processes)


NOTHING = Leftovers(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of the tests: its ``MARKER`` value and the directories below which its mounts are."""

    __test__ = False
    marker: str
    places: tuple[Path, ...]

    def mounts(self) -> frozenset[str]:
        """Return this run's mount points that are of type fuse.cvfs."""
        return frozenset(m for m in fuse_mounts() if any(m.startswith(f"{place}/") for place in self.places))

    def leftovers(self) -> Leftovers:
        """Return this run's mounts and daemons as they are now."""
        return Leftovers(self.mounts(), frozenset(_daemons(self.marker)))

    def left_since(self, known: Leftovers) -> Leftovers:
        """Return what is there beyond ``known`` after daemons that are ending have had the time to."""
        wait_until(lambda: not self.leftovers() - known, PATIENCE_S)
        return self.leftovers() - known


def wait_until(condition: Callable[[], bool], bound_s: float) -> bool:
    """Wait until ``condition`` holds, and tell whether it did within ``bound_s``."""
    deadline = time.monotonic() + bound_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def fuse_mounts() -> list[str]:
    """Return the mount points of all cvfs mounts on this machine."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            if after.startswith("fuse.cvfs "):
                found.append(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
    return found


def remove(leftovers: Leftovers) -> None:
    """Detach the mounts and kill the processes, so that one test's mess is not the next one's."""
    for process in leftovers.processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for mount in leftovers.mounts:
        command = ["umount", "-l", mount] if os.geteuid() == 0 else ["fusermount3", "-uz", mount]
        subprocess.run(command, check=False, capture_output=True, timeout=10)


def _daemons(marker: str) -> list[int]:
    sought = f"{MARKER}={marker}".encode()
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_cvfs(pid, sought)]


def _is_cvfs(pid: int, sought: bytes) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if not any(os.path.basename(argument) == b"cvfs" for argument in arguments[:3]):
            return False
        return sought in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
