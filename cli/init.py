"""``cvfs init``: make a DVC repository."""

from __future__ import annotations

import os

import click

from cvfs.init import initialise

from .messages import printable


@click.command("init")
@click.argument("directory", default=".", type=click.Path(file_okay=False))
@click.option("--subdir", is_flag=True, help="Allow a directory below the top of the Git repository.")
@click.option("-f", "--force", is_flag=True, help="Begin with an empty configuration where there is one already.")
def command(directory: str, *, subdir: bool, force: bool) -> None:
    """Make DIRECTORY, the top of a Git repository, a DVC repository, as `dvc init` would, and stage its files.

    DIRECTORY is the current one unless given. DVC need not be installed.
    """
    made = initialise(directory, os.environ, subdir=subdir, force=force)
    click.echo(f"{printable(made.root)} is a DVC repository now; staged: {', '.join(made.staged)}")
    click.echo('next: git commit -m "Set up DVC", and cvfs remote add -d NAME URL')
