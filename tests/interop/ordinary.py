"""Repositories on ordinary remotes, which name objects by their hash: as DVC 3 makes them, and as DVC 2 did."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from dvc_repository import DvcRepository, md5_of_files
from scenes import Bucket

FILES = {
    "data/a.csv": b"id,value\n1,2\n",
    "data/crlf.txt": b"one\r\ntwo\r\n" * 50_000,
    "data/deep/er/large.bin": bytes(range(256)) * 20_000,
    "data/empty": b"",
    "data/\u00fc #?.txt": b"awkward\n",
    "model.bin": b"weights\n" * 1000,
}
#: As DVC 3 does by itself, it is left to the user whether the repository is to be converted.
_ENTRY = "outs:\n- md5: {md5}\n  size: {size}\n{more}  path: {path}\n"


def pushed(path: Path, url: str, endpoint: str | None = None) -> DvcRepository:
    """Push a directory and a file to an ordinary remote with the real DVC."""
    repository = DvcRepository.init(path)
    repository.dvc("init", "-q")
    repository.dvc("remote", "add", "-q", "-d", "up", url)
    if endpoint is not None:
        repository.dvc("remote", "modify", "-q", "up", "endpointurl", endpoint)
    repository.write(FILES)
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    repository.commit_pushed("pushed", "data", "model.bin")
    return repository


def transition(path: Path, bucket: Bucket) -> DvcRepository:
    """Push to an ordinary remote, make it version-aware, commit that, and push again only later."""
    repository = pushed(path, f"s3://{bucket.name}/base", bucket.moto.endpoint)
    repository.dvc("remote", "modify", "-q", "up", "version_aware", "true")
    repository.commit_pushed("made version-aware", "data", "model.bin")
    repository.write({"data/a.csv": b"id,value\n3,4\n"})
    repository.dvc("add", "-q", "data")
    repository.dvc("push", "-q")
    repository.commit_pushed("pushed with versions", "data", "model.bin")
    return repository


def legacy(path: Path, store: Path) -> DvcRepository:
    """Make what DVC 2 made: no ``hash:``, hashes of text with its line ends changed, and the old layout."""
    repository = DvcRepository.init(path)
    repository.dvc("init", "-q")
    repository.dvc("remote", "add", "-q", "-d", "up", str(store))
    repository.write(FILES)
    names = sorted(name.removeprefix("data/") for name in FILES if name.startswith("data/"))
    entries = [{"md5": _store_legacy(store, FILES[f"data/{name}"]), "relpath": name} for name in names]
    listing = json.dumps(entries, sort_keys=True).encode()
    md5 = _store_legacy(store, listing, ".dir")
    size = sum(len(FILES[f"data/{name}"]) for name in names)
    texts = {
        "data.dvc": _ENTRY.format(md5=f"{md5}.dir", size=size, more=f"  nfiles: {len(names)}\n", path="data"),
        "model.bin.dvc": _ENTRY.format(
            md5=_store_legacy(store, FILES["model.bin"]), size=len(FILES["model.bin"]), more="", path="model.bin"
        ),
        ".gitignore": "/data\n/model.bin\n",
    }
    commit = repository.commit("as DVC 2 did", texts)
    repository.pushed[commit] = md5_of_files(repository.path, "data", "model.bin")
    return repository


def _store_legacy(store: Path, data: bytes, suffix: str = "") -> str:
    """Put a content where DVC 2 did, and return its "md5-dos2unix". Binary data with NUL bytes is left as it is."""
    text = data if b"\0" in data[:512] else data.replace(b"\r\n", b"\n")
    md5 = hashlib.md5(text).hexdigest()
    target = store / md5[:2] / f"{md5[2:]}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return md5
