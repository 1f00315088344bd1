"""``cvfs remote check``: whether a remote can be used, and what to do if it cannot."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from cvfs.remote_check import Finding, State, check_remote

from .clone_options import clone_of, clone_options
from .messages import printable


@click.command("check")
@click.argument("name", required=False)
@click.option("--enable", is_flag=True, help="Turn versioning on if it is off.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@clone_options
def command(name: str | None, *, enable: bool, as_json: bool, **options: Any) -> int:
    """Find out whether the remote NAME, or the default one, can be used.

    Looks for credentials, asks whether versioning is on, writes the small object .cvfs-check and reads it back by its
    version. That object stays: nothing is ever deleted.
    """
    failed = False
    with clone_of(options) as clone:
        place = options["repo"] or os.curdir
        for finding in check_remote(clone, place, name, trusted=options["trust_config"], enable=enable):
            click.echo(_json(finding) if as_json else _text(finding))
            failed = failed or finding.state is State.FAILED
    return 1 if failed else 0


def _json(finding: Finding) -> str:
    return json.dumps(
        {"check": finding.check, "state": finding.state.value, "message": finding.message, "hint": finding.hint}
    )


def _text(finding: Finding) -> str:
    line = f"{finding.check:<13}  {finding.state.value:<9}  {printable(finding.message)}"
    return line if finding.hint is None else f"{line}\n{'':<26}{printable(finding.hint)}"
