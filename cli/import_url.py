"""``cvfs import-url``: track data where it is."""

from __future__ import annotations

import os
from typing import Any

import click

from cvfs.import_url import ImportRequest, import_url

from .clone_options import clone_of, clone_options
from .failures import tell_failures
from .logs import log_to_stderr
from .messages import complain, printable
from .next_step import git_add
from .progress import watching


@click.command("import-url")
@click.argument("url")
@click.argument("out", required=False)
@click.option("--no-download", is_flag=True, help="Record the versions alone.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Fetch so many files at once. Default: 64.")
@click.option("--cache-dir", metavar="DIR", envvar="CVFS_CACHE_DIR", help="Default: $XDG_CACHE_HOME/cvfs.")
@clone_options
def command(
    url: str, out: str | None, *, no_download: bool, jobs: int | None, cache_dir: str | None, **options: Any
) -> int:
    """Track the data at URL where it is: record the present version of each file, and fetch them to OUT.

    URL is s3://BUCKET/PATH, read with your own credentials, or remote://NAME/PATH, below a configured remote. OUT is
    the last name of URL unless given. Nothing is ever pushed there; `cvfs update` records later versions.
    """
    log_to_stderr("ERROR", "text")
    request = ImportRequest(url, out, not no_download, jobs, options["trust_config"], cache_dir)
    with clone_of(options) as clone:
        with watching() as progress:
            imported = import_url(clone, request, os.environ, progress)
        if imported.failures:
            tell_failures([(failure.path, failure.error) for failure in imported.failures])
            complain(f"{url} was not imported")
            return 1
        files = "1 file" if imported.files == 1 else f"{imported.files} files"
        done = "recorded" if no_download else "imported"
        click.echo(f"{printable(imported.path)}: {files} {done}, {imported.size} bytes")
        if not imported.staged:
            click.echo(f"next: {git_add(clone.tree, imported.written)}")
    return 0
