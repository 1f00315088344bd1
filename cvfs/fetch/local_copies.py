"""Contents that DVC has on this machine already: its own cache, read in place after one look at every byte.

Layouts: formats of ``.dvc/cache``; DVC 3 has ``files/md5/AB/CDEF…``, DVC 2 ``AB/CDEF…``, named by "md5-dos2unix"
values.

Threading: every method may be called from any thread.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cachetools import LRUCache

from cvfs.fetch.hashing import ContentHash, Md5, TextMd5
from cvfs.fetch.identity import is_md5
from cvfs.model import Content

_log = logging.getLogger(__name__)

#: Files whose verification is remembered: about 30 MB of memory, and more than a training set's worth of open files.
_REMEMBERED = 131072
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _State:
    """A file as it was when it was hashed: any change shows in one of these."""

    inode: int
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """Where a copy might be, and the kind of hash that its name is."""

    path: str
    name: str
    text: bool


class LocalCopies:
    """The DVC caches of a repository, for reading. Nothing in them is ever changed.

    ``directories`` are DVC's ``cache.dir``; one that does not exist is passed over.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        self._directories = list(directories)
        self._lock = threading.Lock()
        self._known: LRUCache[tuple[str, bool], tuple[_State, bool]] = LRUCache(_REMEMBERED)

    def read(self, content: Content, offset: int, size: int) -> bytes | None:
        """Read from a copy that ``verify`` found right, and that has not changed since; else None.

        Blocking: local disk.
        """
        for copy in self._copies(content):
            known = self._recall(copy, content)
            if known is None or not known[1]:
                continue
            with suppress(OSError), _opened(copy.path) as (descriptor, state):
                if state == known[0]:
                    return os.pread(descriptor, size, offset)
        return None

    def size(self, content: Content) -> int | None:
        """Return the size in bytes of a copy that could be read now; None if there is none. Blocking: local disk."""
        for copy in self._copies(content):
            known = self._recall(copy, content)
            if known is None or not known[1]:
                continue
            with suppress(OSError), _opened(copy.path) as (_, state):
                if state == known[0]:
                    return state.size
        return None

    def unverified(self, content: Content) -> bool:
        """Tell whether there is a copy that ``verify`` has not seen as it is now. Blocking: local disk."""
        for copy in self._copies(content):
            with suppress(OSError), _opened(copy.path) as (_, state):
                known = self._recall(copy, content)
                if _fits(state, content) and (known is None or known[0] != state):
                    return True
        return False

    def verify(self, content: Content) -> None:
        """Hash the copies that have not been hashed as they are now. Blocking: reads all of their bytes."""
        for copy in self._copies(content):
            with suppress(OSError), _opened(copy.path) as (descriptor, state):
                known = self._recall(copy, content)
                if not _fits(state, content) or (known is not None and known[0] == state):
                    continue
                right = self._hash(descriptor, copy, content)
                with self._lock:
                    self._known[copy.path, _needs_proof(copy, content)] = (state, right)
                if not right and not _needs_proof(copy, content):
                    _log.warning("%s is not what its name says; DVC would call its cache corrupted", copy.path)

    def _hash(self, descriptor: int, copy: _Copy, content: Content) -> bool:
        digest: ContentHash = TextMd5() if copy.text and not _needs_proof(copy, content) else Md5()
        offset = 0
        while data := os.pread(descriptor, _PIECE, offset):
            digest.update(data)
            offset += len(data)
        return digest.matches(copy.name)

    def _recall(self, copy: _Copy, content: Content) -> tuple[_State, bool] | None:
        with self._lock:
            return self._known.get((copy.path, _needs_proof(copy, content)))

    def _copies(self, content: Content) -> Iterator[_Copy]:
        for directory in self._directories:
            if content.md5 is not None and is_md5(content.md5):
                yield _Copy(f"{directory}/files/md5/{content.md5[:2]}/{content.md5[2:]}", content.md5, text=False)
            elif content.text_md5 is not None and is_md5(content.text_md5):
                name = content.text_md5
                # Without a size the bytes of a version cannot be told from others whose line ends differ.
                if content.size is not None or content.version is None:
                    yield _Copy(f"{directory}/{name[:2]}/{name[2:]}", name, text=True)


def _needs_proof(copy: _Copy, content: Content) -> bool:
    """Tell whether a legacy copy must be shown to be the very bytes of a version.

    Files that differ in their line ends only have one legacy hash. A copy whose plain md5 is that hash has no CRLF that
    counts; a content with CRLF would then be longer. So hash and size together prove it. Where there is no version to
    contradict, the copy is all that was recorded, and what DVC itself would check out.
    """
    return copy.text and content.version is not None


def _fits(state: _State, content: Content) -> bool:
    return content.size is None or state.size == content.size


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, _State]]:
    # Not blocking, because opening a FIFO would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        yield descriptor, _State(found.st_ino, found.st_size, found.st_mtime_ns)
    finally:
        os.close(descriptor)
