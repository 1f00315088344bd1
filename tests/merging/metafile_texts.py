"""Metafiles for merges, in the layout that DVC writes."""

from __future__ import annotations

from collections.abc import Mapping

from cvfs.metafiles.editing import OutEdit, edit_metafile
from cvfs.metafiles.records import Recorded

MD5 = {letter: letter * 32 for letter in "0123456789abcdef"}


def entry(letter: str, version: str | None = None, *, isexec: bool = False, size: int = 4) -> Recorded:
    """Return what is recorded of a file with a content that a letter stands for, pushed as ``version``."""
    if version is None:
        return Recorded(MD5[letter], size, isexec)
    return Recorded(MD5[letter], size, isexec, "up", version, MD5[letter])


def directory(files: Mapping[str, Recorded], path: str = "data") -> bytes:
    """Return the ``.dvc`` file of a directory."""
    text = f"outs:\n- hash: md5\n  path: {path}\n".encode()
    return edit_metafile(text, [OutEdit(2, added=files, directory=True)])


def single(recorded: Recorded, path: str = "model.bin", below: str = "") -> bytes:
    """Return the ``.dvc`` file of a file; ``below`` are lines at its end."""
    text = f"outs:\n- hash: md5\n  path: {path}\n{below}".encode()
    return edit_metafile(text, [OutEdit(2, recorded=recorded)])


def stage(name: str, files: Mapping[str, Recorded], *, cmd: str = "make", dep: str = "0") -> str:
    """Return a stage of a ``dvc.lock``: one directory, ``NAME.out``, made of one file."""
    out = directory(files, f"{name}.out").decode()
    lines = [
        f"{name}:",
        f"  cmd: {cmd}",
        "  deps:",
        f"  - path: {name}.in",
        "    hash: md5",
        f"    md5: {MD5[dep]}",
        "    size: 1",
        *(f"  {line}" for line in out.splitlines()),
    ]
    return "".join(f"  {line}\n" for line in lines)


def lock(*stages: str) -> bytes:
    """Return a ``dvc.lock``."""
    return ("schema: '2.0'\nstages:\n" + "".join(stages)).encode()
