"""Runs git so that nothing a repository brings with it is executed, and turns its complaints into our errors.

Only plumbing that knows no pager, filter, editor or signature program is run; what could still start a program
(the monitor of the work tree, hooks, a transport that fetches what is missing) is switched off here, in one place.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, cast

from cvfs.errors import RepositoryError

#: Variables that say which repository git works on. They are set in hooks, and would beat the path that the user names.
LOCATING = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

#: A commit id stands for what was committed, so replacement objects are ignored. No protocol is allowed, so that not
#: even a git that does not know GIT_NO_LAZY_FETCH runs the transport or the upload-pack that a repository names.
QUIET = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}

#: A commit's tree may have paths that pathspecs would take for magic; hooks and the file-system monitor are programs.
SAFE = ("--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")

_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


class GitTimeoutError(RepositoryError):
    """A git command did not end in time."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a git command ended: its exit code, its output, and its complaints as text without secrets."""

    code: int
    output: bytes
    complaint: str

    @property
    def last_line(self) -> str:
        """Return the first ``fatal:`` or ``error:`` line, without that word; else the last line."""
        lines = [line.strip() for line in self.complaint.splitlines() if line.strip()]
        for line in lines:
            for word in ("fatal: ", "error: "):
                if line.startswith(word):
                    return line.removeprefix(word)
        return lines[-1] if lines else f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Git:
    """The git command at one place. ``where`` are the options that name the place. Every method blocks.

    ``literal`` off is for commands that refuse literal pathspecs; a leading ``./`` then keeps a path from being magic.
    """

    environment: Mapping[str, str]
    where: tuple[str | bytes, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    literal: bool = True

    def run(self, *arguments: str | bytes, stdin: bytes = b"", timeout: float | None = None) -> Finished:
        """Run git to its end, whatever its exit code.

        Raises:
            RepositoryError: git cannot be started.
            GitTimeoutError: it did not end within ``timeout`` seconds.
        """
        try:
            done = subprocess.run(
                self._command(arguments),
                input=stdin,
                capture_output=True,
                check=False,
                env=self._environment(),
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise GitTimeoutError(f"git {_name(arguments)} did not end within {timeout:g} seconds") from error
        except OSError as error:
            raise _cannot_start(error) from error
        return Finished(done.returncode, done.stdout, scrub(done.stderr))

    def check(self, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
        """Run git and return its output. Raises RepositoryError with git's own words where it fails."""
        done = self.run(*arguments, stdin=stdin)
        if done.code != 0:
            raise failed(arguments, done)
        return done.output

    @contextmanager
    def talk(self, *arguments: str | bytes) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Run git and give its input and output to write and read meanwhile.

        Raises:
            RepositoryError: git cannot be started, or failed, and the body of the ``with`` ended or broke its pipe.
        """
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    self._command(arguments),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    env=self._environment(),
                    bufsize=0,  # a write that failed must not be tried again when the pipe is closed
                )
            except OSError as error:
                raise _cannot_start(error) from error
            assert process.stdin is not None
            assert process.stdout is not None
            broken = None
            with process, io.BufferedReader(cast("io.RawIOBase", process.stdout)) as output:
                try:
                    yield process.stdin, output
                    process.stdin.close()
                except (BrokenPipeError, EOFError) as error:
                    broken = error
                except BaseException:
                    process.kill()
                    raise
            if broken or process.returncode != 0:
                complaints.seek(0)
                done = Finished(process.returncode, b"", scrub(complaints.read()))
                raise failed(arguments, done) from broken

    def _command(self, arguments: Sequence[str | bytes]) -> list[str | bytes]:
        safe = SAFE if self.literal else [word for word in SAFE if word != "--literal-pathspecs"]
        return ["git", *safe, *self.where, *arguments]

    def _environment(self) -> dict[str, str]:
        return {**self.environment, **QUIET, **self.overrides}


def failed(arguments: Sequence[str | bytes], done: Finished) -> RepositoryError:
    """Return the error that says which git command failed, in git's own words."""
    return RepositoryError(f"git {_name(arguments)} failed: {done.last_line}")


def scrub(complaint: bytes) -> str:
    """Return git's complaint as text, without the credentials that a URL in it may hold."""
    return _CREDENTIALS_IN_URL.sub("", complaint.decode("utf-8", "replace"))


def _name(arguments: Sequence[str | bytes]) -> str:
    name = arguments[0]
    return name.decode() if isinstance(name, bytes) else name


def _cannot_start(error: OSError) -> RepositoryError:
    if isinstance(error, FileNotFoundError):
        return RepositoryError("git is not installed, or not on PATH", hint="install git 2.31 or newer")
    return RepositoryError(f"git cannot be started: {error.strerror}")
