"""Start and command a process that serves a fake commit (``fake_server_main.py``) as one of the accounts."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from command import Outcome, Shell
from leftovers import Leftovers, fuse_mounts, remove, wait_until

HERE = Path(__file__).parent
#: For what takes a fraction of a second, on a machine that is busy with other things.
SOON_S = 30.0


@dataclasses.dataclass
class FakeServer:
    """A serving process and what it has logged; ``top`` is its mount."""

    process: subprocess.Popen[bytes]
    top: Path
    shell: Shell
    log: list[str] = dataclasses.field(default_factory=list)

    def run(self, *command: str) -> Outcome:
        """Run a program in the mount as the user who mounted it."""
        return self.shell.run(*command, cwd=self.top, bound=SOON_S)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        return self.shell.start(*command, cwd=self.top)

    def ask(self, command: str):
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_log(self, part: str, times: int = 1) -> None:
        assert wait_until(lambda: sum(part in line for line in self.log) >= times, SOON_S), self.log

    def ending(self) -> str:
        """Wait for the end of the process, and return how it says the session ended."""
        last = self.process.stdout.read().decode().split()[-1]
        assert self.process.wait(SOON_S) == 0
        return last

    def is_mounted(self) -> bool:
        return str(self.top) in fuse_mounts()


@contextlib.contextmanager
def serving(shell: Shell, top: Path, files: dict[str, str], **settings: object) -> Iterator[FakeServer]:
    """Serve ``files`` at ``top``; what is left of process and mount at the end is taken away."""
    top.mkdir()
    shell.account.own(top)
    variables = {**shell.variables, "PYTHONPATH": str(HERE.parent)}
    process = Shell(shell.account, variables).start(sys.executable, HERE / "fake_server_main.py", top)
    told = json.dumps({"files": files, **settings})
    process.stdin.write(f"{told}\n".encode())
    process.stdin.flush()
    server = FakeServer(process, top, shell)
    reader = threading.Thread(target=lambda: server.log.extend(line.decode() for line in process.stderr))
    reader.start()
    try:
        if not settings.get("unwanted"):
            assert process.stdout.readline() == b"ready\n", server.log
        yield server
    finally:
        process.kill()
        process.wait(SOON_S)
        remove(Leftovers(frozenset({str(top)} & set(fuse_mounts())), frozenset()))
        reader.join(SOON_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
