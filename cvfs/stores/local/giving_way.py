"""Room for a current file where the shape of the tree has changed: a file where a directory was, or the reverse.

A current file is a copy of a version, and all reads are by version. So one that stands in the way is removed, if a kept
version has its content; a file that somebody else put there is not touched, and the upload fails.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from cvfs.errors import StoreError
from cvfs.stores.durable import sync_directory
from cvfs.stores.local.layout import Layout, decode, encode


def make_room(layout: Layout, key: str) -> None:
    """Let the current file of ``key`` be written: no file above it, no directory in its place.

    Raises:
        StoreError: what is there is no copy of a kept version. Nothing was removed.
    """
    above = key.rpartition("/")[0]
    while above:
        path = layout.current(above)
        if os.path.lexists(path) and not os.path.isdir(path):
            _remove(layout, [above], key)
        above = above.rpartition("/")[0]
    path = layout.current(key)
    if os.path.isdir(path):
        if os.path.islink(path):
            raise _in_the_way(layout, key, key)
        _remove(layout, list(_files_below(path, encode(key))), key)
        _remove_directories(path)


def _files_below(directory: bytes, key: bytes) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = key + b"/" + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path, name)
            else:
                yield decode(name)


def _remove(layout: Layout, keys: list[str], wanted: str) -> None:
    """Remove current files that are copies; look at all of them before removing the first."""
    for key in keys:
        if not _is_copy(layout, key):
            raise _in_the_way(layout, key, wanted)
    for key in keys:
        # Looked at again: whoever puts a version of this key at the same time holds the lock.
        with layout.locked(key):
            if not _is_copy(layout, key):
                raise _in_the_way(layout, key, wanted)
            with suppress(FileNotFoundError):
                os.unlink(layout.current(key))


def _is_copy(layout: Layout, key: str) -> bool:
    try:
        current = os.lstat(layout.current(key))
    except FileNotFoundError:
        return True  # gone already
    return stat.S_ISREG(current.st_mode) and layout.version_of(key, current) is not None


def _remove_directories(directory: bytes) -> None:
    for path, _, _ in os.walk(directory, topdown=False):
        os.rmdir(path)
    sync_directory(os.path.dirname(directory))


def _in_the_way(layout: Layout, key: str, wanted: str) -> StoreError:
    return StoreError(
        f"{layout.named(wanted)}: {key!r} is in its way, and no version of it that is kept has its content",
        hint="move it away: it was not put there by cvfs, or was changed since",
    )
