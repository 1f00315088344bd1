"""Starts a server as a process of its own, in an environment of its own, and ends it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

#: A server that has not said where it listens by then never will.
PATIENCE_S = 60.0


@contextmanager
def running(command: Sequence[str], ready: str, directory: Path, **environment: str) -> Iterator[tuple[str, Path]]:
    """Run ``command`` until the block ends; give what the group in ``ready`` matched in its log, and the log's path.

    ``directory`` takes the log and is the server's home.
    """
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=_environment(directory, environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield _wait_for(re.compile(ready), log, process), log
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    kept = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


def _wait_for(ready: re.Pattern[str], log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while (found := ready.search(text := log.read_text("utf-8", "replace"))) is None:
        assert process.poll() is None, f"the server ended: {text}"
        assert time.monotonic() < deadline, f"the server is not ready: {text}"
        time.sleep(0.02)
    return found[1]
