"""Keeps the cache within its limits: knows about how much is used, and evicts what has not been used for longest.

Nothing is scanned when something is added. The index holds the sum of what all processes have committed; each process
adds what it wrote since it last looked, and looks again after a sixty-fourth of the limit, or after a second. So the
limit may be passed by a little while several processes write, and is kept again right after.

Threading: every method may be called from any thread; they block on the local disk.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cvfs.cache.block_file import BlockFile
from cvfs.cache.directory import Layout, exclusive, try_lock
from cvfs.cache.index import Index, Victim
from cvfs.cache.leftovers import clear_leftovers, delete_oldest_files
from cvfs.cache.limits import Limits
from cvfs.cache.open_files import OpenFiles
from cvfs.cache.packs import PackFile
from cvfs.cache.volume import room
from cvfs.errors import CacheFullError

_log = logging.getLogger(__name__)

#: Bytes and seconds after which the sum is asked for again.
_STEP = 16 * 1024 * 1024
_PERIOD = 1.0
#: Evict to this share of the limit, so that not every single addition has to evict.
_LOW_WATER = 0.95
#: Files looked at together while evicting.
_ROUND = 64
#: Evictions for one addition, before it is given up because others add as fast.
_EVICTIONS = 8
#: Seconds between two looks for leftovers: daily, and sooner if room is short.
_TIDY_PERIOD = 86400.0
_TIDY_PERIOD_SHORT = 600.0


class Space:
    """The room of one cache directory, as one process sees it.

    ``flush`` commits what this process has not yet; ``give_up_pack`` makes its current pack evictable; of the open
    files, those in use are not evicted, and the others are closed when they are.
    """

    def __init__(
        self,
        layout: Layout,
        limits: Limits,
        index: Index,
        *,
        flush: Callable[[], object],
        give_up_pack: Callable[[], object],
        open_packs: OpenFiles[PackFile],
        open_objects: OpenFiles[BlockFile],
    ) -> None:
        self._layout = layout
        self._limits = limits
        self._index = index
        self._flush = flush
        self._give_up_pack = give_up_pack
        self._open_packs = open_packs
        self._open_objects = open_objects
        self._failing = False
        self._lock = threading.Lock()
        #: Held while looking and evicting, so that the threads of a process do not each evict for the same bytes.
        self._slow_lock = threading.Lock()
        self._allowance = 0
        self._until = 0.0
        self.evicted_bytes = 0

    def limit(self) -> int | None:
        """Give ``max_size`` in bytes, None if there is none. Raises OSError."""
        size = self._limits.max_size
        return None if size is None else size.of(room(self._layout.root).total)

    def reserve(self, need: int) -> None:
        """Make sure that so many bytes may be added; evict where they may not. Blocking.

        Raises:
            CacheFullError: nothing more can be evicted, or the content is larger than all of the cache may be.
            OSError
        """
        with self._lock:
            if need <= self._allowance and time.monotonic() < self._until:
                self._allowance -= need
                return
        with self._slow_lock:
            self._flush()
            used, capacity = self._look()
            for _ in range(_EVICTIONS):
                if used + need <= capacity or need > capacity:
                    break
                self.evict(need)
                # Other threads and processes take of what was freed, too.
                self._flush()
                used, capacity = self._look()
            if used + need > capacity:
                raise CacheFullError(
                    f"the cache in {self._layout.root} has no room for {need} bytes: {used} are in use of {capacity}",
                    hint="free space on that volume, or change --max-cache-size or --min-free-space",
                )
            with self._lock:
                self._allowance = min(max(capacity // 64, 1), _STEP, capacity - used - need)
                self._until = time.monotonic() + _PERIOD

    def evict(self, need: int) -> None:
        """Delete what has not been used for longest until ``need`` bytes fit, or nothing is left. Blocking.

        Raises:
            OSError
        """
        with exclusive(self._layout, "evict"):
            self._tidy(_TIDY_PERIOD_SHORT)
            # Asked here, not before: another process may have evicted while this one waited for the lock.
            used, capacity = self._look()
            excess = need + max(used - int(capacity * _LOW_WATER), int(used * (1 - _LOW_WATER)))
            try:
                excess -= self._evict(excess)
                if excess > 0:
                    self._give_up_pack()
                    self._flush()
                    self._evict(excess)
                # The index takes room, too; most of it is what was written twice.
                self._index.shrink()
                self._failing = False
            except sqlite3.Error as error:
                self._evict_without_index(excess, error)

    def tidy(self) -> None:
        """Clear what killed processes left behind, once a day, and at once after a damaged index. Blocking."""
        with suppress(OSError):
            if self._tidy_is_due(_TIDY_PERIOD):
                with exclusive(self._layout, "evict"):
                    self._tidy(_TIDY_PERIOD)

    def _look(self) -> tuple[int, int]:
        """Ask for the bytes in use, and the bytes that may be."""
        used = self._index.total()
        volume = room(self._layout.root)
        capacity = used + volume.free - self._limits.min_free.of(volume.total)
        if self._limits.max_size is not None:
            capacity = min(capacity, self._limits.max_size.of(volume.total))
        return used, max(capacity, 0)

    def _evict_without_index(self, need: int, error: sqlite3.Error) -> None:
        """Make room when the index cannot be written, as on a volume without a single free page."""
        if not self._failing:
            _log.warning("evicting by date, because the index of %s cannot be written: %s", self._layout.root, error)
        self._failing = True
        self.evicted_bytes += delete_oldest_files(self._layout, need)
        self.close_evicted()
        self._index.shrink()
        self._flush()

    def close_evicted(self) -> None:
        """Close the files that have been evicted, by whomever: open, they still take up room."""
        self._open_packs.forget_where(PackFile.is_unlinked)
        self._open_objects.forget_where(BlockFile.is_unlinked)

    def _is_busy(self, name: int | str) -> bool:
        return self._open_packs.in_use(name) if isinstance(name, int) else self._open_objects.in_use(name)

    def _evict(self, excess: int) -> int:
        freed = 0
        kept: set[int | str] = set()
        while freed < excess:
            found = self._index.oldest(_ROUND + len(kept))
            victims = [victim for victim in found if victim.name not in kept]
            if not victims:
                break
            chosen: list[Victim] = []
            for victim in victims:
                if freed >= excess:
                    break
                if self._is_busy(victim.name):
                    kept.add(victim.name)
                else:
                    chosen.append(victim)
                    freed += victim.bytes
            for victim in self._delete(chosen):
                kept.add(victim.name)
                freed -= victim.bytes
        self.evicted_bytes += freed
        return freed

    def _delete(self, victims: list[Victim]) -> list[Victim]:
        """Delete files and return those that have a writer. Raises sqlite3.Error: the files are gone, the rows are not.

        The rows go first, since a file without a row is found again sooner than a row without a file. But a volume can
        be so full that the database cannot shrink: then the files make the room for that.
        """
        locks: list[int] = []
        refused: list[Victim] = []
        try:
            refused.extend(v for v in victims if isinstance(v.name, int) and not self._lock_pack(v.name, locks))
            gone = [victim.name for victim in victims if victim not in refused]
            try:
                self._index.remove(gone)
                removed = True
            except sqlite3.Error:
                removed = False
            for name in gone:
                with suppress(FileNotFoundError):
                    os.unlink(self._layout.pack(name) if isinstance(name, int) else self._layout.object(name))
            self.close_evicted()
            if not removed:
                self._index.remove(gone)
        finally:
            for descriptor in locks:
                os.close(descriptor)
        return refused

    def _lock_pack(self, number: int, locks: list[int]) -> bool:
        try:
            descriptor = os.open(self._layout.pack(number), os.O_RDWR)
        except FileNotFoundError:
            return True
        if try_lock(descriptor):
            locks.append(descriptor)
            return True
        os.close(descriptor)
        return False

    def _tidy(self, period: float) -> None:
        if self._tidy_is_due(period):
            clear_leftovers(self._layout, self._index)
            os.close(os.open(self._layout.tidied, os.O_WRONLY | os.O_CREAT, 0o600))
            os.utime(self._layout.tidied)

    def _tidy_is_due(self, period: float) -> bool:
        try:
            return os.stat(self._layout.tidied).st_mtime < time.time() - period
        except FileNotFoundError:
            return True
