"""``cvfs push``: upload what changed, and record the versions."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from cvfs.push import push
from cvfs.pushing.outcome import Pushed
from cvfs.pushing.request import PushRequest

from .clone_options import clone_of, clone_options
from .failures import tell_failures
from .messages import printable, warn
from .next_step import git_add
from .progress import watching
from .sizes import readable_size


@click.command("push")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("-r", "--remote", metavar="NAME", help="Push there instead of the default remote.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="How many files to upload at once. Default: the remote's option jobs, else 16 or more.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be uploaded. Asks no remote.")
@click.option("--migrate", is_flag=True, help="With -r: move outs there, whole, that are recorded on another remote.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@clone_options
def command(
    targets: tuple[str, ...],
    *,
    remote: str | None,
    jobs: int | None,
    dry_run: bool,
    migrate: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Upload new and changed files, and record the version that each became.

    TARGETs are metafiles, outs, directories above some of them, or stages (dvc.yaml:STAGE); everything that is tracked
    unless given. What is missing in the work tree is left as it is recorded: nothing is ever deleted.
    """
    if migrate and remote is None:
        raise click.UsageError("--migrate needs -r NAME: the remote to move to")
    request = PushRequest(targets, remote, jobs, dry_run=dry_run, migrate=migrate)
    with clone_of(options) as clone:
        with watching(as_json=as_json) as progress:
            pushed = push(clone, request, progress)
        staging = "" if pushed.staged else git_add(clone.tree, pushed.recorded)
    for text in pushed.notes:
        warn(text)
    tell_failures([(failure.path, failure.error) for failure in pushed.failures])
    if as_json:
        _print_json(pushed, dry_run=dry_run)
    else:
        _print(pushed, staging, dry_run=dry_run)
    return 1 if pushed.failures else 0


def _print(pushed: Pushed, staging: str, *, dry_run: bool) -> None:
    count = len(pushed.sent)
    size = sum(sent.size for sent in pushed.sent)
    if dry_run:
        for sent in pushed.sent:
            verb = "copy" if sent.how == "copied" else "upload"
            click.echo(f"would {verb} {printable(sent.path)} ({readable_size(sent.size)}) to {printable(sent.remote)}")
        click.echo(f"{_files(count)} to push ({readable_size(size)})" if count else "Everything is up to date.")
        return
    if not count:
        if not pushed.failures:
            click.echo("Everything is up to date.")
        return
    ways = Counter(sent.how for sent in pushed.sent)
    others = [f"{ways[how]} {text}" for how, text in _WAYS if ways[how]]
    click.echo(f"{_files(count)} pushed" + (f" ({', '.join(others)})" if others else ""))
    if pushed.recorded:
        click.echo(f"next: {staging}, and git commit" if staging else "staged; next: git commit")


_WAYS = (("copied", "copied on the remote"), ("resumed", "uploaded before"))


def _print_json(pushed: Pushed, *, dry_run: bool) -> None:
    for sent in pushed.sent:
        entry = {"path": sent.path, "size": sent.size, "remote": sent.remote, "how": sent.how}
        click.echo(json.dumps({"event": "planned" if dry_run else "pushed", **entry, "version_id": sent.version_id}))
    summary = {
        "event": "done",
        "files": len(pushed.sent),
        "size": sum(sent.size for sent in pushed.sent),
        "recorded": list(pushed.recorded),
        "failures": [{"path": failure.path, "error": failure.error.message} for failure in pushed.failures],
    }
    click.echo(json.dumps(summary))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
