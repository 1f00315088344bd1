"""Fill a new file with the content of another one, in the cheapest way that the file system knows."""

from __future__ import annotations

import errno
import fcntl
import os

from cvfs.workspace.temporary import write_all

#: ioctl_ficlone(2): share all blocks of a file, as Btrfs, XFS, bcachefs, ZFS and NFS servers with such disks can.
_FICLONE = 0x40049409
_CHUNK = 8 << 20
#: What these calls answer where two files cannot share blocks, or the kernel or file system knows no such call.
_CANNOT_SHARE = frozenset(
    (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY)
)


def clone_or_copy(source: int, target: int) -> bool:
    """Fill the empty file ``target`` from ``source``, both open. Returns whether their blocks are shared. Blocking.

    Raises:
        OSError
    """
    if share_blocks(source, target):
        return True
    _copy(source, target)
    return False


def share_blocks(source: int, target: int) -> bool:
    """Have the empty file ``target`` share all blocks of ``source``, both open. False where that cannot be. Blocking.

    Raises:
        OSError
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return False
    return True


def _copy(source: int, target: int) -> None:
    position = 0
    try:
        while count := os.copy_file_range(source, target, _CHUNK, position, position):
            position += count
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
    # From where the kernel stopped: at once, where it cannot copy between the two, and at the end otherwise. (Some
    # file systems, such as /proc, answer that there is nothing to copy.)
    os.lseek(target, position, os.SEEK_SET)
    while data := os.pread(source, _CHUNK, position):
        write_all(target, data)
        position += len(data)
