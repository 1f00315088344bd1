"""Kill a push at every moment that matters, in processes of their own. A program, for ``test_push_killed.py``.

``python killing.py REPOSITORY STORE SCRATCH KILLS`` pushes copies of REPOSITORY and STORE, each killed (SIGKILL) at
another moment, and prints a JSON line for each kill: where it struck, and where the copies are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from cvfs.clone import open_clone
from cvfs.push import push
from cvfs.pushing import recording, root_push, uploading
from cvfs.pushing.journal import Journal
from cvfs.pushing.request import PushRequest
from cvfs.stores.local import LocalStore
from cvfs.workspace import hashing, replacing, stat_cache

#: What is struck right before and right after it happens. Each name is a phase of a push.
PLACES = {
    "hashing": (hashing, "_attempt"),
    "hashes remembered": (stat_cache.StatCache, "record"),
    "versioning asked": (uploading, "ensure_versioning"),
    "upload": (LocalStore, "put"),
    "copy": (LocalStore, "copy"),
    "journal": (Journal, "add"),
    "metafile": (root_push, "record"),
    "metafile replaced": (recording, "replace_file"),
    "metafile written": (replacing, "write_all"),
    "journal cleaned": (Journal, "forget"),
}


class Striker:
    """Counts the moments of this process, and kills it at one of them."""

    def __init__(self, strike_at: int, report: Path) -> None:
        self.moments = 0
        self._strike_at = strike_at
        self._report = report
        self._lock = threading.Lock()

    def watch(self) -> None:
        for phase, (owner, name) in PLACES.items():
            setattr(owner, name, self._watched(phase, getattr(owner, name)))

    def _watched(self, phase: str, function):
        def call(*arguments, **options):
            self._moment(f"before {phase}")
            try:
                return function(*arguments, **options)
            finally:
                self._moment(f"after {phase}")

        return call

    def _moment(self, phase: str) -> None:
        with self._lock:
            self.moments += 1
            if self.moments == self._strike_at:
                self._report.write_text(phase, encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)


def run_push(repository: Path, store: Path, striker: Striker) -> None:
    """Push, with the moments watched. One upload at a time, so that each moment comes again in another run."""
    striker.watch()
    with open_clone(os.environ, str(repository), [f"up.url={store}"]) as clone:
        push(clone, PushRequest(jobs=1))


def in_child(action) -> int:
    """Run ``action`` in a fork and return the status that it ended with."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        action()
        code = 0
    finally:
        os._exit(code)


def main(repository: Path, store: Path, scratch: Path, kills: int) -> None:
    def copies(number: int) -> tuple[Path, Path, Path]:
        place = scratch / str(number)
        shutil.copytree(repository, place / "repository", symlinks=True)
        shutil.copytree(store, place / "store")
        return place / "repository", place / "store", place / "report"

    first = copies(0)

    def count() -> None:
        striker = Striker(0, first[2])
        run_push(*first[:2], striker)
        first[2].write_text(str(striker.moments), encoding="utf-8")

    assert in_child(count) == 0
    total = int(first[2].read_text(encoding="utf-8"))
    assert total >= kills, f"there are {total} moments only"
    for number in range(1, kills + 1):
        place = copies(number)
        strike_at = 1 + (number - 1) * (total - 1) // (kills - 1)
        status = in_child(lambda place=place, at=strike_at: run_push(*place[:2], Striker(at, place[2])))
        assert status == signal.SIGKILL, f"moment {strike_at}: ended with {status}"
        print(json.dumps([place[2].read_text(encoding="utf-8"), str(place[0]), str(place[1])]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
