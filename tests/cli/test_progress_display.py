"""What is seen of work that lasts: bars on a terminal, lines elsewhere, and a terminal left as it was."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from command import cvfs_program
from cvfs_cli.progress import watching

BOUND_S = 60.0
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of 120 columns that a program has for its standard error. What it shows is read all the time."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (24, 120))
        self.output = b""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # The last program that has it open closing it is an error here, after all that was written has been read.
        with suppress(OSError):
            while piece := os.read(self._ours, 65536):
                with self._changed:
                    self.output += piece
                    self._changed.notify_all()

    def wait_for(self, text: bytes) -> None:
        with self._changed:
            shown = self._changed.wait_for(lambda: text in _CONTROL.sub(b"", self.output), BOUND_S)
            assert shown, f"no {text!r} in {self.output!r}"

    def rest(self) -> bytes:
        """Return all that a program has shown which has ended."""
        self.close()
        return self.output

    def close(self) -> None:
        if self._reader.is_alive():
            os.close(self.theirs)
            self._reader.join(BOUND_S)
            os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


@contextmanager
def started(terminal: Terminal, *command: str | Path, cwd: Path | None = None, **env: str):
    pipe = subprocess.PIPE
    environment = {**os.environ, "TERM": "xterm", **env}
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=terminal.theirs, env=environment, cwd=cwd
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def watched(body: str) -> tuple[str, ...]:
    lines = ["import sys", "from cvfs_cli.progress import watching", "with watching() as progress:"]
    return (sys.executable, "-c", "\n".join([*lines, *(f"    {line}" for line in body.splitlines())]))


LASTING = """
with progress.task("uploading", 12, 4 << 20) as task:
    task.advance(1 << 20)
    task.finished("data/[red]x[/red] \\x1b]0;evil\\x07")
    sys.stdin.readline()
print("done")
"""


def test_bars_show_files_bytes_speed_and_the_name_made_safe(terminal: Terminal) -> None:
    with started(terminal, *watched(LASTING)) as process:
        terminal.wait_for(b"1/12 files 1.0 MiB/4.0 MiB")
        terminal.wait_for(b"iB/s")
        terminal.wait_for(b"data/[red]x[/red] \\x1b]0;evil\\x07")
        assert process.communicate(b"\n", timeout=BOUND_S)[0] == b"done\n"
    output = terminal.rest()
    assert b"\x1b]0;" not in output
    assert output.rindex(SHOW) > output.rindex(HIDE)
    # What was drawn is erased: the command's own words come next.
    assert b"\x1b[2K" in output[output.rindex(b"uploading") :]


@pytest.mark.parametrize("task", ["'fetching', 3", "'hashing'", "'hashing', 0, 0"])
def test_bars_of_unknown_extent(terminal: Terminal, task: str) -> None:
    with started(terminal, *watched(LASTING.replace('"uploading", 12, 4 << 20', task))) as process:
        terminal.wait_for(b"1.0 MiB")
        process.communicate(b"\n", timeout=BOUND_S)
        assert process.returncode == 0


def test_what_ends_at_once_is_not_seen(terminal: Terminal) -> None:
    body = "for number in range(100):\n    with progress.task('hashing', 1, 1) as task:\n        task.finished('a')"
    with started(terminal, *watched(body)) as process:
        process.communicate(timeout=BOUND_S)
        assert process.returncode == 0
    assert terminal.rest() == b""


def test_tasks_side_by_side_have_a_row_each(terminal: Terminal) -> None:
    body = (
        "with progress.task('hashing', 1), progress.task('uploading', 2):\n    sys.stdin.readline()\n"
        "with progress.task('fetching', 3):\n    sys.stdin.readline()"
    )
    with started(terminal, *watched(body)) as process:
        terminal.wait_for(b"uploading")
        assert b"hashing" in terminal.output
        process.stdin.write(b"\n")
        process.stdin.flush()
        terminal.wait_for(b"fetching")
        process.communicate(b"\n", timeout=BOUND_S)


@pytest.mark.parametrize("end", ["raise ValueError", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"])
def test_an_error_and_ctrl_c_give_the_terminal_back(terminal: Terminal, end: str) -> None:
    before = termios.tcgetattr(terminal.theirs)
    with started(
        terminal,
        *watched(LASTING.replace('print("done")', "").replace("sys.stdin.readline()", f"sys.stdin.readline(); {end}")),
    ) as process:
        terminal.wait_for(b"uploading")
        process.communicate(b"\n", timeout=BOUND_S)
        assert process.returncode != 0
    assert termios.tcgetattr(terminal.theirs) == before
    output = terminal.rest()
    assert output.rindex(SHOW) > output.rindex(HIDE)
    assert output.index(b"Traceback") > output.rindex(SHOW)


def test_ctrl_c_while_a_command_hashes(terminal: Terminal, make_repository: Callable, tmp_path: Path) -> None:
    repository = make_repository("repository")
    subprocess.run([cvfs_program(), "init"], cwd=repository.path, check=True, capture_output=True)
    with (repository.path / "huge").open("wb") as file:
        file.truncate(64 << 30)  # minutes of hashing, and no byte on the disk
    with started(terminal, cvfs_program(), "add", "huge", cwd=repository.path) as process:
        terminal.wait_for(b"hashing")
        terminal.wait_for(b"/64.0 GiB")
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_S) == 130
    output = terminal.rest()
    assert output.rindex(SHOW) > output.rindex(HIDE)
    assert b"interrupted" in output
    assert not (repository.path / "huge.dvc").exists()
    assert not (repository.path / ".gitignore").exists()


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_draw_gets_lines(terminal: Terminal, variables: dict[str, str]) -> None:
    body = "with progress.task('hashing', 1) as task:\n    task.finished('a')"
    with started(terminal, *watched(body), **variables) as process:
        process.communicate(timeout=BOUND_S)
    assert terminal.rest() == b"hashing a (1/1)\r\n"


def test_elsewhere_each_finished_file_is_a_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with watching() as progress:
        with progress.task("hashing", 2, 10) as task:
            task.advance(10)
            task.finished("a\n[b]")
        with progress.task("fetching") as task:
            task.finished("b")
        with progress.task("thinking"):
            pass
    captured = capfd.readouterr()
    assert captured.err == "hashing a\\n[b] (1/2)\nfetching b (1)\n"
    assert captured.out == ""


def test_as_json_each_finished_file_is_an_object(capfd: pytest.CaptureFixture[str]) -> None:
    with watching(as_json=True) as progress, progress.task("uploading", 2, 10) as task:
        task.finished("a\udcff\n")
        task.finished("b")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert [json.loads(line) for line in captured.out.splitlines()] == [
        {"event": "file", "task": "uploading", "path": "a\udcff\n", "done": 1, "of": 2},
        {"event": "file", "task": "uploading", "path": "b", "done": 2, "of": 2},
    ]


def test_threads_lose_no_count(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        for _ in range(500):
            task.advance(1)
            task.finished("x")

    with watching(as_json=True) as progress, progress.task("hashing", 4000) as task:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    done = [json.loads(line)["done"] for line in capfd.readouterr().out.splitlines()]
    assert done == list(range(1, 4001))


def test_nobody_reading_stops_no_work() -> None:
    body = "with progress.task('x') as task:\n    [task.finished('a' * 1000) for _ in range(1000)]\nprint('worked')"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(watched(body), stderr=write, stdout=subprocess.PIPE, timeout=BOUND_S, check=False)
    os.close(write)
    assert done.stdout == b"worked\n"
