"""The cache: verified content by key, on disk, bounded, shared by any number of threads, mounts and processes.

What holds whatever happens, a killed process, a full volume and damaged files included:

- bytes are returned only if their checksum is the one that was recorded when they were written; else they are missing;
- a small entry appears as a whole or not at all: to its own process at once, to others within a second;
- everything can be deleted at any time, also while it is in use.

Small contents lie in packs (``packs.py``), larger ones in a file of blocks each (``objects.py``); ``index.py`` knows
the packs' contents and all sizes, ``journal.py`` groups its commits, ``space.py`` evicts. Nothing is ever synced to
disk: what a power cut takes away or garbles is found by its checksum and fetched again.

Threading: all methods may be called from any thread, and block on the local disk. A process may fork after making a
Cache and before the first other call.
"""

from __future__ import annotations

import errno
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar

from cvfs.cache.block_file import BLOCK, OVERHEAD, BlockFile
from cvfs.cache.damage import DamagedFileError
from cvfs.cache.directory import open_layout
from cvfs.cache.index import Index, Location
from cvfs.cache.journal import Journal
from cvfs.cache.limits import Limits
from cvfs.cache.objects import Objects
from cvfs.cache.open_files import OpenFiles
from cvfs.cache.packs import PackFile, PackReader, PackWriter
from cvfs.cache.partial_file import PartialFile
from cvfs.cache.space import Space
from cvfs.errors import CacheError, CacheFullError

T = TypeVar("T")

