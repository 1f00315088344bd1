"""Keeps the directory of index files from growing without end. All of them can be built anew from the repository."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress

log = logging.getLogger(__name__)

#: What the index files may take together, in bytes: those of some tens of millions of files.
MAX_BYTES = 4 << 30

#: After so many seconds without being opened an index file goes, whatever room there is.
MAX_AGE_S = 90 * 86400.0

#: What was opened less than so many seconds ago stays, whatever room there is not: someone may be about to open it.
#: (Who has opened it already keeps it in any case.)
IN_USE_S = 3600.0

#: After so many seconds a file that is still being written belongs to a process that was killed.
ABANDONED_S = 86400.0


def tidy(directory: str, max_bytes: int = MAX_BYTES, now: float | None = None) -> None:
    """Remove index files that nobody has opened for long, and where there are too many, the least recently opened."""
    now = time.time() if now is None else now
    files: list[tuple[float, int, str]] = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.startswith(".new-"):
                    if now - status.st_mtime > ABANDONED_S:
                        os.unlink(entry.path)
                elif entry.name.endswith((".segment", ".commit")):
                    files.append((status.st_mtime, status.st_blocks * 512, entry.path))
    total = sum(size for _, size, _ in files)
    for used, size, path in sorted(files):
        if now - used < IN_USE_S or (now - used < MAX_AGE_S and total <= max_bytes):
            break
        with suppress(OSError):
            os.unlink(path)
            total -= size
            log.debug("removed index file %s", path)
