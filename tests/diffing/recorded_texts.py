"""Metafiles as DVC would have written them, for contents that were never anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def md5_of(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def directory(path: str, files: Mapping[str, str], *, version: str = "v1", legacy: bool = False) -> str:
    """A ``.dvc`` file of a directory, by the text of each file; with ``legacy`` it is one of DVC 2."""
    lines = ["outs:", f"- path: {path}", *([] if legacy else ["  hash: md5"]), "  files:"]
    for name, text in sorted(files.items()):
        lines += [f"  - relpath: {name}", f"    md5: {md5_of(text)}", f"    size: {len(text)}"]
        lines += ["    cloud:", "      up:", f"        version_id: {version}-{md5_of(text)[:6]}"]
    return "\n".join(lines) + "\n"


def one_file(path: str, text: str) -> str:
    """A ``.dvc`` file of a single file."""
    return f"outs:\n- md5: {md5_of(text)}\n  size: {len(text)}\n  hash: md5\n  path: {path}\n"


def hashed_directory(path: str, md5: str) -> str:
    """A ``.dvc`` file that has the hash of a listing alone."""
    return f"outs:\n- md5: {md5}.dir\n  size: 10\n  nfiles: 2\n  hash: md5\n  path: {path}\n"
