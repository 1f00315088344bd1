"""Put content at a path of the work tree: whole or not at all, and never in the place of what nobody looked at.

What is on disk when: a file gets its name only when all its bytes are written, so a killed command leaves old files,
new files, and temporary ones that scans know by name. Single files are not synced, for that would cost a disk's
patience per file, and all of it can be fetched again; ``sync`` makes everything durable at once. Call it before the
stat cache or a message says that files are in place: after a power cut before that, names may be there without bytes.

Threading: any thread may place files, several at once. Blocking.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Self

from cvfs.errors import ChangedMeanwhileError, IntegrityError, WorkspaceError
from cvfs.workspace.copying import clone_or_copy, share_blocks
from cvfs.workspace.directories import WorkDirectory
from cvfs.workspace.file_state import FileState, is_executable, to_bytes
from cvfs.workspace.temporary import temporary_name, write_all, written_aside

#: What link(2) says where there are no hard links, none to other volumes or other people's files, or no more of them.
_NO_HARDLINK = frozenset((errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES))

_LIBC = ctypes.CDLL(None, use_errno=True)
_PIECE = 1 << 20


class Link(Enum):
    """How a file of a cache comes into the work tree. Whoever writes through a link changes the cache."""

    COPY = "copy"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"


class Anything:
    """Stands for whatever file is at a path, in place of the state of one."""


#: Replaces any file or link, never a directory.
ANYTHING = Anything()


class Placer:
    """Places files below ``root``, which must exist."""

    def __init__(self, root: str) -> None:
        self._directory = WorkDirectory(root)
        #: Devices that share no blocks with this one.
        self._foreign: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the root; nothing can be placed any more."""
        self._directory.close()

    def place_bytes(
        self,
        path: str,
        chunks: Iterable[bytes],
        *,
        md5: str | None,
        isexec: bool = False,
        over: FileState | Anything | None = None,
    ) -> FileState:
        """Write a file, and return its state. ``path`` is relative to the root; its directories are made.

        ``md5`` is checked before the file gets its name, unless it is None. ``over`` is the state of the file that may
        be replaced, None where there must be none.

        Raises:
            IntegrityError: the bytes have another md5.
            ChangedMeanwhileError: something other than ``over`` is at the path.
            WorkspaceError: a link leads out of the root, a directory is in the way, or the system refuses.
        """

        def fill(descriptor: int) -> None:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in chunks:
                digest.update(chunk)
                write_all(descriptor, chunk)
            if md5 is not None:
                _check_md5(path, digest.hexdigest(), md5)

        with _target(self._directory, path, over) as target:
            return target.write(fill, isexec)

    def place_file(
        self,
        path: str,
        source: str,
        *,
        link: Link = Link.COPY,
        isexec: bool = False,
        over: FileState | Anything | None = None,
    ) -> FileState:
        """Place the content of the file ``source``, which the caller has verified, and return the new file's state.

        A copy shares blocks with the source where the file system can. Where a hard link is impossible, or would have
        the wrong permission to execute, it is a copy; the state of a symbolic link is that of the source.

        Raises:
            ChangedMeanwhileError, WorkspaceError: as ``place_bytes``, or the source cannot be read.
        """
        with _target(self._directory, path, over) as target:
            if link is Link.SYMLINK:
                return target.symlink(source)
            if link is Link.HARDLINK and (state := target.hardlink(source, isexec)):
                return state

            def fill(descriptor: int) -> None:
                original = os.open(to_bytes(source), os.O_RDONLY)
                try:
                    clone_or_copy(original, descriptor)
                finally:
                    os.close(original)

            return target.write(fill, isexec)

    def place_shared(
        self,
        path: str,
        source: int,
        size: int,
        *,
        md5: str,
        isexec: bool = False,
        over: FileState | Anything | None = None,
        progress: Callable[[int], None] = lambda _count: None,
    ) -> FileState | None:
        """Place the first ``size`` bytes of the open file ``source`` by sharing its blocks; None where that cannot be.

        They are read and compared with ``md5`` before the file gets its name, and counted to ``progress``.

        Raises:
            IntegrityError, ChangedMeanwhileError, WorkspaceError: as ``place_bytes``.
        """
        device = os.fstat(source).st_dev
        if device in self._foreign:
            return None

        def fill(descriptor: int) -> None:
            if not share_blocks(source, descriptor):
                raise _NotSharedError
            os.ftruncate(descriptor, size)
            _check_md5(path, _md5_of(descriptor, progress), md5)

        try:
            with _target(self._directory, path, over) as target:
                return target.write(fill, isexec)
        except _NotSharedError:
            self._foreign.add(device)
            return None

    def make_executable(self, path: str, *, expected: FileState) -> FileState:
        """Let everybody execute a file who may read it, and return its new state. Links are not followed.

        Raises:
            ChangedMeanwhileError: the file has another state.
            WorkspaceError: as ``place_bytes``.
        """
        parent, _, name = path.rpartition("/")
        try:
            with self._directory.opened(parent, create=False) as directory:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                descriptor = os.open(to_bytes(name), flags, dir_fd=directory)
            try:
                found = os.fstat(descriptor)
                if FileState.of(found) != expected:
                    raise _in_the_way(path)
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode) | (found.st_mode & 0o444) >> 2)
                return FileState.of(os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WorkspaceError(f"cannot make {path} executable: {error.strerror}") from error

    def remove(self, path: str, *, expected: FileState | Anything) -> None:
        """Delete a file, and then each directory above it that is empty now.

        Raises:
            ChangedMeanwhileError: the file has another state.
            WorkspaceError: as ``place_bytes``.
        """
        parent, _, name = path.rpartition("/")
        try:
            with self._directory.opened(parent, create=False) as directory:
                _check(directory, to_bytes(name), path, expected)
                os.unlink(to_bytes(name), dir_fd=directory)
            with suppress(OSError):
                while parent:
                    parent, _, name = parent.rpartition("/")
                    with self._directory.opened(parent, create=False) as directory:
                        os.rmdir(to_bytes(name), dir_fd=directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkspaceError(f"cannot delete {path}: {error.strerror}") from error

    def sync(self) -> None:
        """Have everything that was placed survive a power cut (syncfs(2)). WorkspaceError if the disk fails."""
        if _LIBC.syncfs(self._directory.descriptor) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise WorkspaceError(f"the files may not be on disk yet: {reason}")


class _NotSharedError(Exception):
    """The file system cannot let these two files share blocks."""


def _md5_of(descriptor: int, progress: Callable[[int], None]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    position = 0
    while data := os.pread(descriptor, _PIECE, position):
        digest.update(data)
        position += len(data)
        progress(len(data))
    return digest.hexdigest()


def _check_md5(path: str, found: str, recorded: str) -> None:
    if found != recorded:
        raise IntegrityError(f"{path}: the bytes have the md5 {found}, and {recorded} is recorded")


@contextmanager
def _target(root: WorkDirectory, path: str, over: FileState | Anything | None) -> Iterator[_Target]:
    """Open the directory of a file that is to be placed, and map the system's errors."""
    parent, _, name = path.rpartition("/")
    try:
        with root.opened(parent, create=True) as directory:
            yield _Target(directory, to_bytes(name), path, over)
    except OSError as error:
        raise WorkspaceError(f"cannot write {path}: {error.strerror}") from error


class _Target:
    """The place of one file in an open directory."""

    def __init__(self, directory: int, name: bytes, path: str, over: FileState | Anything | None) -> None:
        self._directory = directory
        self._name = name
        self._path = path
        self._over = over

    def write(self, fill: Callable[[int], None], isexec: bool) -> FileState:
        """Place a new file that ``fill`` writes to. The umask decides who may do what, as for any new file."""
        self.check()
        with written_aside(self._directory, 0o777 if isexec else 0o666) as (temporary, descriptor):
            fill(descriptor)
            self._name_it(temporary)
            return FileState.of(os.fstat(descriptor))

    def hardlink(self, source: str, isexec: bool) -> FileState | None:
        """Place a hard link; None where that is impossible."""
        self.check()
        if is_executable(os.stat(to_bytes(source))) != isexec:
            return None
        temporary = temporary_name()
        try:
            os.link(to_bytes(source), temporary, dst_dir_fd=self._directory)
        except OSError as error:
            if error.errno in _NO_HARDLINK:
                return None
            raise
        return self._finish(temporary)

    def symlink(self, source: str) -> FileState:
        """Place a symbolic link with an absolute target."""
        self.check()
        os.stat(to_bytes(source))
        temporary = temporary_name()
        os.symlink(os.path.abspath(to_bytes(source)), temporary, dir_fd=self._directory)
        return self._finish(temporary)

    def check(self) -> None:
        """Raise ChangedMeanwhileError, or WorkspaceError for a directory, if the wrong thing has the name."""
        _check(self._directory, self._name, self._path, self._over)

    def _finish(self, temporary: bytes) -> FileState:
        try:
            self._name_it(temporary)
            return FileState.of(os.stat(self._name, dir_fd=self._directory))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=self._directory)

    def _name_it(self, temporary: bytes) -> None:
        if self._over is None:
            try:
                # Unlike a rename, a link never takes the place of a file that came meanwhile.
                os.link(
                    temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory, follow_symlinks=False
                )
            except FileExistsError as error:
                raise _in_the_way(self._path) from error
            except OSError as error:
                if error.errno not in _NO_HARDLINK:
                    raise
            else:
                os.unlink(temporary, dir_fd=self._directory)
                return
        self.check()
        os.rename(temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)


def _check(directory: int, name: bytes, path: str, over: FileState | Anything | None) -> None:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        # What may be replaced may as well be gone.
        return
    if stat.S_ISDIR(found.st_mode):
        raise WorkspaceError(f"{path} is a directory, where a file is to be placed", hint="move it away")
    if isinstance(over, Anything):
        return
    if stat.S_ISLNK(found.st_mode):
        with suppress(FileNotFoundError):
            found = os.stat(name, dir_fd=directory)
    if over is None or FileState.of(found) != over:
        raise _in_the_way(path)


def _in_the_way(path: str) -> ChangedMeanwhileError:
    return ChangedMeanwhileError(f"{path} is not what it was when cvfs looked at it, and was left alone")
