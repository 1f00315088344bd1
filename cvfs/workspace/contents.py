"""What the files of an out hold: remembered where the stat cache knows them, hashed where it does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from cvfs.errors import WorkspaceError
from cvfs.workspace.hashing import Progress, hash_files
from cvfs.workspace.scanning import Found, Scan
from cvfs.workspace.stat_cache import Known, Observation, StatCache

#: What is hashed is remembered in such portions, so that a killed command need not begin anew. By bytes for large
#: files, by number for small ones.
_PORTION_BYTES = 1 << 30
_PORTION_FILES = 1000


def contents_of(
    root: str,
    scan: Scan,
    cache: StatCache,
    *,
    threads: int | None = None,
    progress: Progress = lambda _count: None,
    hashed: Callable[[str], None] = lambda _path: None,
) -> Iterator[tuple[Found, Known | WorkspaceError]]:
    """Yield each file of a scan with what it holds, or why it cannot be read, in no particular order. Blocking.

    ``root`` is the DVC root, which paths in the cache are relative to. A file that changed since the scan comes with
    the state that belongs to its md5. ``progress`` is called from other threads, also for bytes that need no hashing;
    ``hashed`` is told the path, below the root, of each file that had to be read.
    """
    unknown: dict[str, tuple[str, Found]] = {}
    for file in scan.files:
        path = _path(scan, file)
        known = cache.lookup(path, file.state)
        if known is None:
            unknown[os.path.join(root, path)] = (path, file)
        else:
            progress(file.state.size)
            yield file, known
    if unknown:
        for file, outcome in _hashed(unknown, cache, threads, progress):
            hashed(_path(scan, file))
            yield file, outcome


def to_hash(scan: Scan, cache: StatCache) -> Sequence[Found]:
    """Return the files that ``contents_of`` would hash: what a progress bar has to count."""
    return [file for file in scan.files if cache.lookup(_path(scan, file), file.state) is None]


def _hashed(
    unknown: dict[str, tuple[str, Found]], cache: StatCache, threads: int | None, progress: Progress
) -> Iterator[tuple[Found, Known | WorkspaceError]]:
    moment = cache.moment()
    portion: list[Observation] = []
    size = 0
    try:
        for absolute, outcome in hash_files(unknown, threads=threads, progress=progress):
            path, file = unknown[absolute]
            if isinstance(outcome, WorkspaceError):
                yield file, outcome
                continue
            known = Known(outcome.md5, outcome.isexec)
            portion.append(Observation(path, outcome.state, known))
            size += outcome.state.size
            if len(portion) >= _PORTION_FILES or size >= _PORTION_BYTES:
                cache.record(portion, moment)
                portion, size = [], 0
            yield Found(file.relpath, outcome.state, outcome.isexec), known
    finally:
        cache.record(portion, moment)


def _path(scan: Scan, file: Found) -> str:
    return f"{scan.path}/{file.relpath}" if file.relpath else scan.path
