"""Whether a directory can become a mount point, and whether one of our mounts is still alive."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from enum import Enum

from cvfs.errors import MountError
from cvfs.fuse.attach import detach
from cvfs.fuse.mountinfo import MountEntry, mounted_at

log = logging.getLogger(__name__)

#: What the kernel answers once the process behind a mount is gone (the second: its connection was aborted by hand).
_DEAD = frozenset({errno.ENOTCONN, errno.ECONNABORTED})
#: A mount that answers does so in milliseconds, even on a busy machine.
_PROBE_SECONDS = 5.0


class Liveness(Enum):
    """What became of the process behind a mount."""

    ALIVE = "alive"
    DEAD = "dead"
    #: It did not answer in time, or this user may not ask.
    UNKNOWN = "unknown"


def prepare_mountpoint(path: str) -> str:
    """Return the absolute path of an empty directory to mount on; a dead mount of ours is taken away from it first.

    Blocking, for seconds where another mount there does not answer.

    Raises:
        MountError: what is wrong with the directory.
    """
    absolute = os.path.realpath(path)
    while (entry := mounted_at(absolute)) is not None and entry.commit is not None:
        _take_away(entry)
    try:
        kind = os.stat(absolute).st_mode
        if not stat.S_ISDIR(kind):
            raise MountError(f"{path} is not a directory", hint="the mount point has to be an empty directory")
        if os.listdir(absolute):
            raise MountError(f"{path} is not empty", hint="mounting would hide what is in it: take an empty directory")
    except FileNotFoundError as error:
        raise MountError(f"{path} does not exist", hint=f"make the directory first: mkdir -p {path}") from error
    except NotADirectoryError as error:
        raise MountError(f"{path} is below something that is not a directory") from error
    except PermissionError as error:
        raise MountError(f"no permission to mount on {path}", hint="take a directory of your own") from error
    except OSError as error:
        hint = "another file system's dead mount is there: unmount it first" if error.errno in _DEAD else None
        raise MountError(f"{path} cannot be used as a mount point: {error.strerror}", hint=hint) from error
    return absolute


def probe(mountpoint: str, seconds: float = _PROBE_SECONDS) -> Liveness:
    """Ask a mount for its statistics, which the kernel never answers by itself, and wait ``seconds`` at most.

    Blocking. The process behind the mount must not call this in the thread that serves.
    """
    answers: list[Liveness] = []
    asking = threading.Thread(target=lambda: answers.append(_ask(mountpoint)), daemon=True)
    asking.start()
    asking.join(seconds)
    return answers[0] if answers else Liveness.UNKNOWN


def _ask(mountpoint: str) -> Liveness:
    try:
        os.statvfs(mountpoint)
    except OSError as error:
        return Liveness.DEAD if error.errno in _DEAD else Liveness.UNKNOWN
    return Liveness.ALIVE


def _take_away(entry: MountEntry) -> None:
    if probe(entry.mountpoint) is not Liveness.DEAD:
        raise MountError(
            f"{entry.mountpoint} already is a mount of commit {entry.commit}",
            hint=f"cvfs umount {entry.mountpoint}",
        )
    log.warning("taking away the dead mount of commit %s at %s", entry.commit, entry.mountpoint)
    detach(entry.mountpoint, lazy=True)
