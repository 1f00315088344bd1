"""``cvfs update``: record the present versions of imports."""

from __future__ import annotations

import os
from typing import Any

import click

from cvfs.update import UpdatedImport, UpdateRequest, update

from .clone_options import clone_of, clone_options
from .failures import tell_failures
from .logs import log_to_stderr
from .messages import printable
from .next_step import git_add
from .progress import watching


@click.command("update")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--no-download", is_flag=True, help="Record the versions alone.")
@click.option("-f", "--force", is_flag=True, help="Replace files that were changed here.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Fetch so many files at once. Default: 64.")
@click.option("--cache-dir", metavar="DIR", envvar="CVFS_CACHE_DIR", help="Default: $XDG_CACHE_HOME/cvfs.")
@clone_options
def command(
    targets: tuple[str, ...], *, no_download: bool, force: bool, jobs: int | None, cache_dir: str | None, **options: Any
) -> int:
    """Record the present versions of the imports TARGET..., and fetch what has changed.

    A TARGET is the .dvc file or the out of an import that `cvfs import-url` or `dvc import-url --version-aware` made.
    """
    log_to_stderr("ERROR", "text")
    request = UpdateRequest(targets, not no_download, force, jobs, options["trust_config"], cache_dir)
    with clone_of(options) as clone:
        with watching() as progress:
            updated = update(clone, request, os.environ, progress)
        for each in updated.imports:
            click.echo(f"{printable(each.path)}: {_counts(each)}")
        if updated.written and not updated.staged:
            click.echo(f"next: {git_add(clone.tree, updated.written)}")
        tell_failures([(failure.path, failure.error) for failure in updated.failures])
    return 1 if updated.failures else 0


def _counts(done: UpdatedImport) -> str:
    counts = {"new": done.new, "changed": done.changed, "removed": done.removed, "fetched": done.fetched}
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "up to date"
