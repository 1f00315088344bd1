"""``dvc.yaml``: what a pipeline's stages say of their outs. Hashes and versions are in ``dvc.lock``.

Templates (``${...}``) are not resolved here: resolved paths are in the lock.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cvfs.metafiles.document import Block, Value, load_document
from cvfs.metafiles.events import DocumentError
from cvfs.metafiles.fields import boolean, lower
from cvfs.metafiles.records import Refusal

_OUT_LISTS = ("outs", "metrics", "plots")
_TEMPLATE = "${"


@dataclass(frozen=True, slots=True)
class StageOut:
    """How a stage uses one of its outs. ``remote`` is lower case."""

    cache: bool = True
    push: bool = True
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. ``outs`` is keyed by normalised path; those with a template in the path stand in ``templated``."""

    wdir: str | None = None
    outs: Mapping[str, StageOut] = field(default_factory=dict)
    templated: tuple[StageOut, ...] = ()

    @property
    def has_templated_wdir(self) -> bool:
        """Tell whether ``wdir`` is known only after resolving templates."""
        return self.wdir is not None and _TEMPLATE in self.wdir

    def out(self, path: str) -> StageOut | None:
        """Find an out by the path that the lock has; None if the stage has no such out.

        Raises:
            ValueError: the path must come from a template, and the stage's templates differ in what they say.
        """
        found = self.outs.get(posixpath.normpath(path))
        if found is not None or not self.templated:
            return found
        if len(set(self.templated)) > 1:
            raise ValueError("dvc.yaml has it as one of several templates with different cache, push or remote")
        return self.templated[0]


@dataclass(frozen=True, slots=True)
class StageFile:
    """The stages of one ``dvc.yaml``, by name, and what of it could not be used.

    ``readable`` is False where the file as a whole is broken, so that an absent stage means nothing.
    """

    stages: Mapping[str, Stage] = field(default_factory=dict)
    problems: tuple[Refusal, ...] = ()
    readable: bool = True

    def stage(self, name: str) -> Stage | None:
        """Find a stage by its name in the lock. ``name@item`` is one of many that ``name`` stands for."""
        while name not in self.stages:
            name, separator, _ = name.rpartition("@")
            if not separator:
                return None
        return self.stages[name]


def read_stages(data: bytes) -> StageFile:
    """Read a ``dvc.yaml``. Never raises: a broken stage is a problem and missing; a broken file is not ``readable``.

    Format: DVC's ``schema.MULTI_STAGE_SCHEMA``; ``foreach`` and ``matrix`` stages appear once, under their own name.
    """
    try:
        document = load_document(data)
    except DocumentError as error:
        return StageFile(problems=(error.refusal,), readable=False)
    found = document.get("stages")
    stages: dict[str, Stage] = {}
    problems: list[Refusal] = []
    if found is not None and not isinstance(found, Block):
        problems.append(Refusal(document.line, "'stages' is not a mapping"))
        found = None
    for name, value in (found or {}).items():
        line = value.line if isinstance(value, Block) else document.line
        try:
            stages[name] = _read_stage(value)
        except ValueError as error:
            problems.append(Refusal(line, f"stage {name!r}: {error}"))
    return StageFile(stages, tuple(problems))


def _read_stage(value: Value) -> Stage:
    definition = _block("the stage", value)
    if "do" in definition:
        definition = _block("'do'", definition["do"])
    outs: dict[str, StageOut] = {}
    templated: list[StageOut] = []
    for path, flags in _out_flags(definition):
        if _TEMPLATE in path:
            templated.append(flags)
        else:
            outs[posixpath.normpath(path)] = flags
    return Stage(_text("wdir", definition), outs, tuple(templated))


def _out_flags(definition: Block) -> Iterator[tuple[str, StageOut]]:
    for key in _OUT_LISTS:
        entries = definition.get(key)
        if entries is not None and not isinstance(entries, list):
            raise ValueError(f"{key!r} is not a list")
        for entry in entries or ():
            if isinstance(entry, str):
                yield entry, StageOut()
                continue
            for path, flags in _block(f"an entry of {key!r}", entry).items():
                yield path, _flags(path, flags)


def _flags(path: str, value: Value) -> StageOut:
    if value is None or isinstance(value, list):
        # A list holds several plots of one file: nothing about the file.
        return StageOut()
    flags = _block(f"out {path!r}", value)
    return StageOut(
        cache=boolean("cache", _text("cache", flags), default=True),
        push=boolean("push", _text("push", flags), default=True),
        remote=lower(_text("remote", flags)),
    )


def _block(what: str, value: Value) -> Block:
    if not isinstance(value, Block):
        raise ValueError(f"{what} is not a mapping")  # noqa: TRY004 - the text is wrong, not the program
    return value


def _text(key: str, block: Block) -> str | None:
    value = block.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key!r} is not a single value")
    return value
