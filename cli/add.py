"""``cvfs add``: track data."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from cvfs.add import Added, add
from cvfs.adding.one_out import AddedOut
from cvfs.clone import Clone

from .clone_options import clone_of, clone_options
from .failures import tell_failures
from .messages import printable, warn
from .next_step import git_add
from .progress import watching


@click.command("add")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="Also record that files went which this clone never had.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Hash so many files at once. Default: one a processor.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@clone_options
def command(paths: tuple[str, ...], *, force: bool, jobs: int | None, as_json: bool, **options: Any) -> int:
    """Track files and directories: hash them, write their .dvc files, and have Git ignore the data.

    What is tracked already is brought up to date; a PATH inside of a tracked directory stands for that part of it.
    Nothing is uploaded: that is what `cvfs push` does.
    """
    with clone_of(options) as clone:
        with watching(as_json=as_json) as progress:
            added = add(clone, paths, force=force, threads=jobs, progress=progress)
        for text in added.notes:
            warn(text)
        tell_failures([(failure.path, failure.error) for failure in added.failures])
        if as_json:
            _print_json(added)
        else:
            _print(clone, added)
    return 1 if added.failures else 0


def _print(clone: Clone, added: Added) -> None:
    for out in added.outs:
        click.echo(f"{printable(out.path)}: {_counts(out)}")
    staging = "" if added.staged else git_add(clone.tree, added.written)
    if added.written:
        click.echo(f"next: {staging}, and cvfs push" if staging else "staged; next: cvfs push")


def _counts(out: AddedOut) -> str:
    counts = {"new": out.new, "changed": out.changed, "removed": out.removed, "unchanged": out.unchanged}
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number)


def _print_json(added: Added) -> None:
    for out in added.outs:
        click.echo(json.dumps({"event": "added", **asdict(out)}))
    summary = {
        "event": "done",
        "written": added.written,
        "staged": added.staged,
        "failures": [{"path": failure.path, "error": failure.error.message} for failure in added.failures],
    }
    click.echo(json.dumps(summary))
