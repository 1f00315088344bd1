"""Bars on a terminal: a row for each task that lasts, and nothing for one that ends at once.

Threading: tasks count from any thread; a thread of rich's draws. A display begins when a task has lasted for a moment,
and is erased when no task is left, so that what a command prints afterwards stands on lines of its own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .messages import printable
from .sizes import readable_size

#: What is over sooner is not worth a flicker.
_MOMENT_S = 0.4
_FRAMES_PER_SECOND = 10
#: The speed is that of the last few seconds.
_SPEED_OVER_S = 5.0
_BAR_COLUMNS = 24


class Bar:
    """What one task has done so far, and the row that shows it. Thread-safe."""

    def __init__(self, verb: str, files: int | None, size: int | None) -> None:
        self._verb = verb
        self._all_files = files
        self._all_bytes = size
        self._lock = threading.Lock()
        self._files = 0
        self._bytes = 0
        self._name = ""
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def advance(self, size: int) -> None:
        """Count bytes; a negative number takes some back."""
        with self._lock:
            self._bytes += size

    def finished(self, path: str) -> None:
        """Count one file that is done, and show its name."""
        with self._lock:
            self._files += 1
            self._name = path

    def row(self) -> tuple[RenderableType, ...]:
        """Draw the state of this moment: verb, bar, files, bytes, speed, time left, name."""
        with self._lock:
            files, size, name = self._files, self._bytes, self._name
        done, whole = (files, self._all_files) if self._counts_files() else (size, self._all_bytes)
        speed = self._speed(done)
        total = None if whole is None else float(max(whole, done, 1))
        return (
            Text(self._verb),
            ProgressBar(total=total, completed=done if whole != 0 else 1, width=_BAR_COLUMNS, pulse=whole is None),
            Text(_of(str(files), self._all_files, " files") if files or self._all_files else ""),
            Text(_of(readable_size(max(size, 0)), self._all_bytes, "") if size or self._all_bytes else ""),
            Text("" if speed <= 0 or self._counts_files() else f"{readable_size(int(speed))}/s"),
            Text(_duration((whole - done) / speed) if whole is not None and speed > 0 and whole > done else ""),
            Text(printable(name), overflow="ellipsis"),
        )

    def _counts_files(self) -> bool:
        return self._all_bytes is None and self._all_files is not None

    def _speed(self, done: int) -> float:
        now = time.monotonic()
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[0][0] < now - _SPEED_OVER_S:
            self._samples.popleft()
        since, before = self._samples[0]
        return (done - before) / (now - since) if now > since else 0.0


class Bars:
    """A ``Progress`` that draws on standard error, which is a terminal."""

    def __init__(self) -> None:
        # FORCE_COLOR and the like would make rich take a file for a terminal, or the other way round.
        self._console = Console(stderr=True, markup=False, highlight=False, force_terminal=True, force_interactive=True)
        self._lock = threading.Lock()
        #: Replaced as a whole and never changed, so that the drawing thread needs no lock.
        self._open: tuple[Bar, ...] = ()
        self._waiting: threading.Timer | None = None
        self._live: Live | None = None

    @contextmanager
    def task(self, verb: str, files: int | None = None, size: int | None = None) -> Iterator[Bar]:
        """Show a task until the context ends, if it lasts."""
        bar = Bar(verb, files, size)
        try:
            self._add(bar)
            yield bar
        finally:
            self._remove(bar)

    def _add(self, bar: Bar) -> None:
        with self._lock:
            self._open += (bar,)
            if self._live is None and self._waiting is None:
                self._waiting = threading.Timer(_MOMENT_S, self._begin)
                self._waiting.daemon = True
                self._waiting.start()

    def _remove(self, bar: Bar) -> None:
        with self._lock:
            self._open = tuple(other for other in self._open if other is not bar)
            if self._open:
                return
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _begin(self) -> None:
        with self._lock:
            if self._waiting is not threading.current_thread():
                return  # its tasks ended at this very moment
            self._waiting = None
            # Standard output may be a pipe: only what goes to the terminal itself has to make way for the bars.
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                refresh_per_second=_FRAMES_PER_SECOND,
                transient=True,
                redirect_stdout=False,
            )
            self._live.start(refresh=True)

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 1), expand=True)
        for _ in range(6):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, ratio=1)
        for bar in self._open:
            table.add_row(*bar.row())
        return Group(table)


def _of(done: str, whole: int | None, unit: str) -> str:
    if whole is None:
        return f"{done}{unit}"
    return f"{done}/{whole if unit else readable_size(whole)}{unit}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"
