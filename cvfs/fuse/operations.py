"""The kernel's requests, handed to ``FileSystem`` and its answers translated: nothing is decided here.

Threading: all handlers run in the trio thread. Only ``read`` ever waits, and ``open`` where no size was recorded; no
handler holds up another.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import cachetools
import pyfuse3

from cvfs.errors import CvfsError
from cvfs.filesystem import BLOCK_SIZE, Attributes, FileSystem
from cvfs.fuse.errnos import errno_of

log = logging.getLogger(__name__)

#: How long the kernel may believe a name, its absence, or attributes: 200 years, because a commit never changes. Far
#: below what overflows when the kernel counts it in jiffies.
FOREVER = 200 * 365 * 86400.0
#: The kernel asks for a failed page twice (as read-ahead, then alone), so the same failure again is not news.
_SAME_FAILURE_SECONDS = 2.0
_NANOSECONDS = 1_000_000_000

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Handler = Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]]


def _contained(handler: _Handler[_P, _T]) -> _Handler[_P, _T]:
    """Turn every exception of a handler into an errno: any other that escaped would end the mount."""

    @functools.wraps(handler)
    async def contained(self: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await handler(self, *args, **kwargs)
        except pyfuse3.FUSEError:
            raise
        except CvfsError as error:
            raise pyfuse3.FUSEError(errno_of(error)) from error
        except Exception as error:
            log.exception("%s failed unexpectedly (this is a bug in cvfs)", handler.__name__)
            raise pyfuse3.FUSEError(errno.EIO) from error

    return contained


class Operations(pyfuse3.Operations):
    """Adapt one ``FileSystem``. File handles are inodes: nothing is kept per open file."""

    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

    def __init__(self, filesystem: FileSystem) -> None:
        super().__init__()
        self._filesystem = filesystem
        self._failures = _FailureLog(filesystem)

    @_contained
    async def lookup(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:  # noqa: ARG002
        """Find a name; an absent one is an entry with inode 0, which the kernel remembers as absent."""
        found = self._filesystem.lookup(parent_inode, name)
        if found is not None:
            return _entry(found)
        absent = pyfuse3.EntryAttributes()
        absent.entry_timeout = FOREVER
        return absent

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        """Do nothing: inodes are not counted, because none ever goes away."""

    @_contained
    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:  # noqa: ARG002
        """Describe an inode."""
        return _entry(self._filesystem.attributes(inode))

    @_contained
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:  # noqa: ARG002
        """Open a file; what is wrong with its content appears when it is read.

        But a size that was not recorded must be known before the first read: the kernel reads up to it.
        """
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise pyfuse3.FUSEError(errno.EROFS)
        try:
            await self._filesystem.learn_size(inode)
        except CvfsError as error:
            self._failures.note(inode, error)
            raise
        return pyfuse3.FileInfo(fh=inode, keep_cache=True)

    @_contained
    async def read(self, fh: int, off: int, size: int) -> bytes:
        """Read from the cache at once, or wait for the store."""
        try:
            data = self._filesystem.read_now(fh, off, size)
            return data if data is not None else await self._filesystem.read(fh, off, size)
        except CvfsError as error:
            self._failures.note(fh, error)
            raise

    async def release(self, fh: int) -> None:
        """Do nothing: no state belongs to an open file."""

    @_contained
    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:  # noqa: ARG002
        """Open a directory."""
        return self._filesystem.attributes(inode).ino

    @_contained
    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        """List a directory together with the attributes of what is in it, as much as the kernel has room for."""
        for name, attributes, following in self._filesystem.entries(fh, start_id):
            if not pyfuse3.readdir_reply(token, name, _entry(attributes), following):
                break

    async def releasedir(self, fh: int) -> None:
        """Do nothing: no state belongs to an open directory."""

    @_contained
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:  # noqa: ARG002
        """Describe the file system: as large as the commit, and full."""
        totals = self._filesystem.statfs()
        reply = pyfuse3.StatvfsData()
        reply.f_bsize = reply.f_frsize = BLOCK_SIZE
        reply.f_blocks = totals.blocks
        reply.f_files = totals.files
        reply.f_bfree = reply.f_bavail = reply.f_ffree = reply.f_favail = 0
        reply.f_namemax = totals.name_max
        return reply

    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:  # noqa: ARG002
        """Say that there is none; for ACLs and labels in a way that lets ``ls`` stop asking after the first file."""
        supported = name.startswith(b"user.")
        raise pyfuse3.FUSEError(errno.ENODATA if supported else errno.EOPNOTSUPP)

    async def listxattr(self, inode: int, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:  # noqa: ARG002
        """Name no extended attributes."""
        return []


class _FailureLog:
    """Leaves one line in the log for each failed read, however often the kernel repeats it."""

    def __init__(self, filesystem: FileSystem) -> None:
        self._filesystem = filesystem
        self._recent: cachetools.TTLCache[tuple[int, str], bool] = cachetools.TTLCache(1024, _SAME_FAILURE_SECONDS)

    def note(self, ino: int, error: CvfsError) -> None:
        failure = (ino, error.message)
        if failure in self._recent:
            return
        self._recent[failure] = True
        name = errno.errorcode[errno_of(error)]
        path, origin = self._filesystem.path(ino), self._filesystem.origin(ino)
        log.warning("reading %a (%s) failed with %s: %s", path, origin, name, error.message)


def _entry(attributes: Attributes) -> pyfuse3.EntryAttributes:
    entry = pyfuse3.EntryAttributes()
    entry.st_ino = attributes.ino
    entry.st_mode = attributes.mode
    # Each name is an inode of its own, so that archives never make hard links of equal files. A directory with one
    # link tells find(1) that subdirectories are not counted in it.
    entry.st_nlink = 1
    entry.st_size = attributes.size
    entry.st_blocks = attributes.blocks
    entry.st_blksize = BLOCK_SIZE
    entry.st_uid = attributes.uid
    entry.st_gid = attributes.gid
    entry.st_atime_ns = entry.st_mtime_ns = entry.st_ctime_ns = attributes.time * _NANOSECONDS
    entry.entry_timeout = FOREVER
    entry.attr_timeout = FOREVER if attributes.is_final else 0
    return entry
