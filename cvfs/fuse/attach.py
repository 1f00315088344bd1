"""Attach a FUSE connection to a directory, and detach it: mount(2) and umount2(2) for root, fusermount3 for others.

Done here and not by libfuse, so that the reason of a failure is known, and so that the handshake can be completed
(see ``handshake``) before libfuse takes over. All functions block: call them from a worker thread while serving.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import subprocess
from collections.abc import Mapping

from cvfs.errors import BusyError, MountError
from cvfs.fuse.options import MountOptions

_MNT_DETACH = 2  # linux/fs.h
_DEVICE = "/dev/fuse"
#: A helper that does not come back is as good as one that failed.
_HELPER_SECONDS = 30
_libc = ctypes.CDLL(None, use_errno=True)


def attach(mountpoint: str, options: MountOptions, environment: Mapping[str, str]) -> int:
    """Mount, and return the descriptor of the FUSE connection, on which the kernel's first request waits.

    ``environment`` is for fusermount3.

    Raises:
        MountError: the kernel or fusermount3 refused, and why.
    """
    if os.geteuid() == 0:
        return _attach_as_root(mountpoint, options)
    return _attach_by_helper(mountpoint, options, environment)


def detach(mountpoint: str, *, lazy: bool = False) -> None:
    """Unmount. ``lazy`` takes it out of sight now and unmounts it when nobody uses it any more.

    Raises:
        BusyError: somebody uses it.
        MountError: it cannot be unmounted for another reason.
    """
    if os.geteuid() == 0:
        if _libc.umount2(os.fsencode(mountpoint), _MNT_DETACH if lazy else 0) != 0:
            code = ctypes.get_errno()
            raise _refusal(mountpoint, os.strerror(code), busy=code == errno.EBUSY)
        return
    command = ["fusermount3", "-u", *(["-z"] if lazy else []), "--", mountpoint]
    done = _run(command)
    if done.returncode != 0:
        reason = done.stderr.strip()
        raise _refusal(mountpoint, reason, busy=os.strerror(errno.EBUSY) in reason)


def _attach_as_root(mountpoint: str, options: MountOptions) -> int:
    try:
        connection = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise MountError(
            f"{_DEVICE} cannot be opened: {error.strerror}",
            hint="load the module with modprobe fuse; give a container --device /dev/fuse --cap-add SYS_ADMIN",
        ) from error
    kind = stat.S_IFMT(os.stat(mountpoint).st_mode)
    data = [f"fd={connection}", f"rootmode={kind:o}", f"user_id={os.getuid()}", f"group_id={os.getgid()}"]
    result = _libc.mount(
        options.source.encode(),
        os.fsencode(mountpoint),
        b"fuse.cvfs",
        options.flags,
        ",".join([*data, *options.data]).encode(),
    )
    if result != 0:
        code = ctypes.get_errno()
        os.close(connection)
        hint = "a container needs --cap-add SYS_ADMIN to mount" if code == errno.EPERM else None
        raise MountError(f"the kernel refused to mount on {mountpoint}: {os.strerror(code)}", hint=hint)
    return connection


def _attach_by_helper(mountpoint: str, options: MountOptions, environment: Mapping[str, str]) -> int:
    """Let the setuid helper mount: it hands the connection over a socket whose number is in its environment."""
    words = ",".join([*options.names, f"fsname={options.source}", "subtype=cvfs"])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        told = {**environment, "_FUSE_COMMFD": str(theirs.fileno())}
        done = _run(["fusermount3", "-o", words, "--", mountpoint], told, theirs.fileno())
        if done.returncode != 0:
            reason = done.stderr.strip() or "fusermount3 failed"
            raise MountError(f"{mountpoint} cannot be mounted: {reason}", hint=_helper_hint(reason))
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    (connection,) = descriptors
    os.set_inheritable(connection, False)
    return connection


def _helper_hint(complaint: str) -> str | None:
    if "user_allow_other" in complaint:
        return "an administrator allows it with the line user_allow_other in /etc/fuse.conf"
    if _DEVICE in complaint:
        return "this user may not open /dev/fuse, or the module fuse is not loaded"
    return None


def _run(
    command: list[str], environment: Mapping[str, str] | None = None, keep: int | None = None
) -> subprocess.CompletedProcess[str]:
    # fusermount3 knows no languages but English, so its words can be recognised.
    try:
        return subprocess.run(
            command,
            env=environment,
            pass_fds=[] if keep is None else [keep],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise MountError(
            "fusermount3 was not found; users other than root cannot mount without it",
            hint="install the package fuse3",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MountError(f"fusermount3 did not come back within {_HELPER_SECONDS} s") from error


def _refusal(mountpoint: str, reason: str, *, busy: bool) -> MountError:
    if busy:
        return BusyError(f"{mountpoint} is in use", hint="close what uses it, or unmount it lazily (-z)")
    return MountError(f"{mountpoint} cannot be unmounted: {reason}")
