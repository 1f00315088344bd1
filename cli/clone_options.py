"""The options that every command has which works on the files of a clone, and the clone that they open."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from cvfs.clone import Clone, open_clone

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--repo", metavar="PATH", help="The Git repository: a work tree, or a directory in one. Default: the one here."
    ),
    click.option(
        "--remote-config",
        "overrides",
        metavar="NAME.KEY=VALUE",
        multiple=True,
        help="Override an option of a remote for this command. May be repeated.",
    ),
    click.option(
        "--trust-config",
        is_flag=True,
        help="Let values of the repository's configuration take effect that could run programs or redirect "
        "credentials.",
    ),
)


def clone_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def clone_of(options: dict[str, Any]) -> AbstractContextManager[Clone]:
    """Open the clone that the options added by ``clone_options`` name. Raises what ``open_clone`` does."""
    return open_clone(os.environ, options["repo"], options["overrides"], trust_config=options["trust_config"])
