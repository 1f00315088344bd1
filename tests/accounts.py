"""Who runs a command in a test: whoever runs the tests, or, if that is root, an ordinary user as well."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

#: ``nobody`` on Debian, and an unused id anywhere else: setpriv asks for no entry in the user database.
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Account:
    """A user, with a directory of its own that others may enter. ``prefix`` makes a command run as that user."""

    name: str
    uid: int
    gid: int
    directory: Path
    prefix: tuple[str, ...] = field(default=())

    def own(self, path: Path) -> Path:
        """Hand ``path`` and all below it to this user, and return it."""
        if os.geteuid() == 0:
            for folder, _, files in os.walk(path):
                for name in (".", *files):
                    os.lchown(os.path.join(folder, name), self.uid, self.gid)
        return path


def myself(directory: Path) -> Account:
    """Return the account that the tests run in."""
    return Account("root" if os.geteuid() == 0 else "user", os.geteuid(), os.getegid(), directory)


def ordinary_user(directory: Path) -> Account:
    """Return an account without privileges (to be had by root only), which owns ``directory``."""
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    account = Account("nobody", NOBODY, NOBODY, directory, (*become, *_reach_python(become)))
    account.own(directory)
    return account


def _reach_python(become: tuple[str, ...]) -> tuple[str, ...]:
    """Let the user read where it may not, if Python itself lies there (in root's home, say), and nowhere else write."""
    if shutil.which("setpriv") is None:
        raise RuntimeError("the tests need setpriv (package util-linux) to run commands as an ordinary user")
    # Through env, because what setpriv itself starts still profits from rights that its own children have lost.
    command = [*become, "env", sys.executable, "-c", "import cvfs"]
    probe = subprocess.run(command, check=False, capture_output=True, timeout=60)
    if probe.returncode == 0:
        return ()
    return ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
