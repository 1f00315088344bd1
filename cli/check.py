"""``cvfs check``: can others have the data of a commit?"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import click

from cvfs.check import DEFAULT_JOBS, check_records, check_versions, open_check
from cvfs.checking.findings import Fault, Finding, Tally
from cvfs.opening import describe_problems
from cvfs.progress import Silence

from .commit_options import commit_options, commit_request
from .lines import write_lines
from .messages import complain
from .progress import watching
from .repair import repair_and_tell

_EXIT_FAULTS = 1
#: So many findings are told one by one; the rest are counted.
_TOLD = 100

_WORDS = {
    Fault.PROBLEM: "cannot be read",
    Fault.NOT_PUSHED: "never pushed",
    Fault.UNLISTED: "not listed",
    Fault.NO_REMOTE: "on no configured remote",
    Fault.MISSING: "missing",
    Fault.DENIED: "denied",
    Fault.ARCHIVED: "archived",
    Fault.DIFFERS: "different from what was recorded",
    Fault.UNREACHABLE: "without an answer",
}


@click.command("check")
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--staged", is_flag=True, help="Check what `git commit` would commit now, instead of REV.")
@click.option("--fast", is_flag=True, help="Only look whether every file is recorded as pushed. Asks no remote.")
@click.option(
    "--repair",
    is_flag=True,
    help="Upload again what is missing and the work tree or a cache still has, and record the new versions.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for everything that is wrong.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=DEFAULT_JOBS,
    show_default=True,
    help="How many versions to ask for at once.",
)
@commit_options
def command(
    revision: str | None, *, staged: bool, fast: bool, repair: bool, as_json: bool, jobs: int, **options: Any
) -> int:
    """Check that every file of commit REV was pushed, and that its version still exists and can be read.

    Prints what is missing, denied, archived, different or was never pushed, and exits with 1 if there is anything. For
    CI, for a pre-commit hook (--fast --staged), and before a long training run.
    """
    if staged == (revision is not None):
        raise click.UsageError("give either REV or --staged")
    tally = Tally()
    faults: Counter[Fault] = Counter()
    kept: list[Finding] | None = [] if repair else None
    with open_check(commit_request(revision or "", options), staged=staged, fast=fast) as opened:
        describe_problems(list(opened.snapshot.problems), strict=options["strict"])
        # Elsewhere, a line for each file that is as it should be would bury the others.
        bars = os.isatty(2) and not as_json
        with watching() if bars else nullcontext(Silence()) as progress:
            if fast:
                found = check_records(opened, tally)
            else:
                found = check_versions(opened, tally, jobs=jobs, progress=progress)
            counted = _counted(found, faults, kept)
            lines: Iterable[str] = map(_json, counted) if as_json else _lines(counted)
            if bars:
                lines = list(lines)
            else:
                write_lines(lines)
        if bars:
            write_lines(lines)
        name = opened.name
    if faults:
        told = ", ".join(f"{faults[fault]} {words}" for fault, words in _WORDS.items() if faults[fault])
        complain(f"{name} is not complete: {told} (of {_files(tally.checked)})")
        whole = kept is not None and repair_and_tell(kept, commit_request(revision or "", options), as_json=as_json)
        return 0 if whole else _EXIT_FAULTS
    if not as_json:
        click.echo(f"{name}: {_praise(tally, fast=fast)}")
    return 0


def _counted(findings: Iterable[Finding], faults: Counter[Fault], kept: list[Finding] | None) -> Iterator[Finding]:
    for finding in findings:
        faults[finding.fault] += 1
        if kept is not None:
            kept.append(finding)
        yield finding


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    hints: set[str] = set()
    more = 0
    for number, finding in enumerate(findings):
        if number >= _TOLD:
            more += 1
            continue
        where = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
        yield f"{_WORDS[finding.fault]}: {where}: {finding.reason}"
        if finding.hint and finding.hint not in hints:
            hints.add(finding.hint)
            yield f"  hint: {finding.hint}"
    if more:
        yield f"and {more} more; --json names them all"


def _json(finding: Finding) -> str:
    content, version = finding.content, finding.version
    return json.dumps(
        {
            "path": finding.path,
            "line": finding.line,
            "fault": finding.fault.value,
            "reason": finding.reason,
            "hint": finding.hint,
            "remote": finding.remote,
            "key": finding.key,
            "version_id": version and version.version_id,
            "md5": content and content.md5,
            "size": content and content.size,
        }
    )


def _praise(tally: Tally, *, fast: bool) -> str:
    if not tally.checked:
        return "there is nothing that should have been pushed"
    files = "1 file" if tally.checked == 1 else f"all {tally.checked} files"
    return f"a version is recorded of {files}" if fast else f"{files} can be had"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
