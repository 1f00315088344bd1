"""Have git merge metafiles with cvfs: the attributes, which commits carry, and the driver, which each clone has."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from cvfs.errors import WorkspaceError
from cvfs.git.command import LOCATING, Git
from cvfs.git.index import Index
from cvfs.workspace.replacing import read_file, replace_file

ATTRIBUTES = ".gitattributes"
PATTERNS = ("*.dvc", "dvc.lock")
#: git puts the path in quotes by itself.
DRIVER = "cvfs merge-driver --ancestor %O --our %A --their %B --path %P"

_NAME = "cvfs: metafiles, entry by entry"
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
#: DVC's own driver, which cannot merge a metafile with ``files:``; ours takes its place.
_DVCS = b"merge=dvc"
_OURS = b"merge=cvfs"


@dataclass(frozen=True, slots=True)
class MergeDriver:
    """What was set up. ``attributes`` is the file that was changed and staged, None if it said so already.

    ``found`` says whether git will find the command ``cvfs`` where this one found its own environment.
    """

    attributes: str | None
    found: bool


def set_up_merge_driver(directory: str, env: Mapping[str, str]) -> MergeDriver:
    """Name cvfs as the merge driver of the metafiles at and below ``directory``, and tell this clone what it is.

    A line of DVC's in ``.gitattributes`` is replaced, all others stay. Blocking.

    Raises:
        RepositoryError: not in a Git work tree, or git fails.
        WorkspaceError: ``.gitattributes`` cannot be written, or already gives metafiles another merge driver.
        ChangedMeanwhileError: somebody changed the file at the same moment.
    """
    root = os.path.abspath(directory)
    index = Index(root, env)
    path = os.path.join(root, ATTRIBUTES)
    before = read_file(path)
    after = with_attributes(before or b"", path)
    git = Git({name: value for name, value in env.items() if name not in LOCATING}, ("-C", root))
    git.check("config", "--local", "--replace-all", "merge.cvfs.name", _NAME)
    git.check("config", "--local", "--replace-all", "merge.cvfs.driver", DRIVER)
    found = shutil.which("cvfs", path=env.get("PATH", os.defpath)) is not None
    if after == before:
        return MergeDriver(None, found)
    replace_file(path, after, expected=before)
    index.add([ATTRIBUTES])
    return MergeDriver(path, found)


def with_attributes(text: bytes, where: str) -> bytes:
    """Return the text of a ``.gitattributes`` with our lines in it. WorkspaceError if others contradict them."""
    lines = _LINE.findall(text)
    missing = [pattern.encode() for pattern in PATTERNS]
    for number, line in enumerate(lines):
        pattern, *attributes = line.split() or [b""]
        if pattern.decode("utf-8", "replace") not in PATTERNS:
            continue
        for attribute in attributes:
            if attribute == _DVCS:
                lines[number] = line.replace(_DVCS, _OURS)
            elif attribute != _OURS and re.match(rb"[-!]?merge(=|$)", attribute):
                raise WorkspaceError(
                    f"{where}:{number + 1} already says {attribute.decode('utf-8', 'replace')} for {pattern.decode()}",
                    hint="take that line out, if cvfs is to merge metafiles",
                )
            if attribute in (_DVCS, _OURS) and pattern in missing:
                missing.remove(pattern)
    newline = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    if lines and missing and not lines[-1].endswith(b"\n"):
        lines[-1] += newline
    return b"".join([*lines, *(pattern + b" " + _OURS + newline for pattern in missing)])
