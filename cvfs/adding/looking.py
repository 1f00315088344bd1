"""Look at the files of what is to be recorded, before any of them is read and anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from cvfs.adding.choosing import Chosen
from cvfs.adding.places import within
from cvfs.clone import Clone
from cvfs.comparison import recorded_files
from cvfs.errors import TargetError, WorkspaceError
from cvfs.model import Kind
from cvfs.workspace.scanning import Scan, scan_out
from cvfs.workspace.stat_cache import StatCache

#: So many names are in an error's message; the others are counted.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Looked:
    """An out to record and its files: all of them, or those of the part that was named."""

    chosen: Chosen
    scan: Scan | None


def look(clone: Clone, chosen: Chosen, cache: StatCache, *, force: bool) -> Looked:
    """Find the files of an out, and those that went. Nothing is hashed. Blocking.

    Raises:
        TargetError: there is no file to record, or (without ``force``) files are missing that this clone never had.
        WorkspaceError: a file's name cannot be recorded, or a directory cannot be listed.
    """
    scan = scan_out(clone.directory(chosen.root), chosen.key, chosen.rules)
    if chosen.is_part:
        scan = _part(chosen, scan)
    elif scan is None:
        raise TargetError(f"{chosen.path} does not exist")
    elif scan.is_directory and not scan.files and not scan.refused:
        raise TargetError(
            f"{chosen.path} holds no file to track",
            hint="an empty directory cannot be recorded; `cvfs remove` stops tracking one that has become empty",
        )
    if scan is not None:
        scan.check()
    if chosen.selected is not None:
        check_missing(clone, chosen, scan, cache, force=force)
    return Looked(chosen, scan)


def _part(chosen: Chosen, scan: Scan | None) -> Scan | None:
    """Narrow a scan to what was named; where that alone is recorded, the other files are of no interest."""
    selected = chosen.selected
    assert selected is not None
    if scan is None:
        return None
    if not scan.is_directory:
        raise TargetError(f"{chosen.path} is a file now", hint=f"`cvfs add {chosen.path}` records that")
    if selected.out.record.kind is not Kind.DIRECTORY:
        return scan
    named = [f"{chosen.key}/{part}" for part in selected.within]
    return Scan(
        scan.path,
        scan.is_directory,
        [file for file in scan.files if selected.includes(file.relpath)],
        [problem for problem in scan.refused if any(within(problem.path, part) for part in named)],
        [problem for problem in scan.warnings if any(within(problem.path, part) for part in named)],
    )


def check_missing(clone: Clone, chosen: Chosen, scan: Scan | None, cache: StatCache, *, force: bool) -> None:
    """Raise TargetError if files are missing that may never have been here: absence alone is no deletion."""
    selected = chosen.selected
    assert selected is not None
    recorded = recorded_files(selected.out, clone.dvc_cache(chosen.root))
    present = {file.relpath for file in scan.files} if scan is not None else set()
    for part in selected.within if chosen.is_part else ():
        if not any(within(relpath, part) for relpath in (*present, *(recorded or ()))):
            raise TargetError(f"{chosen.path}/{part} does not exist, or is ignored")
    if force or recorded is None:
        return
    unknown = [
        relpath
        for relpath in sorted(recorded)
        if relpath and relpath not in present and selected.includes(relpath)
        if not cache.known(selected.out.key(relpath))
    ]
    if not unknown:
        return
    named = "\n".join(f"  {chosen.path}/{relpath}" for relpath in unknown[:_NAMED])
    more = len(unknown) - _NAMED
    raise TargetError(
        f"{chosen.path}: {_files(len(unknown))} recorded, not here, and never seen here by cvfs:\n"
        f"{named}" + (f"\n  and {more} more" if more > 0 else ""),
        hint=f"`cvfs pull {chosen.path}` gets them; `cvfs add --force {chosen.path}` records that they are to go",
    )


def _files(number: int) -> str:
    return "1 file is" if number == 1 else f"{number} files are"


def check_readable(path: str, problems: list[WorkspaceError]) -> None:
    """Raise WorkspaceError, naming the first few, if files could not be read: then nothing of the out is recorded."""
    if not problems:
        return
    if len(problems) == 1:
        raise problems[0]
    named = "\n".join(f"  {problem.message}" for problem in problems[:_NAMED])
    more = len(problems) - _NAMED
    raise WorkspaceError(
        f"{path} was not recorded:\n{named}" + (f"\n  and {more} more" if more > 0 else ""), hint=problems[0].hint
    )