_KEY = re.compile(r"md5-[0-9a-f]{32}|ver-[0-9a-f]{64}")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
#: Open files kept: half of the 1,024 that a process may have open by default leaves room for connections.
_OPEN_PACKS = 256
_OPEN_OBJECTS = 256


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes in bytes that decide where a content goes. Caches of different geometry may share a directory.

    ``pack_limit``: larger contents get a file of their own. Measured per content of 4, 64, 128 and 256 KiB: packs win
    up to there in writing, by far, and a file each wins in being read, evicted and passed to the kernel. ``pack``: a
    pack of that size is full. Eviction takes whole packs, so they are small beside any sensible limit.
    """

    pack_limit: int = 128 * 1024
    pack: int = 32 * 1024 * 1024
    block: int = BLOCK


@dataclass(frozen=True, slots=True)
class Usage:
    """What ``cvfs mounts`` tells: bytes and entries of the whole cache, and how this process fared with it.

    ``limit`` is ``max_size`` in bytes, None if there is none.
    """

    bytes: int
    limit: int | None
    entries: int
    hits: int
    misses: int
    evicted_bytes: int


class Cache:
    """One cache directory, as one process uses it.

    Raises:
        CacheError: the directory belongs to someone else, or cannot be made.
    """

    def __init__(
        self,
        directory: str,
        limits: Limits | None = None,
        *,
        geometry: Geometry | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._layout = open_layout(directory)
        self._geometry = geometry or Geometry()
        self._index = Index(self._layout)
        self._open_packs: OpenFiles[PackFile] = OpenFiles(_OPEN_PACKS)
        self._open_objects: OpenFiles[BlockFile] = OpenFiles(_OPEN_OBJECTS)
        self._reader = PackReader(self._layout, self._open_packs)
        self._writer = PackWriter(self._layout, self._index, self._pack_size)
        self._journal = Journal(self._layout, self._index, self._writer, self._sweep, clock)
        self._objects = Objects(self._layout, self._open_objects, self._journal, self._geometry.block)
        self._space = Space(
            self._layout,
            limits or Limits(),
            self._index,
            flush=self._journal.flush,
            give_up_pack=self._writer.seal,
            open_packs=self._open_packs,
            open_objects=self._open_objects,
        )
        self._counting = threading.Lock()
        self._hits = 0
        self._misses = 0

    @property
    def directory(self) -> str:
        """Name the folder that holds the files of this layout version."""
        return self._layout.root

    def read(self, key: str, offset: int, length: int, *, size: int | None = None) -> bytes | None:
        """Read bytes of a content, fewer at its end; None if some of them are missing or damaged.

        None also for a large content all of whose blocks are here, until ``mark_whole`` says that it was verified; and
        with ``size``, if the content turns out not to have that size. Never raises for what is on disk.
        """
        data = self._read(_checked(key), offset, length, size)
        with self._counting:
            if data is None:
                self._misses += 1
            else:
                self._hits += 1
        return data

    def state(self, key: str) -> Literal["none", "partial", "whole"]:
        """Tell how much of a content is here, without reading it."""
        if self._find(_checked(key)) is not None:
            return "whole"
        whole = self._objects.whole(key)
        return "none" if whole is None else "whole" if whole else "partial"

    def size(self, key: str) -> int | None:
        """Return the size in bytes of a content that is here whole, without reading it; None for any other."""
        at = self._find(_checked(key))
        if at is not None:
            return at.length
        with self._objects.opened(key) as found:
            return None if found is None else found[1]

    def opened(self, key: str) -> AbstractContextManager[tuple[int, int] | None]:
        """Hold the open file of a whole large content, so that its blocks can be shared; None if there is none.

        Gives the descriptor, and how many of the file's first bytes are the content. Damage is not looked for: whoever
        takes the bytes this way hashes them.
        """
        return self._objects.opened(_checked(key))

    def put(self, key: str, data: bytes) -> bool:
        """Add a whole content that the caller has verified. False if it is larger than the cache may be.

        An entry that is here already stays as it is.

        Raises:
            CacheFullError: there is no room, even after eviction.
            CacheError: the directory cannot be written.
        """
        small = len(data) <= self._geometry.pack_limit
        if (self._find(_checked(key)) is not None) if small else self._objects.whole(_checked(key)):
            return True
        limit = self._guarded(self._space.limit)
        if limit is not None and len(data) + (0 if small else OVERHEAD) > limit:
            return False
        if small:
            self._adding(len(data), lambda: self._journal.add(key, self._writer.append(key, data)))
        else:
            self._adding(len(data) + OVERHEAD, lambda: self._objects.store(key, data))
        return True

    def partial(self, key: str, size: int) -> PartialFile:
        """Give access to a large content that is filled block by block; it is made when it is first used.

        A content larger than the limit can be filled, too: its own older blocks are then evicted, all at once.
        """
        return PartialFile(self._objects, _checked(key), size, self._adding, self._guarded)

    def usage(self) -> Usage:
        """Sum up the cache. Costs a count over the index. Raises CacheError."""
        limit = self._guarded(self._space.limit)
        return Usage(
            self._index.total(), limit, self._index.count(), self._hits, self._misses, self._space.evicted_bytes
        )

    def flush(self) -> None:
        """Let other processes see all that was added, now."""
        self._journal.flush()

    def close(self) -> None:
        """Commit, and close all files. No call may follow, nor be under way."""
        self._journal.close()
        self._writer.close()
        self._open_packs.close()
        self._open_objects.close()
        self._index.close()

    def _read(self, key: str, offset: int, length: int, size: int | None) -> bytes | None:
        if size is None or size <= self._geometry.pack_limit:
            at = self._find(key)
            if at is not None and (size is None or at.length == size):
                data = self._read_packed(key, at)
                if data is not None:
                    return data if offset == 0 and length >= at.length else data[offset : offset + length]
        return self._objects.read(key, offset, length, size)

    def _find(self, key: str) -> Location | None:
        at = self._journal.find(key) or self._index.lookup(key)
        return None if at is None or self._journal.is_forgotten(key, at) else at

    def _read_packed(self, key: str, at: Location) -> bytes | None:
        try:
            data = self._reader.read(key, at)
        except (DamagedFileError, FileNotFoundError):
            self._journal.forget(key, at)
            return None
        except OSError:
            return None
        self._journal.used(at.pack)
        return data

    def _adding(self, need: int, write: Callable[[], T]) -> T:
        """Write after making room for it, and once more if the volume proves too full."""
        self._guarded(lambda: self._space.reserve(need))
        try:
            return write()
        except FileNotFoundError:
            # Somebody deleted the directory.
            self._layout.create()
            self._index.replace_if_gone()
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise self._unusable(error) from error
            self._guarded(lambda: self._space.evict(2 * need))
        return self._guarded(write)

    def _guarded(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> CacheError:
        what = f"cannot write to the cache in {self._layout.root}: {error.strerror or error}"
        if error.errno in _NO_ROOM:
            return CacheFullError(what, hint="free space on that volume, or name another one with --cache-dir")
        return CacheError(what)

    def _pack_size(self) -> int:
        """Make packs small beside the limit, since eviction takes whole ones."""
        limit = self._space.limit()
        return self._geometry.pack if limit is None else max(1, min(self._geometry.pack, limit // 16))

    def _sweep(self) -> None:
        self._space.close_evicted()
        self._space.tidy()


def _checked(key: str) -> str:
    """Let only keys through that make a safe file name."""
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"{key!r} is not a cache key")
    return key
