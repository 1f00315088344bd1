"""``cvfs mounts``: list the live mounts."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

import click

from cvfs.mounts import MountStatus, list_mounts

from .messages import printable
from .sizes import readable_size


@click.command("mounts")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(as_json: bool) -> None:
    """List the mounts of cvfs: mount point, commit, process, and the use of the cache."""
    mounts = list_mounts(os.environ)
    if as_json:
        for mount in mounts:
            click.echo(json.dumps(_object(mount)))
        return
    for mount in mounts:
        click.echo(_line(mount))


def _line(mount: MountStatus) -> str:
    words = [printable(mount.mountpoint), mount.commit[:12], mount.state.value]
    if mount.record is not None:
        since = datetime.fromtimestamp(mount.record.since).astimezone()
        words += [f"pid {mount.record.pid}", f"since {since:%Y-%m-%d %H:%M}"]
    if mount.cache is not None:
        limit = "" if mount.cache.limit is None else f" of {readable_size(mount.cache.limit)}"
        words.append(f"cache {readable_size(mount.cache.bytes)}{limit}")
    return "  ".join(words)


def _object(mount: MountStatus) -> dict[str, Any]:
    record, cache = mount.record, mount.cache
    return {
        "mountpoint": mount.mountpoint,
        "commit": mount.commit,
        "state": mount.state.value,
        "pid": record and record.pid,
        "since": record and record.since,
        "revision": record and record.revision,
        "repository": record and record.repository,
        "log_file": record and record.log_file,
        "cache": cache
        and {
            "directory": record and record.cache_dir,
            "bytes": cache.bytes,
            "limit": cache.limit,
            "entries": cache.entries,
        },
    }
