"""The commits whose data ``--rev`` placed into the work tree last: HEAD and the reflog do not know of them.

Without them, what such a pull brought could not be told from files that somebody made, and would stay for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cvfs.errors import WorkspaceError
from cvfs.pulling.roots import RootDirectory
from cvfs.workspace.replacing import read_file, replace_file

_COMMIT = re.compile(rb"[0-9a-f]{40,64}")
#: One that is being placed, and the one before it, of which a killed pull may have left something.
_KEPT = 2


def visited(root: RootDirectory) -> list[str]:
    """Return the ids of the last ones, the latest first. A file that cannot be read is as good as none."""
    try:
        text = read_file(root.visited) or b""
    except WorkspaceError:
        return []
    return [line.decode() for line in text.splitlines() if _COMMIT.fullmatch(line)]


def visit(roots: Iterable[RootDirectory], commit: str) -> None:
    """Note that data of ``commit`` is about to be placed. Raises WorkspaceError."""
    for root in roots:
        kept = [commit, *(other for other in visited(root) if other != commit)][:_KEPT]
        replace_file(root.visited, "".join(f"{each}\n" for each in kept).encode(), expected=read_file(root.visited))
