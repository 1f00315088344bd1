"""A pull that is killed, interrupted or runs out of room leaves whole files, and the next one goes on."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pulled import NEW, OLD, Dataset, contents, md5, reasons, write

from cvfs.cache.cache import Cache
from cvfs.errors import AccessDeniedError, CvfsError, UnavailableError, WorkspaceError
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.local_copies import LocalCopies
from cvfs.model import Content
from cvfs.pulling.crew import Crew
from cvfs.pulling.orders import Order, OutPlan

MOMENTS = [
    ("before a file", 1),
    ("before a file", 4),
    ("within a file", 1),
    ("within a file", 2),
    ("before the name", 1),
    ("before the name", 3),
    ("before the name", 6),
    ("before the sync", 1),
    ("before remembering", 1),
    ("before a removal", 1),
]
HERE = Path(__file__).parent


@contextmanager
def started(moment: str, times: int, clone: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a pull and wait until it has stopped at its moment."""
    command = [sys.executable, HERE / "pull_main.py", moment, str(times), "-j", "4"]
    with subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            said: list[str] = []
            while moment not in said:
                line = process.stdout.readline().decode()
                assert line, f"it ended before that: {said}"
                said.append(line.strip())
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("moment", "times"), MOMENTS)
def test_killed_at_any_moment_the_next_one_goes_on(dataset: Dataset, moment: str, times: int) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    with started(moment, times, clone.path) as process:
        process.kill()
    left = {path: data for path, data in contents(clone).items() if ".cvfs-tmp-" not in path}
    assert all(data in (OLD.get(path), NEW.get(path)) for path, data in left.items())
    assert dataset.pull(clone).failures == []
    assert contents(clone) == NEW


def test_what_was_fetched_before_the_kill_is_not_fetched_again(dataset: Dataset) -> None:
    clone = dataset.clone()
    with started("before the sync", 1, clone.path) as process:
        process.kill()
    assert dataset.pull(clone).files["fetched"] == 0
    assert contents(clone) == NEW


@pytest.mark.parametrize(("moment", "times"), [("before a file", 2), ("within a file", 1)])
def test_interrupted_it_ends_at_once_and_cleans_up(dataset: Dataset, moment: str, times: int) -> None:
    clone = dataset.clone()
    with started(moment, times, clone.path) as process:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said.decode().splitlines()[-1]) == (130, "cvfs: interrupted")
    assert contents(clone).items() <= NEW.items()
    assert dataset.pull(clone).failures == []
    assert contents(clone) == NEW


def test_what_somebody_is_writing_is_no_leftover(dataset: Dataset) -> None:
    clone = dataset.clone()
    (clone.path / "data").mkdir()
    names = {f"{folder}.cvfs-tmp-{name}" for folder in ("", "data/") for name in ("left", "busy")}
    write(clone.path, dict.fromkeys(names, b"half"))
    holder = "import fcntl, sys; f = [open(n) for n in sys.argv[1:]]; [fcntl.flock(x, 2) for x in f]; print(); input()"
    busy = sorted(name for name in names if name.endswith("busy"))
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", holder, *busy], cwd=clone.path, stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        dataset.pull(clone)
        process.communicate(b"\n", timeout=30)
    assert contents(clone).keys() - NEW.keys() == set(busy)


@pytest.fixture
def volume(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    place = tmp_path / "volume"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(dataset: Dataset, volume: Path) -> None:
    clone = dataset.clone(str(volume / "clone"))
    pulled = dataset.pull(clone, jobs=1)
    assert reasons(pulled)["data/large"].endswith("No space left on device")
    assert contents(clone).items() <= NEW.items()
    assert "data/large" not in contents(clone)
    subprocess.run(["mount", "-o", "remount,size=64m", str(volume)], check=True)
    assert dataset.pull(clone).failures == []
    assert contents(clone) == NEW


def test_where_nothing_can_be_written_the_rest_is_pulled(dataset: Dataset, volume: Path) -> None:
    clone = dataset.clone()
    (clone.path / "data").mkdir()
    subprocess.run(["mount", "--bind", str(volume), str(clone.path / "data")], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(clone.path / "data")], check=True)
        pulled = dataset.pull(clone)
    finally:
        subprocess.run(["umount", str(clone.path / "data")], check=True)
    assert {path for path in NEW if path.startswith("data/")} == set(reasons(pulled))
    assert "Read-only file system" in reasons(pulled)["data/a"]
    assert pulled.added == ["model"]


class Told:
    """Notes how files ended."""

    def __init__(self) -> None:
        self.ended: list[CvfsError | None] = []

    def done(self, order: Order, *, fetched: bool) -> None:
        self.ended.append(None)

    def failed(self, order: Order, error: CvfsError) -> None:
        self.ended.append(error)


@pytest.fixture
def work(tmp_path: Path):
    """Have a crew of one bring 100 files, each of which ends as ``outcome`` of its number says."""
    cache = Cache(str(tmp_path / "cache"))

    def bring_all(outcome):
        out = OutPlan("data", is_directory=True, existed=False)
        orders = [
            Order(out, None, str(number), str(number), Content(1, md5(b"x"), None, None), False, None)
            for number in range(100)
        ]

        def bring(order: Order) -> bool:
            if (error := outcome(int(order.path))) is not None:
                raise error
            return True

        told = Told()
        crew = Crew(Fetcher(cache, None, LocalCopies([])), bring, told, 1)
        return told, crew.work(orders)

    yield bring_all
    cache.close()


def test_a_store_that_never_answers_is_given_up(work) -> None:
    told, (untried, reason) = work(lambda _number: UnavailableError("no answer"))
    assert len(told.ended) + untried == 100
    assert len(told.ended) == 20
    assert str(reason) == "no answer"


def test_a_store_that_answers_now_and_then_is_not_given_up(work) -> None:
    told, end = work(lambda number: UnavailableError("no answer") if number % 10 else None)
    assert (len(told.ended), end) == (100, (0, None))


def test_files_that_are_refused_stop_nobody(work) -> None:
    told, end = work(lambda _number: AccessDeniedError("refused"))
    assert (len(told.ended), end) == (100, (0, None))


def test_a_full_disk_ends_it(work) -> None:
    def full(number: int) -> CvfsError | None:
        if number < 3:
            return None
        error = WorkspaceError("no room")
        error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
        return error

    told, (untried, reason) = work(full)
    assert (len(told.ended), untried, str(reason)) == (4, 96, "no room")
