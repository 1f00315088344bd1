"""``cvfs diff``: what two commits have different, or a commit and the work tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import click

from cvfs.diff import diff_commits, diff_work_tree
from cvfs.diffing.changes import Change, ChangeKind, Changes, Side
from cvfs.model import Kind
from cvfs.opening import describe_problems

from .clone_options import clone_of
from .commit_options import commit_options, commit_request
from .lines import write_lines
from .messages import warn
from .progress import watching
from .sizes import readable_size

#: With --exit-code: as `git diff` ends when there are differences.
_DIFFERENT = 1


class _WithPaths(click.Command):
    """A command that takes paths behind ``--``, so that no path is mistaken for a revision."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the paths aside."""
        if "--" in args:
            at = args.index("--")
            ctx.meta["paths"] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show where paths go."""
        return [*super().collect_usage_pieces(ctx), "[-- PATH...]"]


@click.command("diff", cls=_WithPaths)
@click.argument("revision", metavar="REV")
@click.argument("other", metavar="[REV]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with hashes and version ids.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there are differences, as git diff does.")
@commit_options
@click.pass_context
def command(
    ctx: click.Context, /, revision: str, other: str | None, *, as_json: bool, exit_code: bool, **options: Any
) -> int:
    """Show which data was added, deleted, renamed or modified from commit REV to another, or to the work tree.

    Paths begin at the top of the repository. A file that is not in the work tree counts as what its metafile records:
    `cvfs status` tells what is missing. Needs neither network nor credentials. What Git itself holds is shown by
    `git diff`.
    """
    request = commit_request(revision, options)
    paths = ctx.meta.get("paths", ())
    with ExitStack() as stack:
        if other is not None:
            compared = stack.enter_context(diff_commits(request, other, paths))
        else:
            clone = stack.enter_context(clone_of(options))
            with watching() as progress:
                compared = stack.enter_context(diff_work_tree(request, clone, paths, progress))
        for warning in describe_problems(list(compared.problems), strict=options["strict"]):
            warn(warning)
        write_lines(map(_json, compared.changes) if as_json else _lines(compared.changes))
        return _DIFFERENT if exit_code and compared.changes.totals() else 0


def _lines(changes: Changes) -> Iterator[str]:
    """Yield what people read: a group for each kind of change, as `dvc diff` has them, and a summary."""
    totals = changes.totals()
    for kind in totals:
        yield f"{kind.value.capitalize()}:"
        for change in changes.of(kind):
            yield f"    {_line(change)}"
        yield ""
    if totals:
        counts = [f"{total.count} {kind.value}" for kind, total in totals.items()]
        growth = sum(total.growth for total in totals.values())
        yield f"files summary: {', '.join(counts)} ({'-' if growth < 0 else '+'}{readable_size(abs(growth))})"


def _line(change: Change) -> str:
    sides = [side for side in (change.old, change.new) if side is not None]
    is_whole = any(side.kind is not Kind.FILE for side in sides)
    names = [change.path] if change.old_path is None else [change.old_path, change.path]
    sizes = ["?" if side.size is None else readable_size(side.size) for side in sides]
    shown = sizes[0] if change.kind is ChangeKind.RENAMED or len(set(sizes)) == 1 else " -> ".join(sizes)
    if is_whole:
        return f"{change.path}/ (a directory recorded by its hash; which files differ is not known here)"
    return f"{' -> '.join(names)} ({shown})"


def _json(change: Change) -> str:
    return json.dumps(
        {
            "change": change.kind.value,
            "path": change.path,
            "old_path": change.old_path,
            "old": _side(change.old),
            "new": _side(change.new),
        }
    )


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    kind = "file" if side.kind is Kind.FILE else "directory"
    return {"type": kind, "size": side.size, "md5": side.md5, "version_id": side.version_id}
