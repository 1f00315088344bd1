"""``cvfs pull`` in a process that stops for good at a moment: ``pull_main.py MOMENT TIMES ARGUMENT…``.

Whoever started it reads the moment's name from its output and then ends it. ``TIMES`` counts the calls up to it.
"""

from __future__ import annotations

import sys
import threading

import trio
from cvfs_cli.main import run

from cvfs.fetch.fetcher import Fetcher
from cvfs.workspace import placing
from cvfs.workspace.stat_cache import StatCache


def reached() -> bool:
    with LOCK:
        left[0] -= 1
        if left[0] == 0:
            print(MOMENT, flush=True)
        return left[0] <= 0


def stop_in(owner: type, name: str) -> None:
    inner = getattr(owner, name)

    def wrapper(*arguments, **options):
        if reached():
            threading.Event().wait()
        return inner(*arguments, **options)

    setattr(owner, name, wrapper)


def stop_reading(owner: type, *, first_piece: bool) -> None:
    inner = owner.read

    async def wrapper(self, content, offset, size):
        if (offset == 0) == first_piece and reached():
            await trio.sleep_forever()
        return await inner(self, content, offset, size)

    owner.read = wrapper


MOMENT, TIMES, *ARGUMENTS = sys.argv[1:]
LOCK = threading.Lock()
left = [int(TIMES)]
if MOMENT in ("before a file", "within a file"):
    stop_reading(Fetcher, first_piece=MOMENT == "before a file")
else:
    owner, name = {
        "before the name": (placing._Target, "_name_it"),
        "before the sync": (placing.Placer, "sync"),
        "before remembering": (StatCache, "record"),
        "before a removal": (placing.Placer, "remove"),
    }[MOMENT]
    stop_in(owner, name)
sys.exit(run(["pull", *ARGUMENTS]))
