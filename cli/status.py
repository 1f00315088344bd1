"""``cvfs status``: how the work tree stands to its metafiles, said as `git status` would say it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cvfs.status import status
from cvfs.status_report import Entry, Line, Report, State

from .clone_options import clone_of, clone_options
from .lines import write_lines
from .progress import watching
from .sizes import readable_size

#: So many lines of a group are shown; the rest are counted.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Group:
    title: str
    hints: Sequence[str]
    states: Sequence[State]


_GROUPS = (
    _Group("Metafiles that cannot be used:", ("repair them; the others are not affected",), (State.PROBLEM,)),
    _Group(
        "Files that cannot be recorded:",
        ("rename or remove them, or name them in .dvcignore",),
        (State.UNREADABLE,),
    ),
    _Group(
        "Changes not pushed:",
        ('use "cvfs push" to upload and record them', 'use "cvfs pull --force" to discard changes'),
        (State.CHANGED, State.NEW),
    ),
    _Group("Recorded, but not pushed:", ('use "cvfs push" to upload',), (State.NOT_PUSHED,)),
    _Group(
        "Directories recorded by their hash alone:",
        ('use "cvfs push" to record each file with its version',),
        (State.HASH_ONLY,),
    ),
    _Group(
        "Deleted here, and still recorded:",
        ('use "cvfs add <path>..." to record removals', 'use "cvfs pull" to get them back'),
        (State.DELETED,),
    ),
    _Group("Not here:", ('use "cvfs pull" to fetch',), (State.MISSING,)),
    _Group("Neither here nor pushed:", ('use "cvfs push" in a clone that has them',), (State.LOST,)),
    _Group("Imported, and not here:", ('use "dvc pull" to fetch them from their source',), (State.NOT_IMPORTED,)),
    _Group(
        "Pushed to a remote that is not configured:",
        ('use "cvfs remote add <name> <url>"',),
        (State.NO_REMOTE,),
    ),
    _Group(
        "Metafiles changed but not committed:",
        ('use "git add <file>..." and "git commit"',),
        (State.UNCOMMITTED,),
    ),
)
_LABELS = {State.CHANGED: "modified:   ", State.NEW: "new:        "}
#: What `cvfs push` would have something to do about.
_TO_PUSH = {State.CHANGED, State.NEW, State.NOT_PUSHED, State.HASH_ONLY}


@click.command("status")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="How many files to hash at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for every path.")
@clone_options
def command(targets: tuple[str, ...], *, jobs: int | None, as_json: bool, **options: Any) -> None:
    """Show what in the work tree is new, changed, missing or not pushed.

    TARGETs are metafiles, outs, paths in outs, or stages (dvc.yaml:STAGE); everything that is tracked unless given.
    Needs neither network nor credentials. Exits with 0 whatever there is to show.
    """
    with clone_of(options) as clone:
        with watching() as progress:
            report = status(clone, targets, threads=jobs, progress=progress)
    write_lines(map(_json, report.entries) if as_json else _lines(report))


def _lines(report: Report) -> Iterator[str]:
    found = {state: [line for line in report.lines if line.state is state] for state in State}
    for group in _GROUPS:
        lines = [line for state in group.states for line in found[state]]
        if not lines:
            continue
        yield group.title
        yield from (f"  ({hint})" for hint in group.hints)
        yield from (f"\t{_LABELS.get(line.state, '')}{_line(line)}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"\tand {len(lines) - _SHOWN} more; --json names them all"
        yield ""
    if not report.outs and not found[State.PROBLEM]:
        yield 'nothing is tracked yet (use "cvfs add <path>...")'
    elif not any(found[state] for state in _TO_PUSH):
        yield "nothing to push" if report.lines else "nothing to push, work tree clean"


def _line(line: Line) -> str:
    if line.is_directory:
        size = f", {readable_size(line.size)}" if line.size else ""
        return f"{line.path}/ ({line.files} files{size})"
    return f"{line.path}: {line.reason}" if line.reason else line.path


def _json(entry: Entry) -> str:
    recorded = entry.recorded
    return json.dumps(
        {
            "state": entry.state.value,
            "path": entry.path,
            "metafile": entry.metafile,
            "out": entry.out,
            "line": entry.line,
            "size": entry.size,
            "md5": entry.md5,
            "recorded": recorded
            and {
                "size": recorded.size,
                "md5": recorded.md5,
                "remote": recorded.remote,
                "version_id": recorded.version_id,
            },
            "reason": entry.reason,
            "staged": entry.staged,
        }
    )
