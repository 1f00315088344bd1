"""Two versions of a dataset in a store of the machine's own, and clones of their repository to pull into."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import publishing
import yaml
from repositories import GitRepository

from cvfs.clone import open_clone
from cvfs.fetch.fetcher import SMALL
from cvfs.pull import PullRequest, pull
from cvfs.pulling.result import Pulled
from cvfs.stores.local import LocalStore

#: Of the first and of the second version.
OLD = {
    "data/a": b"a, first\n",
    "data/deep/b": b"b\n",
    "data/gone": b"in the first only\n",
    "model": b"weights, first\n",
}
NEW = {
    "data/a": b"a, second\n",
    "data/deep/b": b"b\n",
    "data/new": b"in the second only\n",
    "data/large": os.urandom(SMALL * 2 + 5),
    "data/tool": b"#!/bin/sh\n",
    "data/empty": b"",
    "model": b"weights, second\n",
}


@dataclass(frozen=True)
class Dataset:
    """``origin`` has the commits ``old`` and ``new``; ``new`` is where its branch stands."""

    directory: Path
    origin: GitRepository
    store: LocalStore
    old: str
    new: str

    @classmethod
    def make(cls, directory: Path) -> Dataset:
        origin = GitRepository.init(directory / "origin")
        store = LocalStore(str(directory / "store"))
        publishing.configure(origin.path, str(directory / "store"))
        write(origin.path, {".dvc/.gitignore": b"/config.local\n/tmp\n/cache\n"})
        commits = []
        for files in (OLD, NEW):
            for path in sorted((origin.path / "data").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            write(origin.path, files)
            if "data/tool" in files:
                (origin.path / "data/tool").chmod(0o755)
            publishing.publish(origin.path, "data", store)
            publish_file(origin.path, "model", store)
            commits.append(origin.commit("A version"))
        return cls(directory, origin, store, *commits)

    def clone(self, name: str = "clone", commit: str | None = None) -> GitRepository:
        """Clone, and check a commit out."""
        made = self.origin.clone(self.directory / name)
        if commit is not None:
            made.git("checkout", "-q", commit)
        return made

    def pull(self, clone: GitRepository, *targets: str, **options) -> Pulled:
        """Pull in this process; targets are paths in the clone."""
        request = PullRequest(targets=tuple(str(clone.path / target) for target in targets), **options)
        with open_clone(os.environ, str(clone.path)) as opened:
            return pull(opened, request, os.environ)


def write(top: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)


def publish_file(top: Path, name: str, store: LocalStore) -> None:
    """Upload a file out and write its metafile."""
    data = (top / name).read_bytes()
    stat = store.put(name, data)
    cloud = {publishing.REMOTE: {"version_id": stat.version_id}}
    record_out(top, name, {"md5": md5(data), "size": len(data), "hash": "md5", "path": name, "cloud": cloud})


def record_out(top: Path, name: str, out: dict[str, object]) -> None:
    """Write the metafile of an out, and have git ignore the out."""
    (top / f"{name}.dvc").write_text(yaml.safe_dump({"outs": [out]}, sort_keys=False))
    ignored = top / ".gitignore"
    lines = set(ignored.read_text().splitlines()) if ignored.exists() else set()
    ignored.write_text("\n".join(sorted({*lines, f"/{name}"})) + "\n")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def contents(clone: GitRepository) -> dict[str, bytes]:
    """Return all data that is in the work tree, temporary files included."""
    return {
        str(path.relative_to(clone.path)): path.read_bytes()
        for path in clone.path.rglob("*")
        if path.is_file()
        and not {".git", ".dvc", ".gitignore"} & {*path.relative_to(clone.path).parts}
        and path.suffix != ".dvc"
    }


def reasons(pulled: Pulled) -> dict[str, str]:
    """Return the failures' messages by path."""
    return {failure.path: failure.error.message for failure in pulled.failures}
