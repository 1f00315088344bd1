"""Work in the background: what its caller learns, whatever becomes of it. Each case has an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from leftovers import wait_until

#: Runs the body of ``work`` in the background, and prints what the caller saw of it.
CALLER = """
import json, logging, os, signal, sys, time
from cvfs import errors
from cvfs.errors import CvfsError
from cvfs.fuse.daemon import start

def work(reporter):
{body}
    return 0

seen = {{"caller": os.getpid(), "session": os.getsid(0), "warnings": []}}
try:
    seen["info"] = start(work, seen["warnings"].append, {log_file!r})
except CvfsError as error:
    seen |= {{"error": type(error).__name__, "message": error.message, "hint": error.hint}}
try:
    os.waitpid(-1, os.WNOHANG)
    seen["children"] = True
except ChildProcessError:
    seen["children"] = False
print(json.dumps(seen))
"""


def run(body: str, log_file: Path | None = None) -> dict:
    program = CALLER.format(body=textwrap.indent(textwrap.dedent(body), "    "), log_file=log_file and str(log_file))
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def is_gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


def test_caller_gets_what_the_work_reports_and_the_work_goes_on() -> None:
    seen = run(
        """
        reporter.warning("first")
        reporter.warning("zweite, with \\udcff in it")
        reporter.ready({"pid": os.getpid(), "session": os.getsid(0), "parent": os.getppid()})
        time.sleep(60)
        """
    )
    worker = seen["info"]["pid"]
    assert not is_gone(worker)
    os.kill(worker, 9)
    assert seen["warnings"] == ["first", "zweite, with \udcff in it"]
    assert seen["info"]["session"] not in {seen["session"], worker}
    assert seen["caller"] not in {seen["info"]["parent"], worker}
    assert not seen["children"]
    assert wait_until(lambda: is_gone(worker), 10)


def test_error_of_cvfs_is_raised_in_the_caller() -> None:
    seen = run("raise errors.RevisionError('no such commit', hint='git fetch')")
    assert (seen["error"], seen["message"], seen["hint"]) == ("RevisionError", "no such commit", "git fetch")
    assert not seen["children"]


def test_any_other_error_is_a_mount_error_and_its_traceback_is_in_the_log_file(tmp_path: Path) -> None:
    seen = run("logging.basicConfig(); 1 / 0", tmp_path / "log")
    assert (seen["error"], seen["message"]) == ("MountError", "unexpected ZeroDivisionError: division by zero")
    assert "Traceback" in (tmp_path / "log").read_text()


def test_silent_end_is_told_with_its_signal_or_exit_code_and_the_log_file(tmp_path: Path) -> None:
    killed = run("os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "log")
    assert killed["error"] == "MountError"
    assert "ended by SIGKILL" in killed["message"]
    assert str(tmp_path / "log") in killed["hint"]
    left = run("os._exit(3)")
    assert "ended with exit code 3" in left["message"]
    assert "--foreground" in left["hint"]
    forgot = run("pass")
    assert "ended with exit code 0" in forgot["message"]


def test_output_goes_to_the_log_file_and_never_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    run("os.write(1, b'out\\n'); os.write(2, b'err\\n'); assert os.read(0, 1) == b''; reporter.ready({})", log)
    assert wait_until(lambda: log.read_text() == "before\nout\nerr\n", 10)


def test_log_file_that_cannot_be_written(tmp_path: Path) -> None:
    seen = run("reporter.ready({})", tmp_path / "missing" / "log")
    assert seen["error"] == "MountError"
    assert "missing/log cannot be written" in seen["message"]


def test_failure_after_being_ready_is_nobodys_to_hear_but_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    seen = run("logging.basicConfig(); reporter.ready({'a': 1}); raise errors.CacheError('disk on fire')", log)
    assert seen["info"] == {"a": 1}
    assert wait_until(lambda: "disk on fire" in log.read_text(), 10)


def test_work_ends_when_its_caller_is_killed_before_it_was_ready(tmp_path: Path) -> None:
    told = tmp_path / "told"
    body = f"""
    with open({str(told)!r}, "w") as file:
        print(os.getpid(), os.getppid(), file=file)
    os.kill(int(os.environ["CALLER"]), signal.SIGKILL)
    while True:
        reporter.warning("are you there?")
    """
    program = CALLER.format(body=textwrap.indent(textwrap.dedent(body), "    "), log_file=None)
    program = f"import os; os.environ['CALLER'] = str(os.getpid())\n{program}"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)
    assert done.returncode == -9
    worker, keeper = map(int, told.read_text().split())
    assert wait_until(lambda: is_gone(worker) and is_gone(keeper), 10)
