"""Puts files into a store and records them the way DVC would, for tests of what reads them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Protocol

import yaml

from cvfs.stores.store import Stat

#: The name that a repository made here gives its only remote.
REMOTE = "embedded"


class Uploads(Protocol):
    """The part of a store that takes new versions."""

    def put(self, key: str, source: bytes) -> Stat:
        """Store a new version."""


def configure(repository: Path, url: str, **options: str) -> None:
    """Write the ``.dvc/config`` that makes ``url`` the default remote, and a version-aware one."""
    config = repository / ".dvc" / "config"
    config.parent.mkdir(exist_ok=True)
    values = {"url": url, "version_aware": "true", **options}
    lines = ["[core]", f"    remote = {REMOTE}", f"['remote \"{REMOTE}\"']"]
    lines += [f"    {key} = {value}" for key, value in values.items()]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")


def publish(repository: Path, out: str, store: Uploads) -> None:
    """Upload the directory ``out`` of the work tree, write ``OUT.dvc``, and have git ignore the data."""
    files = [_upload(store, repository, path) for path in sorted((repository / out).rglob("*")) if path.is_file()]
    for entry in files:
        entry["relpath"] = os.path.relpath(str(entry["relpath"]), out)
    _write(repository, out, {"hash": "md5", "path": out, "files": files})


def _upload(store: Uploads, repository: Path, path: Path) -> dict[str, object]:
    key = str(path.relative_to(repository))
    data = path.read_bytes()
    stat = store.put(key, data)
    entry: dict[str, object] = {"relpath": key, "md5": hashlib.md5(data).hexdigest(), "size": len(data)}
    if path.stat().st_mode & 0o100:
        entry["isexec"] = True
    etag = {"etag": stat.etag} if stat.etag else {}
    return {**entry, "cloud": {REMOTE: {**etag, "version_id": stat.version_id}}}


def _write(repository: Path, out: str, entry: dict[str, object]) -> None:
    text = yaml.safe_dump({"outs": [entry]}, sort_keys=False, allow_unicode=True)
    (repository / f"{out}.dvc").write_text(text, encoding="utf-8")
    ignored = repository / ".gitignore"
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.exists() else []
    ignored.write_text("\n".join(sorted({*lines, f"/{out}"})) + "\n", encoding="utf-8")
