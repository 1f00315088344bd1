"""Current files in the order of their keys."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from cvfs.stores.local.layout import HIDDEN, Layout, decode, encode
from cvfs.stores.store import Listed, Stat


def current_files(layout: Layout, prefix: str, after: str = "") -> Iterator[Listed]:
    """Yield the current files whose keys begin with ``prefix``, sorted as ``Store.listing`` promises.

    Links to files count as files; links to directories are not followed, because they can lead in a circle.
    """
    directory = prefix.rpartition("/")[0]
    path = layout.current(directory) if directory else layout.root
    for key in _walk(path, encode(f"{directory}/" if directory else ""), encode(prefix)):
        if key > encode(after) and (found := _describe(layout, decode(key))) is not None:
            yield found


def _walk(directory: bytes, base: bytes, prefix: bytes) -> Iterator[bytes]:
    """Yield the keys below ``directory``, whose own key with a slash is ``base``."""
    try:
        with os.scandir(directory) as entries:
            # The slash behind the name of a directory takes part in the order.
            names = sorted(
                entry.name + (b"/" if entry.is_dir(follow_symlinks=False) else b"")
                for entry in entries
                if base or entry.name != HIDDEN
            )
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        key = base + name
        if name.endswith(b"/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(os.path.join(directory, name[:-1]), key, prefix)
        elif key.startswith(prefix):
            yield key


def _describe(layout: Layout, key: str) -> Listed | None:
    """Describe a current file; None if it is gone, or is none."""
    try:
        current = os.stat(os.path.join(layout.root, encode(key)))
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(current.st_mode):
        return None
    return Listed(key, Stat(current.st_size, layout.version_of(key, current), None))
