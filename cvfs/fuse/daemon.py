"""Run a piece of work in the background, and wait until it says that it is ready, or why it is not.

Two forks: the worker is not a child of the caller, who may live on and would have to reap it; a keeper between the two
waits for the worker until it is ready, so that even the end of a worker that is killed is explained. Fork before there
are threads, network clients or databases: they do not survive it.

The worker reports in lines of JSON over a pipe: ``{"event": "started" | "warning" | "ready" | "error" | "died", …}``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, NoReturn

from cvfs import errors
from cvfs.errors import CvfsError, MountError

log = logging.getLogger(__name__)


class Reporter:
    """The worker's end of the pipe. Every method raises MountError when the caller is gone."""

    def __init__(self, descriptor: int) -> None:
        self._pipe: IO[str] = os.fdopen(descriptor, "w", encoding="ascii")

    def started(self) -> None:
        """Tell the caller which process it is waiting for."""
        self._tell({"event": "started", "pid": os.getpid()})

    def warning(self, text: str) -> None:
        """Pass on a warning."""
        self._tell({"event": "warning", "text": text})

    def ready(self, info: Mapping[str, object]) -> None:
        """Let the caller go on. Nothing can be reported afterwards."""
        self._tell({"event": "ready", "info": dict(info)})
        self._pipe.close()

    def failed(self, error: CvfsError) -> None:
        """Let the caller raise ``error``."""
        self._tell({"event": "error", "class": type(error).__name__, "message": error.message, "hint": error.hint})

    def died(self, code: int) -> None:
        """Tell how the worker ended, as waitstatus_to_exitcode puts it."""
        self._tell({"event": "died", "code": code})

    @property
    def is_over(self) -> bool:
        """Tell whether the worker has been ready, and the caller no longer listens."""
        return self._pipe.closed

    def _tell(self, message: Mapping[str, object]) -> None:
        try:
            self._pipe.write(json.dumps(message) + "\n")
            self._pipe.flush()
        except BrokenPipeError as error:
            raise MountError("whoever asked for the mount is gone") from error


def start(
    work: Callable[[Reporter], int], on_warning: Callable[[str], None], log_file: str | None = None
) -> dict[str, Any]:
    """Run ``work`` in the background and return what it reported as ready. Blocking until then.

    ``work`` gets a reporter, tells it when it is ready, and returns the exit code of its process. It runs in a session
    of its own, with standard output and error going to ``log_file``.

    Raises:
        CvfsError: what ``work`` raised before it was ready.
        MountError: it raised something else, or its process ended.
    """
    reading, writing = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(reading)
        _keep(work, writing, log_file)
    os.close(writing)
    try:
        with os.fdopen(reading, "r", encoding="ascii") as reports:
            return _follow(reports, on_warning, log_file)
    finally:
        with suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)


def _follow(reports: IO[str], on_warning: Callable[[str], None], log_file: str | None) -> dict[str, Any]:
    worker = 0
    try:
        for line in reports:
            match json.loads(line):
                case {"event": "started", "pid": int(pid)}:
                    worker = pid
                case {"event": "warning", "text": str(text)}:
                    on_warning(text)
                case {"event": "ready", "info": dict(info)}:
                    return info
                case {"event": "error", "class": str(name), "message": str(message), "hint": hint}:
                    raise getattr(errors, name, MountError)(message, hint=hint)
                case {"event": "died", "code": int(code)}:
                    raise _death(code, log_file)
    except KeyboardInterrupt:
        if worker:
            os.kill(worker, signal.SIGTERM)
        raise
    raise MountError("the mount was not made: its process and its keeper ended without a word")


def _death(code: int, log_file: str | None) -> MountError:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    hint = f"see {log_file}" if log_file else "mount with --foreground to see more"
    return MountError(f"the process behind the mount {how} before the mount was there", hint=hint)


def _keep(work: Callable[[Reporter], int], writing: int, log_file: str | None) -> NoReturn:
    """Be the process in between: start the worker, wait for its end, and report it."""
    code = 1
    try:
        os.setsid()
        worker = os.fork()
        reporter = Reporter(writing)
        if worker == 0:
            code = _work(work, reporter, log_file)
        else:
            _, status = os.waitpid(worker, 0)
            reporter.died(os.waitstatus_to_exitcode(status))
    finally:
        # Not sys.exit: what the caller has on its stack and in its buffers is not for a copy of it to run or write.
        os._exit(code)


def _work(work: Callable[[Reporter], int], reporter: Reporter, log_file: str | None) -> int:
    code = 1
    try:
        reporter.started()
        _leave_terminal(log_file)
        code = work(reporter)
    except Exception as error:
        if not isinstance(error, CvfsError):
            log.exception("unexpected error")
            error = MountError(f"unexpected {type(error).__name__}: {error}", hint="this is a bug in cvfs: report it")
        if reporter.is_over:
            log.exception("the process behind the mount failed")
        else:
            reporter.failed(error)
    finally:
        logging.shutdown()
    return code


def _leave_terminal(log_file: str | None) -> None:
    """Let go of the terminal and its hang-ups."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    output = null
    if log_file is not None:
        try:
            output = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise MountError(f"the log file {log_file} cannot be written: {error.strerror}") from error
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in {null, output}:
        os.close(descriptor)
