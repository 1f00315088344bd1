"""``dvc.yaml``: what a pipeline's stages say of their outs. Hashes and versions are in ``dvc.lock``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cvfs.metafiles.document import Block, load_document
from cvfs.metafiles.events import DocumentError
from cvfs.metafiles.records import Refusal
from cvfs.metafiles.resolution import Resolution
from cvfs.metafiles.stages import Stage, StageOut, body_of, read_stage
from cvfs.metafiles.variables import Files

__all__ = ["Stage", "StageFile", "StageOut", "has_templates", "read_stages", "wanted_files"]

#: Without one of these no file of variables has a say.
_SIGNS = (b"${", b"\\x24", b"\\u0024", b"\\U00000024")


@dataclass(frozen=True, slots=True)
class StageFile:
    """The stages of one ``dvc.yaml`` as written, by name, and what of it could not be used.

    ``readable`` is False where the file as a whole is broken, so that an absent stage means nothing.
    """

    stages: Mapping[str, Stage] = field(default_factory=dict)
    problems: tuple[Refusal, ...] = ()
    readable: bool = True
    resolution: Resolution | None = field(default=None, compare=False, repr=False)

    def stage(self, name: str) -> Stage | None:
        """Find a stage by its name in the lock, with its templates resolved; None if there is no such stage (any more).

        ``name@item`` is one of those that ``name`` stands for. Where templates cannot be resolved the stage is as
        written, and its ``unresolved`` says why.
        """
        group, item = name, None
        while group not in self.stages:
            group, separator, _ = group.rpartition("@")
            if not separator:
                return None
            item = name[len(group) + 1 :]
        written = self.stages[group]
        return written if self.resolution is None else self.resolution.stage(group, item, written)


def read_stages(data: bytes, files: Files | None = None) -> StageFile:
    """Read a ``dvc.yaml``. Never raises: what is broken is a problem and missing, be it a stage or an out of one.

    A file that is broken as a whole is not ``readable``. ``files`` gives the files of variables that templates need.
    ``foreach`` and ``matrix`` stages appear once in ``stages``, under their own name. Format: DVC's
    ``schema.MULTI_STAGE_SCHEMA``.
    """
    try:
        document = load_document(data)
    except DocumentError as error:
        return StageFile(problems=(error.refusal,), readable=False)
    found = document.get("stages")
    stages: dict[str, Stage] = {}
    definitions: dict[str, Block] = {}
    problems: list[Refusal] = []
    if found is not None and not isinstance(found, Block):
        problems.append(Refusal(document.line, "'stages' is not a mapping"))
        found = None
    for name, value in (found or {}).items():
        line = value.line if isinstance(value, Block) else document.line
        reasons: list[str] = []
        try:
            stages[name] = read_stage(body_of(value), complain=reasons.append)
        except ValueError as error:
            problems.append(Refusal(line, f"stage {name!r}: {error}"))
            continue
        problems += [Refusal(line, f"stage {name!r}: {reason}") for reason in reasons]
        if isinstance(value, Block):
            definitions[name] = value
    return StageFile(stages, tuple(problems), resolution=Resolution(document, definitions, files or (lambda _: None)))


def wanted_files(data: bytes, files: Files) -> set[str]:
    """Name the files of variables that a ``dvc.yaml`` asks for, as far as those that ``files`` gives tell.

    Those of a stage may be named by what those at the top say: ask again when ``files`` gives more.
    """
    if not has_templates(data):
        return set()
    resolution = read_stages(data, files).resolution
    return set() if resolution is None else resolution.wanted_files()


def has_templates(data: bytes) -> bool:
    """Tell whether there may be templates in the text of a ``dvc.yaml``."""
    return any(sign in data for sign in _SIGNS)
