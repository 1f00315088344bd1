"""Git repositories for tests, made and asked through the git command."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A repository with a work tree at ``path``."""

    path: Path

    @classmethod
    def init(cls, path: Path) -> GitRepository:
        """Make an empty repository at ``path``, whose branch is ``main``."""
        path.mkdir(parents=True, exist_ok=True)
        repository = cls(path)
        repository.git("init", "-q", "-b", "main")
        return repository

    def git(self, *arguments: str) -> str:
        """Run git in the work tree and return what it printed, without the last newline."""
        # The repository may be an unprivileged user's, looked at by root.
        command = ["git", "-c", "safe.directory=*", *arguments]
        done = subprocess.run(command, check=False, cwd=self.path, capture_output=True, timeout=60)
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def commit(self, message: str, files: Mapping[str, str | bytes] | None = None) -> str:
        """Write ``files``, commit all that changed in the work tree, and return the commit's id."""
        for name, data in (files or {}).items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.encode() if isinstance(data, str) else data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, path: Path) -> GitRepository:
        """Clone into ``path``: the commits and nothing that git does not track."""
        self.git("clone", "-q", str(self.path), str(path))
        return GitRepository(path)
