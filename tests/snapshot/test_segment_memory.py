"""Building and reading a segment takes memory for directories, not for files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: What the process may grow by between few and many files, in KiB: the sorter's cache and some slack, and a third of
#: what the rows' names, hashes and versions take in the file.
ALLOWED = 28 << 10

PROGRAM = """
import resource, sys
from cvfs.metafiles.records import FileRecord, OutRecord, Recorded, Source
from cvfs.model import Kind
from cvfs.snapshot.segment import Segment
from cvfs.snapshot.segment_writer import build_segment

def records(count):
    for n in range(count):
        # The widest there is in practice, so that few rows weigh a lot.
        entry = Recorded(f"{n:032x}", n, False, "up", f"{n:0200d}", f"{n:0200d}")
        yield FileRecord(0, f"d{n // 1000}/{n % 1000:0200d}", entry, n)
    yield OutRecord(0, "data", Kind.DIRECTORY, Recorded(), False, Source.REMOTE, None, 1)

def built(count):
    path = f"{sys.argv[1]}/{count}"
    build_segment(path, [records(count)])
    return path

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

built(2000)
before = peak()
path = built(100_000)
after = peak()
segment = Segment.open(path)
assert segment.totals(0)[0] == 100_000
print(after - before)
"""


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert os.stat(tmp_path / "100000").st_size > 3 * (ALLOWED << 10) // 2
    assert int(done.stdout) < ALLOWED
