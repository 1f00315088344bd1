"""``cvfs merge-driver``: what git runs to merge a metafile."""

from __future__ import annotations

import os

import click

from cvfs.merging.driver import merge_files

from .messages import complain, note


@click.command("merge-driver")
@click.option("--ancestor", metavar="FILE", required=True, help="The common ancestor (%O).")
@click.option("--our", metavar="FILE", required=True, help="Our version (%A). The result is written to it.")
@click.option("--their", metavar="FILE", required=True, help="Their version (%B).")
@click.option("--path", metavar="PATH", help="The metafile's path in the repository (%P), for messages.")
def command(ancestor: str, our: str, their: str, path: str | None) -> int:
    """Merge a .dvc file or dvc.lock entry by entry, for git; `cvfs init --merge-driver` sets it up.

    Exits with 1 if there are conflicts, which then stand in the result between git's usual markers.
    """
    merged = merge_files(ancestor, our, their, os.environ)
    name = path or our
    if merged.as_text is not None:
        note(f"{name}: merged line by line, for {merged.as_text}")
    for conflict in merged.conflicts:
        complain(f"{name}: conflict: {conflict}")
    return 1 if merged.conflicts else 0
