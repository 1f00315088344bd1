"""How people and programs see what lasts: bars on a terminal, else one line a file, or JSON where that is wanted."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import click

from cvfs.progress import Progress

from .bars import Bars
from .messages import printable

#: Values of TERM for terminals in which the cursor cannot be moved.
_CANNOT_DRAW = ("", "dumb", "unknown")


def watching(*, as_json: bool = False) -> AbstractContextManager[Progress]:
    """Watch the tasks of one command, and leave the terminal as it was, however the command ends.

    With ``as_json`` each finished file is an object on standard output: ``event`` ("file"), ``task``, ``path``,
    ``done`` (how many are) and ``of`` (how many there are, or null). Otherwise it all goes to standard error: bars if
    that is a terminal, else a line for each finished file.
    """
    return _watching(as_json)


@contextmanager
def _watching(as_json: bool) -> Iterator[Progress]:
    if as_json:
        yield _Lines(_tell_program)
    elif os.isatty(2) and os.environ.get("TERM", "") not in _CANNOT_DRAW:
        yield Bars()
    else:
        yield _Lines(_tell_people)


#: Verb, path, how many files are done, of how many.
_Teller = Callable[[str, str, int, int | None], None]


class _Lines:
    """A ``Progress`` of one line a file, in the order in which files are done."""

    def __init__(self, tell: _Teller) -> None:
        self._tell = tell
        self._lock = threading.Lock()

    @contextmanager
    def task(self, verb: str, files: int | None = None, size: int | None = None) -> Iterator[_Line]:  # noqa: ARG002
        """Tell of the files of a task."""
        yield _Line(self._tell, self._lock, verb, files)


class _Line:
    def __init__(self, tell: _Teller, lock: threading.Lock, verb: str, files: int | None) -> None:
        self._tell = tell
        self._lock = lock
        self._verb = verb
        self._files = files
        self._done = 0

    def advance(self, size: int) -> None:
        """Tell nobody of bytes."""

    def finished(self, path: str) -> None:
        """Tell of one more file."""
        with self._lock:
            self._done += 1
            # Nobody reads any more: that must not end an upload. Who prints the result will notice.
            with suppress(OSError):
                self._tell(self._verb, path, self._done, self._files)


def _tell_people(verb: str, path: str, done: int, files: int | None) -> None:
    click.echo(
        f"{verb} {printable(path)} ({done})" if files is None else f"{verb} {printable(path)} ({done}/{files})",
        err=True,
    )


def _tell_program(verb: str, path: str, done: int, files: int | None) -> None:
    sys.stdout.write(json.dumps({"event": "file", "task": verb, "path": path, "done": done, "of": files}) + "\n")
    sys.stdout.flush()
