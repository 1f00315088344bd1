"""A Git repository that the real DVC works in."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from repositories import GitRepository

TOP = Path(__file__).parent.parent.parent
DVC = TOP / ".venv-dvc" / "bin" / "dvc"

#: DVC takes a few seconds a command, and more while the machine is busy.
BOUND_S = 120.0


@dataclass(frozen=True, slots=True)
class DvcRepository(GitRepository):
    """A repository with a work tree at ``path``; ``pushed`` has, by commit id, the md5 of each file pushed for it."""

    pushed: dict[str, dict[str, str]] = field(default_factory=dict)

    def dvc(self, *arguments: str, folder: str = ".") -> None:
        """Run ``dvc`` in a folder of the work tree; it has to succeed."""
        assert DVC.exists(), f"{DVC} is missing: make test installs DVC there, for these tests to drive"
        done = subprocess.run(
            [DVC, *arguments],
            check=False,
            cwd=self.path / folder,
            # DVC looks for a newer release of itself, but for CI.
            env={**os.environ, "CI": "true", "PATH": f"{DVC.parent}:{os.environ['PATH']}"},
            capture_output=True,
            timeout=BOUND_S,
        )
        assert done.returncode == 0, f"dvc {' '.join(arguments)}: {done.stdout.decode()}{done.stderr.decode()}"

    def add_remote(self, url: str, endpoint: str, folder: str = ".") -> None:
        """Configure a version-aware default remote called ``up``."""
        self.dvc("remote", "add", "-q", "-d", "up", url, folder=folder)
        self.dvc("remote", "modify", "-q", "up", "endpointurl", endpoint, folder=folder)
        self.dvc("remote", "modify", "-q", "up", "version_aware", "true", folder=folder)

    def write(self, files: dict[str, bytes]) -> None:
        """Write files below the work tree."""
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def commit_pushed(self, message: str, *outs: str) -> str:
        """Commit the metafiles, note what ``outs`` hold in the work tree, and return the commit's id."""
        commit = self.commit(message)
        self.pushed[commit] = md5_of_files(self.path, *outs)
        return commit


def md5_of_files(top: Path, *names: str) -> dict[str, str]:
    """Return the md5 of each file at or below ``names``, by its path relative to ``top``."""
    files: list[Path] = []
    for name in names or (".",):
        path = top / name
        files += [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file.relative_to(top)): hashlib.md5(file.read_bytes()).hexdigest() for file in files}
