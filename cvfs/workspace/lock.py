"""Who may write to a clone: one cvfs at a time, and never while DVC does.

DVC takes an exclusive flock on ``.dvc/tmp/lock`` for as long as a command runs (``dvc/lock.py``, through zc.lockfile),
and reads and rewrites its metafiles within. Whoever holds the same lock for the moment of a replacement has therefore
no DVC between them. With ``core.hardlink_lock``, for file systems without flock, that name is instead a hard link to a
claim, whose path it holds, and its mtime says until when the claim is good (flufl.lock).

A flock ends with the process that holds it, however it ends; a claim of a killed process runs out.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cvfs.errors import LockedError, WorkspaceError
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.temporary import write_all

_log = logging.getLogger(__name__)

#: How long DVC waits for another DVC.
DVC_PATIENCE_S = 3.0
_STEP_S = 0.1
#: File systems on which locks cannot be had: Lustre without ``-o flock``, some network mounts.
_NO_LOCKS = frozenset((errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK))
#: zc.lockfile writes the number of the process.
_PROCESS = re.compile(rb"\s*(\d+)\s*")

#: Far longer than metafiles take to be replaced.
_CLAIM_S = 60.0
#: How wrong flufl.lock takes clocks to be: a claim is broken so much later.
_SLOP_S = 10.0


@contextmanager
def clone_lock(dvc_dir: str) -> Iterator[None]:
    """Be the only cvfs that writes to the clone whose ``.dvc`` directory this is. Blocking, but never waits.

    Raises:
        LockedError: another one does, naming its process.
        WorkspaceError: the lock file cannot be made.
    """
    with _mapped(path := os.path.join(dvc_dir, "tmp", "cvfs", "lock")):
        descriptor = _flocked(path, "cvfs", 0.0)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def dvc_lock(dvc_dir: str, *, hardlink: bool, patience_s: float = DVC_PATIENCE_S) -> Iterator[None]:
    """Keep DVC from reading and rewriting metafiles; wait up to ``patience_s`` for one that runs. Blocking.

    Take it only for the moments in which metafiles are replaced, since all of DVC's commands wait for it. ``hardlink``
    is ``core.hardlink_lock``.

    Raises:
        LockedError: DVC still runs, naming its process.
        WorkspaceError: the lock file cannot be made.
    """
    path = os.path.join(dvc_dir, "tmp", "lock")
    if hardlink:
        with _mapped(path):
            claim = _claimed(path, patience_s)
        try:
            yield
        finally:
            for name in (path, claim):
                with suppress(FileNotFoundError):
                    os.unlink(to_bytes(name))
        return
    with _mapped(path):
        descriptor = _flocked(path, "DVC", patience_s)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _mapped(path: str) -> Iterator[None]:
    try:
        os.makedirs(to_bytes(os.path.dirname(path)), exist_ok=True)
        yield
    except OSError as error:
        raise WorkspaceError(f"cannot lock {path}: {error.strerror}") from error


def _flocked(path: str, who: str, patience_s: float) -> int:
    """Return the open file whose lock we have."""
    descriptor = os.open(to_bytes(path), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        for _ in _attempts(patience_s):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                continue
        else:
            found = _PROCESS.fullmatch(os.pread(descriptor, 64, 0))
            raise _busy(path, who, f"process {int(found[1])}" if found else "a process")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b" %d\n" % os.getpid(), 0)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            os.close(descriptor)
            raise
        _log.warning("%s: no locks on this file system; see to it that only one program writes to this clone", path)
    except LockedError:
        os.close(descriptor)
        raise
    return descriptor


def _claimed(path: str, patience_s: float) -> str:
    """Return the path of our claim, to which the lock is a link now."""
    claim = f"{path}|{socket.gethostname()}|{os.getpid()}|{secrets.randbelow(10**15)}"
    descriptor = os.open(to_bytes(claim), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(descriptor, to_bytes(claim))
        for _ in _attempts(patience_s):
            until = time.time() + _CLAIM_S
            os.utime(descriptor, (until, until))
            with suppress(FileExistsError):
                os.link(to_bytes(claim), to_bytes(path))
                return claim
            _break_old(path)
        raise _busy(path, "DVC", "a process")
    except BaseException:
        os.unlink(to_bytes(claim))
        raise
    finally:
        os.close(descriptor)


def _break_old(path: str) -> None:
    """Remove the lock of a process that was killed."""
    with suppress(FileNotFoundError):
        if os.stat(to_bytes(path)).st_mtime + _SLOP_S < time.time():
            _log.warning("%s: removed a lock that has run out", path)
            os.unlink(to_bytes(path))


def _attempts(patience_s: float) -> Iterator[None]:
    """Count to the end of patience, at least to one."""
    deadline = time.monotonic() + patience_s
    yield
    while time.monotonic() < deadline:
        time.sleep(_STEP_S)
        yield


def _busy(path: str, who: str, holder: str) -> LockedError:
    return LockedError(
        f"{who} is writing to this clone ({holder} holds {path})", hint="run the command again when it is done"
    )
