"""A DVC root that files are placed in, and what is remembered of them once they are safely on disk.

Threading: ``note`` and ``remember`` may be called from any thread; both may block for a sync of the whole disk.
"""

from __future__ import annotations

import os
import threading
from typing import Self

from cvfs.clone import Clone
from cvfs.errors import CvfsError
from cvfs.workspace.file_state import FileState
from cvfs.workspace.placing import Placer
from cvfs.workspace.stat_cache import Known, Observation

#: What was placed is remembered in such portions, so that a killed pull need not hash all of it again. Each portion
#: costs a sync.
_PORTION_BYTES = 1 << 30
_PORTION_FILES = 1000


class RootDirectory:
    """Hold the clone's lock for the root. To be closed; closing remembers what was placed."""

    def __init__(self, clone: Clone, root: str) -> None:
        self.directory = clone.directory(root)
        self.stat_cache = clone.stat_cache(root)
        self.dvc_cache = clone.dvc_cache(root)
        self.placer = Placer(self.directory)
        #: The file of ``visited.py``.
        self.visited = os.path.join(clone.dvc_dir(root), "tmp", "cvfs", "placed-commits")
        self._lock = threading.Lock()
        self._placed: list[Observation] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.remember()
        except CvfsError:
            # What ended the pull matters more than that files will be hashed again.
            if exception[0] is None:
                raise
        finally:
            self.placer.close()
            self.stat_cache.close()

    def absolute(self, path: str) -> str:
        """Return the path on this machine of a path below the root."""
        return os.path.join(self.directory, path)

    def note(self, path: str, state: FileState, known: Known) -> None:
        """Take in that a file was placed. Raises WorkspaceError if the disk fails."""
        with self._lock:
            self._placed.append(Observation(path, state, known))
            self._size += state.size
            if len(self._placed) < _PORTION_FILES and self._size < _PORTION_BYTES:
                return
        self.remember()

    def remember(self) -> None:
        """Have the stat cache know what was placed, after it is on disk. Raises WorkspaceError if the disk fails."""
        with self._lock:
            portion, self._placed, self._size = self._placed, [], 0
        if portion:
            self.placer.sync()
            self.stat_cache.record(portion, self.stat_cache.moment())
