"""What git knows of the files of a work tree, and what the next commit is to hold.

Unlike ``repository.py`` this can change the index, on the user's behalf and as ``git add`` would: filters that the
user's own configuration sets up run, hooks and the file-system monitor do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from cvfs.errors import RepositoryError
from cvfs.git.command import LOCATING, Git, failed


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """A file that is not as HEAD has it: the change is ``staged``, or (also) only in the work tree."""

    path: str
    staged: bool
    unstaged: bool


class Index:
    """The index of the work tree that holds ``directory``. Paths are relative to ``directory``. Blocking."""

    def __init__(self, directory: str, env: Mapping[str, str]) -> None:
        environment = {name: value for name, value in env.items() if name not in LOCATING}
        self._git = Git(environment, ("-C", _encoded(directory)))

    @cached_property
    def top(self) -> str:
        """Return the top of the work tree.

        Raises:
            RepositoryError: ``directory`` is in none, or git does not trust it.
        """
        return os.fsdecode(self._git.check("rev-parse", "--show-toplevel").removesuffix(b"\n"))

    def ignores(self, path: str) -> bool:
        """Tell whether git would ignore ``path``, which need not exist; a directory ends with a slash.

        Raises:
            RepositoryError: git fails.
        """
        arguments = ("check-ignore", "-q", "--no-index", "--", b"./" + _encoded(path))
        done = replace(self._git, literal=False).run(*arguments)
        if done.code not in (0, 1):
            raise failed(arguments, done)
        return done.code == 0

    def tracks(self, path: str) -> bool:
        """Tell whether ``path``, or a file below it, is in the index. Raises RepositoryError."""
        return bool(self._git.check("ls-files", "-z", "--", _encoded(path)))

    def files(self) -> list[str]:
        """List the files below ``directory`` that are in the index, or could be added: those git does not ignore.

        Raises:
            RepositoryError: git fails.
        """
        listed = self._git.check("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        return [path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0") if path]

    def uncommitted(self, names: Iterable[str]) -> list[Uncommitted]:
        """List the files of these names, in any directory, that differ from HEAD. A name may have a ``*``.

        Raises:
            RepositoryError: git fails.
        """
        options = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
        wanted = [f":(glob)**/{name}" for name in names]
        listed = replace(self._git, literal=False).check("status", *options, "--", *wanted)
        records = [record.decode("utf-8", "surrogateescape") for record in listed.split(b"\0") if record]
        return [Uncommitted(record[3:], record[0] not in " ?", record[1] != " ") for record in records]

    def add(self, paths: Iterable[str]) -> None:
        """Stage files as they are now.

        Raises:
            RepositoryError: git refuses, in its own words.
        """
        wanted = [_encoded(path) for path in paths]
        done = self._git.run("add", "--", *wanted)
        if done.code != 0:
            raise RepositoryError(f"the changes are made, but git add failed: {done.last_line}")


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
