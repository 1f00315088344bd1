"""What the arguments of a command name: metafiles, stages, outs, and paths inside outs or above them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cvfs.errors import TargetError, WorkspaceError
from cvfs.tracking import TrackedMetafile, TrackedOut, WorkTree


@dataclass(slots=True)
class SelectedOut:
    """An out that was named. ``within`` are the files and directories of it that were, '' standing for all of it."""

    out: TrackedOut
    within: set[str] = field(default_factory=set)

    def includes(self, relpath: str) -> bool:
        """Tell whether a file of the out was named, itself or by a directory above it."""
        return any(part in ("", relpath) or relpath.startswith(f"{part}/") for part in self.within)


@dataclass(slots=True)
class Selection:
    """The outs that were named, and the metafile that they are in."""

    metafile: TrackedMetafile
    outs: list[SelectedOut]


def select(
    tree: WorkTree, metafiles: Iterable[TrackedMetafile], targets: Sequence[str], *, inside: bool = False
) -> list[Selection]:
    """Return the outs that ``targets`` name, in the order of the metafiles; all of them where there are no targets.

    A target is a metafile, an out, a directory above some of them, ``dvc.yaml:STAGE``, or STAGE of the ``dvc.yaml`` in
    the current directory; with ``inside`` also a path inside of an out. Paths begin at the current directory.

    Raises:
        TargetError: one of them names nothing that is tracked.
    """
    all_metafiles = list(metafiles)
    selected: dict[tuple[str, int], SelectedOut] = {}
    for target in targets:
        found = list(_named(tree, all_metafiles, target))
        if not found:
            raise TargetError(
                f"{target!r} is no metafile, out or stage of this repository",
                hint="`cvfs add PATH` tracks a file or a directory",
            )
        for out, relpath in found:
            if relpath and not inside:
                raise TargetError(f"{target!r} is a part of the out {out.path!r}", hint=f"name the out: {out.path}")
            selected.setdefault(_identity(out), SelectedOut(out)).within.add(relpath)
    result = []
    for metafile in all_metafiles:
        outs = [selected.get(_identity(out)) if targets else SelectedOut(out, {""}) for out in metafile.outs]
        # A metafile that could not be read has no outs, and still is to be spoken of.
        if kept := [out for out in outs if out is not None]:
            result.append(Selection(metafile, kept))
        elif not targets and metafile.problems:
            result.append(Selection(metafile, []))
    return result


def _identity(out: TrackedOut) -> tuple[str, int]:
    return out.metafile, out.record.out


def _named(tree: WorkTree, metafiles: Sequence[TrackedMetafile], target: str) -> Iterable[tuple[TrackedOut, str]]:
    path = _relative(tree, target)
    if path is not None:
        found = [pair for metafile in metafiles for pair in _at(metafile, path)]
        if found:
            return found
    file, _, stage = target.rpartition(":")
    pipeline = _relative(tree, file or "dvc.yaml")
    if pipeline is None or not stage:
        return []
    lock = posixpath.join(posixpath.dirname(pipeline), "dvc.lock")
    return [
        (out, "")
        for metafile in metafiles
        if metafile.path == lock and posixpath.basename(pipeline) in ("dvc.yaml", "dvc.lock")
        for out in metafile.outs
        if out.record.stage == stage or (out.record.stage or "").startswith(f"{stage}@")
    ]


def _at(metafile: TrackedMetafile, path: str) -> Iterable[tuple[TrackedOut, str]]:
    """Yield what a path stands for in one metafile."""
    is_pipeline = posixpath.basename(metafile.path) == "dvc.lock"
    names = (
        {metafile.path, posixpath.join(posixpath.dirname(metafile.path), "dvc.yaml")}
        if is_pipeline
        else {metafile.path}
    )
    for out in metafile.outs:
        if path in names or path in (out.path, ".") or out.path.startswith(f"{path}/"):
            yield out, ""
        elif path.startswith(f"{out.path}/"):
            yield out, path[len(out.path) + 1 :]


def _relative(tree: WorkTree, target: str) -> str | None:
    try:
        return tree.relative(target)
    except WorkspaceError:
        return None
