"""What the cache has to know of the volume it lies on: room, and whether other machines write to it, too."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

#: File systems on which several machines, or none that can map memory together, see the same files. SQLite's WAL needs
#: shared memory between all who have the database open, and silently corrupts it where two machines do.
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "wekafs",
}  # fmt: skip
#: mountinfo writes blanks, tabs, newlines and backslashes of a path this way.
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a volume: all of it, and what an ordinary user may still write."""

    total: int
    free: int


def room(path: str) -> Room:
    """Ask the volume of ``path`` for its size and free space. Blocking. Raises OSError."""
    found = os.statvfs(path)
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def is_network(path: str, mountinfo: str = "/proc/self/mountinfo") -> bool:
    """Tell whether ``path`` lies on a file system that more than one machine may have mounted. Blocking.

    Where the kernel does not tell, the answer is no.
    """
    path = os.path.realpath(path)
    best, kind = "", ""
    try:
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                # Fields: proc_pid_mountinfo(5). The file system's type is the first one after the lone hyphen.
                left, _, right = line.partition(" - ")
                point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), left.split(" ")[4])
                inside = path == point or path.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(best):
                    best, kind = point, right.split(" ", 1)[0]
    except (OSError, IndexError):
        return False
    return kind in _NETWORK
