"""What is mounted where, from ``/proc/self/mountinfo`` (proc_pid_mountinfo(5)).

Reading it sends no request to any file system, so it never hangs on a dead or stalled mount.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

#: The file system type of our mounts: FUSE, subtype cvfs.
CVFS_TYPE = "fuse.cvfs"
#: What the name of the mounted device begins with; the commit follows.
SOURCE_PREFIX = "cvfs@"

_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountEntry:
    """One line of mountinfo. ``device`` is ``major:minor``; ``options`` are the mount's, not its file system's."""

    device: str
    mountpoint: str
    options: frozenset[str]
    filesystem: str
    source: str

    @property
    def commit(self) -> str | None:
        """Name the commit that one of our mounts shows, None for any other mount."""
        if self.filesystem != CVFS_TYPE:
            return None
        return self.source.removeprefix(SOURCE_PREFIX)


def read_mounts() -> list[MountEntry]:
    """List the mounts that this process can see, lower ones before those that cover them. Never blocks."""
    return parse_mountinfo(Path("/proc/self/mountinfo").read_bytes())


def mounted_at(mountpoint: str) -> MountEntry | None:
    """Find the topmost mount at ``mountpoint``, an absolute path without symbolic links. Never blocks."""
    return next((entry for entry in reversed(read_mounts()) if entry.mountpoint == mountpoint), None)


def parse_mountinfo(text: bytes) -> list[MountEntry]:
    """Parse the file's lines; a field's blanks and backslashes are written as three octal digits."""
    entries = []
    for line in text.splitlines():
        own, _, shared = line.partition(b" - ")
        _, _, device, _, mountpoint, options, *_ = own.split(b" ")
        filesystem, source, *_ = shared.split(b" ")
        entries.append(
            MountEntry(
                device=device.decode("ascii"),
                mountpoint=_unescape(mountpoint),
                options=frozenset(options.decode("ascii").split(",")),
                filesystem=_unescape(filesystem),
                source=_unescape(source),
            )
        )
    return entries


def _unescape(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), field))
