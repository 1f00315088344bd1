"""Files and index, when they do not agree: after processes were killed, an index was lost, or cannot be written."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from contextlib import suppress

from cvfs.cache.directory import Layout, try_lock
from cvfs.cache.index import Index

_log = logging.getLogger(__name__)

#: No file takes an hour to write; what is older in ``new/`` has no owner any more.
_ABANDONED = 3600.0
_PACK = re.compile(r"([0-9a-f]{16})\.pack")
_PREFIXES = ("md5-", "ver-")


def clear_leftovers(layout: Layout, index: Index) -> None:
    """Delete files that nobody will finish, take in large contents the index does not know, forget those it lost.

    To be called with the ``evict`` lock held, so that no file is on its way out meanwhile. Blocking: as many directory
    entries as there are files. Errors are logged: the next time may go better.
    """
    try:
        _clear_temporary(layout)
        _clear_packs(layout, index)
        for folder in os.listdir(layout.objects):
            _match_objects(layout, index, folder)
    except (OSError, sqlite3.Error) as error:
        _log.warning("could not tidy the cache in %s: %s", layout.root, error)


def delete_oldest_files(layout: Layout, need: int) -> int:
    """Delete files in the order in which they were last written, without the index, and return the bytes they took up.

    The rows that are left stand for nothing: their contents are misses. Blocking: looks at every file. Raises OSError.
    """
    found = []
    for folder in (layout.packs, *(entry.path for entry in os.scandir(layout.objects) if entry.is_dir())):
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    state = entry.stat(follow_symlinks=False)
                    found.append((state.st_mtime, state.st_blocks * 512, entry.path))
    freed = 0
    for _, size, path in sorted(found):
        if freed >= need:
            break
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                # A pack that is being written is locked as long as its writer lives, a large content only for a moment.
                if try_lock(descriptor):
                    os.unlink(path)
                    freed += size
            finally:
                os.close(descriptor)
    return freed


def _clear_temporary(layout: Layout) -> None:
    limit = time.time() - _ABANDONED
    with os.scandir(layout.new) as found:
        for entry in found:
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < limit:
                    os.unlink(entry.path)


def _clear_packs(layout: Layout, index: Index) -> None:
    known = index.packs()
    if known is None:
        return
    on_disk = {int(match[1], 16) for match in map(_PACK.fullmatch, os.listdir(layout.packs)) if match}
    for number in on_disk - known:
        _remove_if_orphan(layout, index, number)
    index.remove(number for number in known - on_disk if not os.path.exists(layout.pack(number)))


def _remove_if_orphan(layout: Layout, index: Index, number: int) -> None:
    try:
        descriptor = os.open(layout.pack(number), os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        # A writer commits before it unlocks: once the lock is free, the index says whether the pack is wanted.
        if try_lock(descriptor):
            known = index.packs()
            if known is not None and number not in known:
                os.unlink(layout.pack(number))
    finally:
        os.close(descriptor)


def _match_objects(layout: Layout, index: Index, folder: str) -> None:
    # The rows first: a content that comes between is then taken in twice, which is harmless, not forgotten.
    rows = [index.objects(prefix + folder) for prefix in _PREFIXES]
    if None in rows:
        return
    known = set[str]().union(*(row for row in rows if row))
    with os.scandir(f"{layout.objects}/{folder}") as found:
        files = {entry.name: entry for entry in found}
    for key in files.keys() - known:
        with suppress(OSError):
            state = files[key].stat(follow_symlinks=False)
            index.adopt(key, state.st_blocks * 512, int(state.st_mtime * 1000))
    index.remove(key for key in known - files.keys() if not os.path.exists(layout.object(key)))
