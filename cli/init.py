"""``cvfs init``: make a DVC repository, and have git merge its metafiles."""

from __future__ import annotations

import os

import click

from cvfs.init import initialise, is_initialised
from cvfs.merging.setting_up import set_up_merge_driver

from .messages import printable, warn


@click.command("init")
@click.argument("directory", default=".", type=click.Path(file_okay=False))
@click.option("--subdir", is_flag=True, help="Allow a directory below the top of the Git repository.")
@click.option("-f", "--force", is_flag=True, help="Begin with an empty configuration where there is one already.")
@click.option(
    "--merge-driver",
    is_flag=True,
    help="Have git merge metafiles entry by entry. In a DVC repository that is there already, do that alone.",
)
def command(directory: str, *, subdir: bool, force: bool, merge_driver: bool) -> None:
    """Make DIRECTORY, the top of a Git repository, a DVC repository, as `dvc init` would, and stage its files.

    DIRECTORY is the current one unless given. DVC need not be installed.
    """
    is_new = force or not (merge_driver and is_initialised(directory))
    if is_new:
        made = initialise(directory, os.environ, subdir=subdir, force=force)
        click.echo(f"{printable(made.root)} is a DVC repository now; staged: {', '.join(made.staged)}")
    if merge_driver:
        _set_up_merge_driver(directory)
    if is_new:
        click.echo('next: git commit -m "Set up DVC", and cvfs remote add -d NAME URL')


def _set_up_merge_driver(directory: str) -> None:
    done = set_up_merge_driver(directory, os.environ)
    click.echo("this clone merges metafiles with cvfs now; every other clone has to run cvfs init --merge-driver, too")
    if done.attributes is not None:
        click.echo(f"staged: {printable(done.attributes)}")
    if not done.found:
        warn("the command cvfs is not on PATH, where git would look for it when it merges")
