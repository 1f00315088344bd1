"""``cvfs remove``: stop tracking data."""

from __future__ import annotations

from typing import Any

import click

from cvfs.remove import remove

from .clone_options import clone_of, clone_options
from .messages import printable
from .next_step import git_add
from .progress import watching


@click.command("remove")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--outs", is_flag=True, help="Delete the data from the work tree, too, if all of it was pushed.")
@click.option("-f", "--force", is_flag=True, help="With --outs: also delete what was never pushed.")
@clone_options
def command(targets: tuple[str, ...], *, outs: bool, force: bool, **options: Any) -> None:
    """Stop tracking data: delete its .dvc file and its line in .gitignore.

    TARGETs are .dvc files, or the files and directories that they track. The data stays in the work tree unless --outs
    is given, and on the remote in any case.
    """
    if force and not outs:
        raise click.UsageError("--force says something only with --outs")
    with clone_of(options) as clone:
        with watching() as progress:
            removed = remove(clone, targets, outs=outs, force=force, progress=progress)
        for metafile in removed.metafiles:
            click.echo(f"{printable(metafile)} removed")
        if outs:
            click.echo("1 file deleted" if removed.deleted == 1 else f"{removed.deleted} files deleted")
        if staging := git_add(clone.tree, (*removed.metafiles, *removed.ignore_files)):
            click.echo(f"next: {staging}, and git commit")
