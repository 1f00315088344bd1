"""The options that every command has which takes a revision, and the request that they make."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from cvfs.opening import CommitRequest

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--repo",
        metavar="PATH|URL",
        help="The Git repository: a work tree, a directory in one, a bare repository, or the URL of one that git can "
        "fetch. Default: the one here.",
    ),
    click.option(
        "--remote-config",
        "overrides",
        metavar="NAME.KEY=VALUE",
        multiple=True,
        help="Override an option of a remote, for an old commit whose bucket has moved. May be repeated.",
    ),
    click.option(
        "--trust-config",
        is_flag=True,
        help="Let values of the commit's configuration take effect that could run programs or redirect credentials.",
    ),
    click.option("--cache-dir", metavar="DIR", envvar="CVFS_CACHE_DIR", help="Default: $XDG_CACHE_HOME/cvfs."),
    click.option("--strict", is_flag=True, help="Fail if a metafile, or an entry in one, cannot be used."),
)


def commit_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def commit_request(revision: str, options: dict[str, Any]) -> CommitRequest:
    """Make the request from what ``commit_options`` added."""
    return CommitRequest(
        revision=revision,
        env=os.environ,
        repository=options["repo"],
        overrides=options["overrides"],
        trust_config=options["trust_config"],
        cache_dir=options["cache_dir"],
        max_cache_size=options.get("max_cache_size"),
        min_free_space=options.get("min_free_space"),
    )
