"""What each live mount of this user is: small JSON files, because the kernel only knows mount point and commit.

A record is a help for ``cvfs mounts`` and ``cvfs umount``; nothing breaks without it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MountRecord:
    """One mount. ``device`` is mountinfo's; ``since`` is in seconds since 1970; ``started`` tells reused pids apart."""

    mountpoint: str
    device: str
    commit: str
    revision: str
    repository: str
    cache_dir: str
    max_cache_size: str | None
    log_file: str | None
    pid: int
    started: int
    since: float


def record_directory(env: Mapping[str, str]) -> str:
    """Return where this user's records are: the runtime directory, which a restart empties, or the user's cache."""
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        return os.path.join(runtime, "cvfs")
    return os.path.join(cache_home(env), "cvfs", "mounts")


def cache_home(env: Mapping[str, str]) -> str:
    """Return the user's directory for caches (XDG Base Directory Specification)."""
    home = env.get("XDG_CACHE_HOME", "")
    return home if os.path.isabs(home) else os.path.join(env.get("HOME") or "/", ".cache")


def process_start(pid: int) -> int | None:
    """Return when a process started, in the kernel's own ticks (field 22 of proc_pid_stat(5)); None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] == b"Z" else int(fields[19])


def is_running(record: MountRecord) -> bool:
    """Tell whether the process that serves the mount still runs."""
    return process_start(record.pid) == record.started


def save_record(directory: str, record: MountRecord) -> None:
    """Write a record, 0600. A failure is logged: the mount works without."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".", suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(asdict(record), file)
        os.replace(temporary, _path(directory, record.mountpoint))
    except OSError as error:
        log.warning("cvfs mounts will not know the process of %s: %s", record.mountpoint, error)


def load_records(directory: str) -> Iterator[MountRecord]:
    """Yield all records that can be read. They may be older than the mount that is there now: compare ``device``."""
    for path in sorted(Path(directory).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            yield MountRecord(**json.loads(path.read_text("ascii")))


def remove_record(directory: str, mountpoint: str, device: str) -> None:
    """Remove the record of one mount, unless a later mount has taken its place."""
    for record in load_records(directory):
        if record.mountpoint == mountpoint and record.device == device:
            with suppress(OSError):
                os.unlink(_path(directory, mountpoint))


def _path(directory: str, mountpoint: str) -> str:
    return os.path.join(directory, f"{hashlib.sha256(os.fsencode(mountpoint)).hexdigest()[:32]}.json")
