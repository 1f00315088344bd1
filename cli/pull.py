"""``cvfs pull``: recorded data into the work tree."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from cvfs.pull import PullRequest, pull
from cvfs.pulling.result import Pulled
from cvfs.workspace.placing import Link

from .clone_options import clone_of, clone_options
from .logs import log_to_stderr
from .messages import complain, note, printable
from .progress import watching

#: So many failures are told one by one; the rest are counted.
_TOLD = 20


@click.command("pull")
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--rev", "revision", metavar="REV", help="Place the data of this commit. Metafiles stay as they are.")
@click.option(
    "--link",
    type=click.Choice([link.value for link in Link]),
    default=Link.COPY.value,
    show_default=True,
    help="How files come out of DVC's own cache. Whoever writes through a link changes that cache.",
)
@click.option("-f", "--force", is_flag=True, help="Replace files that differ and are stored nowhere else.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Fetch so many files at once. Default: 64.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line: each file, then the sum.")
@click.option("--cache-dir", metavar="DIR", envvar="CVFS_CACHE_DIR", help="Default: $XDG_CACHE_HOME/cvfs.")
@click.option("--max-cache-size", metavar="SIZE", help="Keep the cache below this size, such as 50G.")
@click.option("--min-free-space", metavar="SIZE", help="Leave this much of the cache's volume free. Default: 5%.")
@clone_options
def command(targets: tuple[str, ...], revision: str | None, *, as_json: bool, **options: Any) -> int:
    """Place the recorded versions of TARGETs, or of all data, into the work tree.

    A TARGET is a metafile, an out, a path inside one, a directory above some, or a stage. Only what is missing or
    differs is fetched. A file that differs and is stored nowhere else is kept, unless --force says otherwise.
    """
    log_to_stderr("ERROR", "text")
    request = PullRequest(
        targets=targets,
        revision=revision,
        link=Link(options["link"]),
        force=options["force"],
        jobs=options["jobs"],
        overrides=options["overrides"],
        trust_config=options["trust_config"],
        cache_dir=options["cache_dir"],
        max_cache_size=options["max_cache_size"],
        min_free_space=options["min_free_space"],
    )
    with clone_of(options) as clone:
        with watching(as_json=as_json) as progress:
            pulled = pull(clone, request, os.environ, progress)
        if as_json:
            sys.stdout.write(json.dumps(_object(pulled)) + "\n")
        else:
            for line in _lines(pulled, clone.tree.top):
                click.echo(line)
    _tell(pulled, revision)
    return 1 if pulled.failures else 0


def _lines(pulled: Pulled, top: str) -> Iterator[str]:
    """Say what was done in DVC's own words."""
    for letter, outs in (("M", pulled.modified), ("A", pulled.added)):
        for out in outs:
            slash = "/" if out.endswith("/") else ""
            yield f"{letter}       {printable(os.path.relpath(os.path.join(top, out)))}{slash}"
    counted = [f"{count} file{'s' if count > 1 else ''} {what}" for what, count in pulled.files.items() if count]
    if counted:
        yield " and ".join([*([", ".join(counted[:-1])] if counted[1:] else []), counted[-1]])
    elif not pulled.failures:
        yield "Everything is up to date."


def _tell(pulled: Pulled, revision: str | None) -> None:
    for text in pulled.notes:
        note(text)
    for failure in pulled.failures[:_TOLD]:
        complain(f"{failure.path}: {failure.error.message}")
    if len(pulled.failures) > _TOLD:
        complain(f"and {len(pulled.failures) - _TOLD} more failures like these")
    for hint in dict.fromkeys(failure.error.hint for failure in pulled.failures[:_TOLD] if failure.error.hint):
        click.echo(f"  hint: {printable(hint)}", err=True)
    if revision is not None and any(pulled.files.values()):
        note(f"the metafiles are as they were; to record this data again: git checkout {revision} -- METAFILE")


def _object(pulled: Pulled) -> dict[str, Any]:
    return {
        "event": "sum",
        "modified": pulled.modified,
        "added": pulled.added,
        "files": pulled.files,
        "notes": pulled.notes,
        "failures": [{"path": failure.path, "reason": failure.error.message} for failure in pulled.failures],
    }
