"""A clone whose remotes are watched stores, for pushes within the process of the test."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import yaml
from fakes.stores import FakeRemotes

from cvfs.clone import open_clone
from cvfs.push import push
from cvfs.pushing.request import PushRequest


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Clone:
    """A clone whose remotes are watched stores."""

    def __init__(self, repository, stores):
        self.repository = repository
        self.path: Path = repository.path
        self.stores = stores
        config = "[core]\n    remote = up\n"
        for name in stores:
            config += f"['remote \"{name}\"']\n    url = /srv/{name}\n    version_aware = true\n"
        repository.commit("set up", {".dvc/config": config, ".dvc/.gitignore": "/tmp\n/cache\n/config.local\n"})

    def write(self, files):
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def track(self, out, **entries):
        """Write a metafile for the directory ``out`` that records ``entries`` as never pushed."""
        files = [{"relpath": name, "md5": md5(data), "size": len(data)} for name, data in entries.items()]
        text = yaml.safe_dump({"outs": [{"hash": "md5", "path": out, "files": files}]}, sort_keys=False)
        (self.path / f"{out}.dvc").write_text(text)

    def push(self, **request):
        with open_clone(os.environ, str(self.path)) as clone:
            return push(replace(clone, remotes=FakeRemotes(self.stores, "up")), PushRequest(**request))

    def entries(self, out="data"):
        (found,) = yaml.safe_load((self.path / f"{out}.dvc").read_text())["outs"]
        return {entry["relpath"]: entry for entry in found["files"]}

    def recorded(self, out="data", remote="up"):
        """Return the content of each version that is recorded, by relpath."""
        return {
            relpath: self.stores[remote].read(f"{out}/{relpath}", entry["cloud"][remote]["version_id"]).data
            for relpath, entry in self.entries(out).items()
            if "cloud" in entry
        }


def errors(result):
    """Return the path and the type of each failure."""
    return [(failure.path, type(failure.error)) for failure in result.failures]
