"""Decide what the paths of one ``cvfs add`` are: new outs, tracked ones, or parts of these. Nothing is written.

Each refusal is DVC's own (``dvc/repo/add.py``, ``dvc/output.py``), with what to do instead.
"""

from __future__ import annotations

import os
import posixpath
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cvfs.adding.places import check_apart, check_name, check_present, locate, within
from cvfs.clone import Clone
from cvfs.errors import TargetError
from cvfs.metafiles.ignore import IgnoreRules
from cvfs.metafiles.records import Source
from cvfs.metafiles.stagefile import read_stages
from cvfs.model import Kind
from cvfs.targets import SelectedOut
from cvfs.tracking import TrackedMetafile, TrackedOut
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.gitignore import with_entry
from cvfs.workspace.replacing import read_file
from cvfs.workspace.scanning import read_ignore_rules


@dataclass(frozen=True, slots=True)
class Chosen:
    """One out to record. ``path`` is relative to the top of the work tree, ``rules`` are those of its ``.dvcignore``s.

    ``metafile`` and ``selected`` (the out, and which part of it was named) are None for a path that is not tracked yet.
    """

    path: str
    root: str
    rules: IgnoreRules
    metafile: TrackedMetafile | None = None
    selected: SelectedOut | None = None

    @property
    def key(self) -> str:
        """Return the path below the DVC root."""
        return self.path[len(self.root) + 1 :] if self.root else self.path

    @property
    def metafile_path(self) -> str:
        """Return the metafile's path below the top of the work tree."""
        return f"{self.path}.dvc" if self.metafile is None else self.metafile.path

    @property
    def is_part(self) -> bool:
        """Tell whether only a part of the out was named."""
        return self.selected is not None and "" not in self.selected.within


def choose(clone: Clone, arguments: Sequence[str]) -> list[Chosen]:
    """Find out what each argument is, in their order, each out once. Blocking.

    Raises:
        TargetError, WorkspaceError: one of them cannot be tracked.
        RepositoryError: git fails.
    """
    chooser = _Chooser(clone)
    chosen: dict[str, Chosen] = {}
    for argument in arguments:
        path, root = locate(clone, argument)
        found = chooser.tracked(path)
        if found is None:
            chosen.setdefault(path, chooser.new(path, root))
            continue
        metafile, out, relpath = found
        selected = chosen.setdefault(out.path, chooser.known(metafile, out)).selected
        assert selected is not None
        selected.within.add(relpath)
        chooser.check(path, root, out if relpath else None)
    check_apart(chosen)
    return list(chosen.values())


@dataclass(slots=True)
class _Pipeline:
    """An out of a stage, as ``dvc.yaml`` declares it or ``dvc.lock`` records it."""

    path: str
    stage: str
    file: str


