"""Merges of text line by line, as git does them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping

from cvfs.errors import RepositoryError
from cvfs.git.command import Git

#: What git writes above, between and below what two sides have in the same place.
OURS, BETWEEN, THEIRS = "<<<<<<< ours", "=======", ">>>>>>> theirs"

#: ``git merge-file`` ends with the number of conflicts, up to this.
_MOST_CONFLICTS = 127


class TextMerge:
    """Runs ``git merge-file`` in the environment ``env``. Blocking."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._git = Git(env, ("-c", "merge.conflictStyle=merge"))

    def merge(self, ancestor: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
        """Return the merged text, and whether it has conflict markers.

        What git will not merge (binary data) becomes one conflict of both sides as a whole.

        Raises:
            RepositoryError: git cannot be started.
        """
        with tempfile.TemporaryDirectory(prefix="cvfs-merge-") as directory:
            paths = []
            for name, data in (("ours", ours), ("ancestor", ancestor), ("theirs", theirs)):
                paths.append(os.path.join(directory, name))
                with open(paths[-1], "wb") as file:
                    file.write(data)
            labels = ("-L", "ours", "-L", "ancestor", "-L", "theirs")
            done = self._git.run("merge-file", "-p", *labels, *paths)
        if 0 <= done.code <= _MOST_CONFLICTS:
            return done.output, done.code > 0
        if not ours and not theirs:
            raise RepositoryError(f"git merge-file failed: {done.last_line}")
        return both_sides(ours, theirs), True

    def conflict(self, ours: bytes, theirs: bytes) -> bytes:
        """Return both sides in one text, with markers around all in which they differ."""
        text, marked = self.merge(b"", ours, theirs)
        return text if marked else both_sides(ours, theirs)


def both_sides(ours: bytes, theirs: bytes) -> bytes:
    """Return both sides as one conflict."""
    lines = [OURS.encode(), *ours.splitlines(), BETWEEN.encode(), *theirs.splitlines(), THEIRS.encode()]
    return b"\n".join(lines) + b"\n"
