"""``cvfs ls``: what a commit holds."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from cvfs.configuration import load_configs
from cvfs.errors import ConfigError
from cvfs.git import Repository
from cvfs.listing import Listed, Origins, list_commit
from cvfs.model import Kind
from cvfs.opening import CommitRequest, describe_problems, open_tree
from cvfs.snapshot import Snapshot

from .commit_options import commit_options, commit_request
from .messages import printable, warn


@click.command("ls")
@click.argument("revision", metavar="REV")
@click.argument("path", default="")
@click.option("-l", "--long", is_flag=True, help="Show mode, size and the commit's date.")
@click.option("-R", "--recursive", is_flag=True, help="List what is in the directories, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with hashes and version ids.")
@commit_options
def command(revision: str, path: str, *, long: bool, recursive: bool, as_json: bool, **options: Any) -> None:
    """List the DVC-tracked data of commit REV, or what is at PATH in it.

    PATH begins at the top of the repository, as in the mount. Names of directories end in a slash. Needs neither
    network nor credentials, but for directories that DVC recorded by a hash alone: their listings are fetched once.
    """
    request = commit_request(revision, options)
    repository, snapshot = open_tree(request, warn)
    for warning in describe_problems(list(snapshot.problems), strict=options["strict"]):
        warn(warning)
    line = _json_liner(repository, snapshot, request) if as_json else _liner(snapshot, long=long)
    terminal = os.isatty(1)
    # Not click.echo, which flushes each line: there may be a million.
    output = sys.stdout.buffer
    for listed in list_commit(snapshot, path, recursive=recursive, on_unlisted=_warn_unlisted):
        text = line(listed)
        output.write((printable(text) if terminal else text).encode("utf-8", "surrogateescape") + b"\n")
    output.flush()


def _liner(snapshot: Snapshot, *, long: bool) -> Callable[[Listed], str]:
    date = datetime.fromtimestamp(snapshot.time, UTC).astimezone().strftime("%Y-%m-%d %H:%M")

    def line(listed: Listed) -> str:
        node = listed.node
        name = listed.path if node.kind is Kind.FILE else f"{listed.path}/"
        if not long:
            return name
        mode = ("-r-xr-xr-x" if node.executable else "-r--r--r--") if node.kind is Kind.FILE else "dr-xr-xr-x"
        size = "-" if node.kind is not Kind.FILE else "?" if node.size is None else str(node.size)
        return f"{mode}  {size:>13}  {date}  {name}"

    return line


def _json_liner(repository: Repository, snapshot: Snapshot, request: CommitRequest) -> Callable[[Listed], str]:
    try:
        configs = load_configs(snapshot, repository.work_tree, request.env, request.overrides)
    except ConfigError as error:
        warn(str(error))
        configs = {}
    origins = Origins(snapshot, configs)

    def line(listed: Listed) -> str:
        origin = origins.of(listed.node) if listed.node.kind is Kind.FILE else None
        version = origin and origin.content.version
        return json.dumps(
            {
                "path": listed.path,
                "type": "directory" if origin is None else "file",
                "size": listed.node.size,
                "md5": origin and origin.content.md5,
                "remote": origin and origin.remote,
                "key": origin and origin.key,
                "version_id": version and version.version_id,
                "etag": version and version.etag,
            }
        )

    return line


def _warn_unlisted(path: str) -> None:
    warn(f"{path}: the commit records only the hash of this directory's listing")
