"""List the mounts of cvfs on this machine: what the kernel knows, and what their records add."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from cvfs.cache.cache import Cache, Usage
from cvfs.cache.limits import Limits, parse_size
from cvfs.errors import CacheError
from cvfs.fuse.mountinfo import MountEntry, read_mounts
from cvfs.fuse.mountpoint import Liveness, probe
from cvfs.mount_record import MountRecord, is_running, load_records, record_directory, remove_record
from cvfs.unmount import find_record

#: A listing is to be quick, even with a mount in it that does not answer.
_PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MountStatus:
    """One mount. What is None is not known: the mount is another user's, or its record was lost."""

    mountpoint: str
    commit: str
    state: Liveness
    record: MountRecord | None
    cache: Usage | None


def list_mounts(env: Mapping[str, str]) -> list[MountStatus]:
    """Describe every mount of cvfs that this process can see, and forget those that are gone. Blocking."""
    directory = record_directory(env)
    entries = [entry for entry in read_mounts() if entry.commit is not None]
    present = {(entry.mountpoint, entry.device) for entry in entries}
    for record in load_records(directory):
        if (record.mountpoint, record.device) not in present and not is_running(record):
            remove_record(directory, record.mountpoint, record.device)
    return [_describe(entry, find_record(directory, entry)) for entry in entries]


def _describe(entry: MountEntry, record: MountRecord | None) -> MountStatus:
    assert entry.commit is not None
    if record is None:
        return MountStatus(entry.mountpoint, entry.commit, probe(entry.mountpoint, _PROBE_SECONDS), None, None)
    state = Liveness.ALIVE if is_running(record) else Liveness.DEAD
    return MountStatus(entry.mountpoint, entry.commit, state, record, _usage(record))


def _usage(record: MountRecord) -> Usage | None:
    if not os.path.isdir(record.cache_dir):
        return None
    limit = parse_size(record.max_cache_size) if record.max_cache_size else None
    try:
        cache = Cache(record.cache_dir, Limits(max_size=limit))
    except CacheError:
        return None
    try:
        return cache.usage()
    except CacheError:
        return None
    finally:
        cache.close()
