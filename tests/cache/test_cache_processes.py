"""Several processes on one cache, some of them killed: every byte is right, and the limit is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import cache_worker
import pytest
from cache_contents import key_of

from cvfs.cache.cache import Cache
from cvfs.cache.limits import Limits, Size

LIMIT = 1_000_000
HERE = Path(__file__).parent


def start(directory, seed, rounds):
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
    command = [sys.executable, str(HERE / "cache_worker.py"), str(directory), str(LIMIT), str(seed), str(rounds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def on_disk(directory):
    files = [path for path in Path(directory).rglob("*") if path.is_file() and path.parent.name != "v1"]
    return sum(path.stat().st_blocks * 512 for path in files)


@pytest.fixture
def open_cache(tmp_path):
    with ExitStack() as stack:

        def make():
            cache = Cache(str(tmp_path / "cache"), Limits(Size(LIMIT), Size(0)), geometry=cache_worker.GEOMETRY)
            stack.callback(cache.close)
            return cache

        yield make


def check_every_byte(cache):
    found = 0
    for number in range(cache_worker.CONTENTS):
        data = cache_worker.make(number)
        for at in range(0, len(data), cache_worker.GEOMETRY.block):
            part = cache.read(key_of(data), at, cache_worker.GEOMETRY.block, size=len(data))
            assert part in {None, data[at : at + cache_worker.GEOMETRY.block]}
            found += part is not None
    return found


def test_four_processes_share_a_cache_that_is_too_small_for_them(tmp_path, open_cache):
    workers = [start(tmp_path / "cache", seed, rounds=400) for seed in range(4)]
    for worker in workers:
        output, errors = worker.communicate(timeout=120)
        assert (worker.returncode, errors) == (0, "")
        assert output == "reading\n"
    cache = open_cache()
    assert check_every_byte(cache) > 0
    # Four writers with packs of a sixteenth of the limit, and pages that files use in part.
    assert on_disk(tmp_path / "cache") <= LIMIT * 1.5
    assert cache.usage().bytes <= LIMIT * 1.2
    data = b"one more"
    cache.put(key_of(data), data)
    cache.flush()
    assert cache.usage().bytes <= LIMIT


def test_processes_that_are_killed_while_writing_leave_no_wrong_byte(tmp_path, open_cache):
    for seed in range(6):
        worker = start(tmp_path / "cache", seed, rounds=0)
        assert worker.stdout.readline() == "reading\n"
        worker.send_signal(signal.SIGKILL)
        _, errors = worker.communicate(timeout=60)
        assert (worker.returncode, errors) == (-signal.SIGKILL, "")
        check_every_byte(open_cache())
    cache = open_cache()
    assert check_every_byte(cache) > 0
    for number in range(cache_worker.CONTENTS):
        data = cache_worker.make(number)
        cache.put(key_of(data), data)
        assert cache.read(key_of(data), 0, len(data)) == data
    assert cache.usage().bytes <= LIMIT * 1.2


def test_one_is_killed_and_the_others_go_on(tmp_path, open_cache):
    victim = start(tmp_path / "cache", 1, rounds=0)
    assert victim.stdout.readline() == "reading\n"
    workers = [start(tmp_path / "cache", seed, rounds=300) for seed in (2, 3)]
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=60)
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert (worker.returncode, errors) == (0, "")
    assert check_every_byte(open_cache()) > 0
