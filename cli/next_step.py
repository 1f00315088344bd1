"""The command that a user runs next, ready to be copied."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

from cvfs.tracking import WorkTree

from .messages import printable


def git_add(tree: WorkTree, paths: Iterable[str]) -> str:
    """Return the ``git add`` that stages files of the work tree, from where the user stands; '' if there are none.

    What was deleted and never was Git's is left out: git would fail on it.
    """
    there = [path for path in paths if os.path.lexists(tree.absolute(path)) or tree.index.tracks(path)]
    if not there:
        return ""
    here = os.path.realpath(os.getcwd())
    top = os.path.realpath(tree.top)
    if here != top and not here.startswith(f"{top}/"):
        words = ["git", "-C", tree.top, "add", "--", *there]
    else:
        names = [os.path.relpath(os.path.join(top, path), here) for path in there]
        words = ["git", "add", *(["--"] if any(name.startswith("-") for name in names) else []), *names]
    return shlex.join(map(printable, words))
