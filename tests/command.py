"""The installed ``cvfs`` command, run the way a shell runs it and never for longer than a bound."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sterile
from accounts import Account

#: No command in the tests comes near this; a hanging one ends here.
BOUND_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: its exit code and what it wrote."""

    command: tuple[str, ...]
    returncode: int
    raw: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """Decode what was written, keeping bytes that are not UTF-8 as surrogates."""
        return self.raw.decode("utf-8", "surrogateescape")

    def ok(self) -> Outcome:
        """Return self, or fail with what the command said."""
        assert self.returncode == 0, f"{' '.join(self.command)}: exit code {self.returncode}\n{self.stderr}"
        return self


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs programs as ``account``, in the environment of the tests with ``variables`` on top."""

    account: Account
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *command: str | Path, cwd: Path | None = None, stdin: bytes = b"", bound: float = BOUND_S) -> Outcome:
        """Run a program and wait for it, at most ``bound`` seconds."""
        arguments = self._arguments(cwd, command)
        done = subprocess.run(
            arguments, check=False, capture_output=True, env=self._environment(), input=stdin, timeout=bound
        )
        return Outcome(arguments, done.returncode, done.stdout, done.stderr.decode("utf-8", "surrogateescape"))

    def start(self, *command: str | Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program with pipes for its input and output. The caller ends it."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._arguments(cwd, command), env=self._environment(), stdin=pipe, stdout=pipe, stderr=pipe
        )

    def cvfs(self, *arguments: str | Path, cwd: Path | None = None, bound: float = BOUND_S) -> Outcome:
        """Run ``cvfs``."""
        return self.run(cvfs_program(), *arguments, cwd=cwd, bound=bound)

    @contextlib.contextmanager
    def mounted(self, revision: str, mountpoint: Path, *options: str | Path) -> Iterator[Path]:
        """Mount ``revision`` at ``mountpoint``, made if need be, and unmount at the end."""
        mountpoint.mkdir(exist_ok=True)
        self.account.own(mountpoint)
        self.cvfs("mount", revision, mountpoint, *options).ok()
        try:
            yield mountpoint
        finally:
            self.cvfs("umount", mountpoint).ok()

    def _arguments(self, cwd: Path | None, command: tuple[str | Path, ...]) -> tuple[str, ...]:
        # The account itself changes the directory: not even root may enter the mount of another user.
        change = () if cwd is None else ("env", "-C", cwd)
        return tuple(os.fspath(part) for part in (*self.account.prefix, *change, *command))

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **sterile.directories(self.account.directory), **self.variables}


def cvfs_program() -> Path:
    """Return the path of the installed command."""
    program = Path(sys.executable).parent / "cvfs"
    assert program.exists(), f"{program} is missing: install the project into the environment that runs the tests"
    return program
