"""Unmount: take a mount away, and return when the process behind it has ended."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping

from cvfs.errors import BusyError, MountError
from cvfs.fuse.attach import detach
from cvfs.fuse.mountinfo import MountEntry, mounted_at
from cvfs.fuse.mountpoint import Liveness, probe
from cvfs.fuse.users import find_users
from cvfs.mount_record import MountRecord, is_running, load_records, record_directory, remove_record

#: After the kernel has let go, the process only closes its cache.
_END_SECONDS = 10.0


def unmount(path: str, env: Mapping[str, str], *, lazy: bool = False) -> MountEntry:
    """Unmount what is mounted at ``path`` and return what it was. Blocking, until the process behind it has ended.

    ``lazy`` takes a busy mount out of sight now; its process ends with its last user and is not waited for. A dead
    mount is always taken away.

    Raises:
        BusyError: somebody uses it, naming who.
        MountError: it is no mount of cvfs, or the kernel refused.
    """
    entry = _ours(path)
    directory = record_directory(env)
    record = find_record(directory, entry)
    dead = record is None and probe(entry.mountpoint) is Liveness.DEAD
    dead = dead or (record is not None and not is_running(record))
    try:
        detach(entry.mountpoint, lazy=lazy or dead)
    except BusyError as error:
        users = ", ".join(map(str, find_users(entry.mountpoint)))
        by = f" by {users}" if users else ""
        raise BusyError(f"{entry.mountpoint} is in use{by}", hint=error.hint) from error
    if record is not None and not lazy:
        _wait_for_end(record)
    remove_record(directory, entry.mountpoint, entry.device)
    return entry


def find_record(directory: str, entry: MountEntry) -> MountRecord | None:
    """Find the record of a mount."""
    wanted = (entry.mountpoint, entry.device, entry.commit)
    records = load_records(directory)
    return next((record for record in records if (record.mountpoint, record.device, record.commit) == wanted), None)


def _ours(path: str) -> MountEntry:
    absolute = os.path.realpath(path)
    entry = mounted_at(absolute)
    if entry is None:
        hint = "cvfs mounts lists the mounts" if os.path.lexists(path) else None
        raise MountError(f"nothing is mounted at {path}", hint=hint)
    if entry.commit is None:
        raise MountError(f"{path} is not a mount of cvfs but of type {entry.filesystem}", hint=f"umount {path}")
    return entry


def _wait_for_end(record: MountRecord) -> None:
    try:
        process = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return
    try:
        if is_running(record) and not select.select([process], [], [], _END_SECONDS)[0]:
            raise MountError(
                f"{record.mountpoint} is unmounted, but its process {record.pid} has not ended",
                hint=f"see {record.log_file}" if record.log_file else None,
            )
    finally:
        os.close(process)
