"""Which processes use a mount, as far as this user may see: working directories, programs and open files below it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: This is for a message: rather an incomplete list than a command that hangs on a machine with many processes.
_SECONDS = 2.0
_MOST = 5


@dataclass(frozen=True, slots=True)
class User:
    """One process and its name."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


def find_users(mountpoint: str) -> list[User]:
    """Name up to five processes that keep ``mountpoint`` busy. Blocking, for two seconds at most; no mount is asked."""
    deadline = time.monotonic() + _SECONDS
    users: list[User] = []
    for process in Path("/proc").iterdir():
        if len(users) == _MOST or time.monotonic() > deadline:
            break
        if process.name.isdigit() and any(_is_below(place, mountpoint) for place in _places(process)):
            with suppress(OSError):
                users.append(User(int(process.name), (process / "comm").read_text("utf-8", "replace").strip()))
    return users


def _places(process: Path) -> Iterator[str]:
    for link in ("cwd", "root", "exe"):
        with suppress(OSError):
            yield os.readlink(process / link)
    with suppress(OSError):
        for descriptor in os.listdir(process / "fd"):
            with suppress(OSError):
                yield os.readlink(process / "fd" / descriptor)


def _is_below(place: str, mountpoint: str) -> bool:
    return place == mountpoint or place.startswith(f"{mountpoint}/")
