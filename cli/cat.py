"""``cvfs cat``: one file of a commit."""

from __future__ import annotations

import sys
from typing import Any

import click

from cvfs.cat import cat
from cvfs.opening import describe_problems, open_commit

from .commit_options import commit_options, commit_request
from .logs import log_to_stderr
from .messages import warn


@click.command("cat")
@click.argument("revision", metavar="REV")
@click.argument("path")
@commit_options
def command(revision: str, path: str, **options: Any) -> None:
    """Write the file PATH of commit REV to standard output, fetched and verified as in a mount."""
    log_to_stderr("ERROR", "text")
    with open_commit(commit_request(revision, options), warn) as opened:
        if options["strict"]:
            describe_problems(list(opened.snapshot.problems), strict=True)
        cat(opened, path, sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
