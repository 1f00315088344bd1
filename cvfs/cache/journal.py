"""What this process has changed and not yet committed to the index: readable at once, written in groups.

A commit costs about as much as reading a hundred entries, so they are grouped: the thread that adds the 64th commits,
and a thread of the journal's own sees to it that nothing waits long. A killed process loses what it had not committed:
it is fetched again.

Threading: every method may be called from any thread. The journal's thread starts with the first change, so that a
process may still fork before that.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable

from cvfs.cache.directory import Layout
from cvfs.cache.index import Batch, Index, Location
from cvfs.cache.packs import PackWriter

_log = logging.getLogger(__name__)

#: Entries a commit: beyond this, the cost of each hardly falls.
GROUP = 64
#: Seconds until other processes see an entry. A commit at that pace costs a processor a few parts in a thousand.
DELAY = 0.2
#: Seconds until a time of last use is written; nothing but the order of eviction depends on it.
USE_DELAY = 10.0
#: Seconds between looks for open files that another process has evicted: as long as they are open they take up room.
SWEEP = 60.0
#: Entries kept while commits fail (a full volume): about 20 MB of memory. The oldest beyond it become misses.
_MOST = 65536


class Journal:
    """The uncommitted changes of one process, and the thread that commits them.

    ``sweep`` is called by that thread now and then; ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        layout: Layout,
        index: Index,
        writer: PackWriter,
        sweep: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._layout = layout
        self._index = index
        self._writer = writer
        self._sweep = sweep
        self._clock = clock
        self._wake = threading.Condition()
        self._flush_lock = threading.Lock()
        self._batch = Batch()
        #: What is being committed. Set before ``_batch`` is emptied and emptied after the commit, so that whoever looks
        #: into ``_batch``, then here, then into the index, without a lock, sees every entry.
        self._committing = Batch()
        self._thread: threading.Thread | None = None
        self._urgent = False
        self._dirty = False
        self._closed = False
        self._failing = False

    def find(self, key: str) -> Location | None:
        """Find a small content that has been added and not yet committed. Never blocks."""
        return self._batch.entries.get(key) or self._committing.entries.get(key)

    def is_forgotten(self, key: str, at: Location) -> bool:
        """Tell whether this entry turned out damaged; the index may still name it. Never blocks."""
        return self._batch.forgotten.get(key) == at or self._committing.forgotten.get(key) == at

    def add(self, key: str, at: Location) -> None:
        """Record a small content that has been written. May commit: blocking."""
        with self._wake:
            self._batch.entries[key] = at
            self._batch.forgotten.pop(key, None)
            self._batch.packs[at.pack] = max(self._batch.packs.get(at.pack, 0), at.start + at.length)
            full = len(self._batch.entries) >= GROUP and not self._failing
            self._changed(urgent=True)
        if full:
            self.flush()

    def forget(self, key: str, at: Location) -> None:
        """Take out an entry whose bytes are damaged, unless another has taken its place."""
        with self._wake:
            if self._batch.entries.get(key) == at:
                del self._batch.entries[key]
            self._batch.forgotten[key] = at
            self._changed(urgent=True)

    def grew(self, key: str) -> None:
        """Record that a large content has been made or written to; its size is looked up when it is committed."""
        with self._wake:
            self._batch.objects[key] = 0
            self._changed(urgent=True)

    def used(self, name: int | str) -> None:
        """Record that a pack or a large content is being read."""
        batch = self._batch
        if name in batch.used_packs or name in batch.used_objects:
            return
        with self._wake:
            if isinstance(name, int):
                self._batch.used_packs.add(name)
            else:
                self._batch.used_objects.add(name)
            self._changed(urgent=False)

    def uncommitted(self) -> tuple[set[int], set[str]]:
        """List the packs and large contents that the index may not know yet."""
        with self._wake:
            return (
                self._batch.packs.keys() | self._committing.packs.keys(),
                self._batch.objects.keys() | self._committing.objects.keys(),
            )

    def flush(self) -> bool:
        """Commit what there is and tell whether that worked; if not, it is kept for another try. Blocking."""
        with self._flush_lock:
            # Before the entries are looked at: a pack may be let go only when all of its entries have been committed.
            full = self._writer.take_full()
            with self._wake:
                self._committing = self._batch
                self._batch = Batch()
                self._urgent = self._dirty = False
            batch = self._committing
            batch.objects = {key: self._size(key) for key in batch.objects}
            try:
                self._index.commit(batch, int(self._clock() * 1000))
            except sqlite3.Error as error:
                self._writer.give_back(full)
                self._failed(error)
                return False
            self._failing = False
            with self._wake:
                self._committing = Batch()
            self._writer.let_go(full)
            return True

    def close(self) -> None:
        """End the thread and commit for the last time. Blocking."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
            self.flush()

    def _changed(self, *, urgent: bool) -> None:
        """Wake the thread if it has to act sooner than it thinks. The lock is held."""
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="cvfs-cache-journal", daemon=True)
            self._thread.start()
        if not self._dirty or (urgent and not self._urgent):
            self._dirty = True
            self._urgent = self._urgent or urgent
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._urgent and not self._closed:
                    self._wake.wait(USE_DELAY if self._dirty else SWEEP)
                if self._urgent:
                    self._wake.wait_for(lambda: self._closed, DELAY)
                if self._closed:
                    return
                dirty = self._dirty
            if dirty:
                self.flush()
            self._sweep()

    def _size(self, key: str) -> int | None:
        try:
            # Blocks of 512 bytes whatever the file system's own are: stat(2). Holes do not count.
            return os.stat(self._layout.object(key)).st_blocks * 512
        except FileNotFoundError:
            return None
        except OSError:
            return 0

    def _failed(self, error: sqlite3.Error) -> None:
        if not self._failing:
            _log.warning("the cache index in %s cannot be written now: %s", self._layout.root, error)
        self._failing = True
        with self._wake:
            old, new = self._committing, self._batch
            self._batch = Batch(
                old.entries | new.entries,
                old.forgotten | new.forgotten,
                {pack: max(old.packs.get(pack, 0), new.packs.get(pack, 0)) for pack in old.packs | new.packs},
                old.objects | new.objects,
                old.used_packs | new.used_packs,
                old.used_objects | new.used_objects,
            )
            self._committing = Batch()
            entries = self._batch.entries
            while len(entries) > _MOST:
                del entries[next(iter(entries))]
            self._changed(urgent=True)
