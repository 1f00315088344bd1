"""Temporary files that killed commands left in the work tree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

from cvfs.errors import CvfsError
from cvfs.pulling.roots import RootDirectory
from cvfs.workspace.file_state import to_bytes, to_text
from cvfs.workspace.placing import ANYTHING
from cvfs.workspace.temporary import TEMPORARY_PREFIX, is_abandoned


def remove_leftovers(root: RootDirectory, paths: Iterable[str]) -> None:
    """Delete those that nobody is writing to, as far as that is possible: whatever stays harms nobody.

    Paths are relative to the DVC root.
    """
    for path in paths:
        if is_abandoned(to_bytes(root.absolute(path))):
            with suppress(CvfsError):
                root.placer.remove(path, expected=ANYTHING)


def temporary_files(root: RootDirectory, directory: str) -> Iterator[str]:
    """Yield those in one directory, in which outs lie that are files."""
    try:
        names = os.listdir(to_bytes(root.absolute(directory)))
    except OSError:
        return
    for name in names:
        if name.startswith(TEMPORARY_PREFIX):
            yield os.path.join(directory, to_text(name))