class _Chooser:
    def __init__(self, clone: Clone) -> None:
        self._clone = clone
        self._metafiles = list(clone.metafiles())
        self._pipelines = list(_pipelines(clone, self._metafiles))

    def tracked(self, path: str) -> tuple[TrackedMetafile, TrackedOut, str] | None:
        """Find the out that ``path`` is or lies in, and where in it."""
        for pipeline in self._pipelines:
            if within(path, pipeline.path):
                raise TargetError(
                    f"cannot update {path!r}: overlaps with an output of stage {pipeline.stage!r} in {pipeline.file!r}",
                    hint="run the pipeline, or use `dvc commit` to record what is there; `cvfs push` uploads it",
                )
        for metafile in self._metafiles:
            for out in metafile.outs:
                if within(path, out.path):
                    return metafile, out, path[len(out.path) + 1 :]
        return None

    def known(self, metafile: TrackedMetafile, out: TrackedOut) -> Chosen:
        """Take an out that a ``.dvc`` file tracks. TargetError if its content is not for ``add`` to say."""
        if metafile.problems:
            raise TargetError(f"{metafile.path} cannot be updated: {metafile.problems[0]}", hint="repair it first")
        if out.record.source is Source.IMPORT:
            raise TargetError(
                f"{out.path} was imported by {metafile.path}, and its content is that of its source",
                hint=f"`cvfs update {metafile.path}` records the present versions there",
            )
        if out.record.source is Source.GIT:
            raise TargetError(f"{metafile.path} says `cache: false`: {out.path} is Git's", hint="`git add` it instead")
        return Chosen(out.path, out.root, self._rules(out.root, out.key()), metafile, SelectedOut(out))

    def new(self, path: str, root: str) -> Chosen:
        """Take a path that is not tracked yet. TargetError, WorkspaceError if it cannot be."""
        check_name(path)
        key = path[len(root) + 1 :] if root else path
        for inner, stage_file in self._outs_below(path):
            raise TargetError(
                f"Cannot add {path!r}, because it is overlapping with other DVC tracked output: {inner!r}",
                hint=f"to include {inner} in {path}, `cvfs remove {stage_file}` first, and then `cvfs add {path}`",
            )
        rules = self.check(path, root)
        self._check_metafile(path, key, rules)
        if not self._git_ignores(path):
            with_entry(b"", posixpath.basename(path))
        return Chosen(path, root, rules)

    def check(self, path: str, root: str, inside: TrackedOut | None = None) -> IgnoreRules:
        """Raise TargetError if ``path`` is not there or is Git's. Returns the ignore rules that apply to it.

        A path ``inside`` an out may be gone, which is then to be recorded.
        """
        key = path[len(root) + 1 :] if root else path
        rules = self._rules(root, key)
        if inside is None:
            check_present(self._clone, path, key, rules)
        else:
            _check_part(path, inside)
        if not has_no_scm(self._clone, root) and self._clone.tree.index.tracks(path):
            raise TargetError(
                f"output {path!r} is already tracked by SCM (e.g. Git)",
                hint=f"to stop tracking it with Git: git rm -r --cached {shlex.quote(path)} "
                f"&& git commit -m {shlex.quote(f'stop tracking {path}')}",
            )
        return rules

    def _outs_below(self, path: str) -> Iterator[tuple[str, str]]:
        for metafile in self._metafiles:
            yield from ((out.path, metafile.path) for out in metafile.outs if within(out.path, path))
        yield from ((pipeline.path, pipeline.file) for pipeline in self._pipelines if within(pipeline.path, path))

    def _check_metafile(self, path: str, key: str, rules: IgnoreRules) -> None:
        """See to it that the new metafile would be seen, and is not there."""
        metafile = f"{path}.dvc"
        for present in self._metafiles:
            if present.path == metafile and present.problems:
                raise TargetError(f"{metafile} is there, and cannot be used: {present.problems[0]}", hint="repair it")
        if os.path.lexists(to_bytes(self._clone.tree.absolute(metafile))):
            raise TargetError(f"{metafile} is there, and does not track {path}", hint="rename it, or the data")
        if rules.ignores(f"{key}.dvc", is_dir=False):
            raise TargetError(f"{metafile} would be ignored by .dvcignore", hint="change the pattern there")
        if self._git_ignores(metafile):
            raise TargetError(f"bad DVC file name {metafile!r}: it is git-ignored", hint="change .gitignore")

    def _git_ignores(self, path: str) -> bool:
        is_directory = os.path.isdir(to_bytes(self._clone.tree.absolute(path)))
        return self._clone.tree.index.ignores(f"{path}/" if is_directory else path)

    def _rules(self, root: str, key: str) -> IgnoreRules:
        return read_ignore_rules(self._clone.directory(root), key)


def _check_part(path: str, out: TrackedOut) -> None:
    if out.record.kind is Kind.FILE and out.record.recorded.md5:
        raise TargetError(
            f"Cannot modify {out.path!r} which is being tracked as a file",
            hint=f"`cvfs add {out.path}` records that it is a directory now",
        )
    if out.record.legacy:
        raise TargetError(
            f"{out.metafile} holds hashes of DVC 2, which those of {path} cannot stand beside",
            hint=f"`cvfs add {out.path}` records all of its files anew",
        )


def has_no_scm(clone: Clone, root: str) -> bool:
    """Tell whether the configuration keeps DVC from Git (``core.no_scm``)."""
    value = clone.configs[root].core("no_scm")
    return value is not None and value.text.lower() == "true"


def _pipelines(clone: Clone, metafiles: Sequence[TrackedMetafile]) -> Iterator[_Pipeline]:
    for metafile in metafiles:
        for out in metafile.outs:
            if out.record.stage is not None:
                yield _Pipeline(out.path, out.record.stage, metafile.path)
    for directory, file in sorted(clone.found.stages.items()):
        for name, stage in read_stages(read_file(clone.tree.absolute(file)) or b"").stages.items():
            if not stage.has_templated_wdir:
                for out_path in stage.outs:
                    yield _Pipeline(
                        posixpath.normpath(posixpath.join(directory, stage.wdir or "", out_path)), name, file
                    )
