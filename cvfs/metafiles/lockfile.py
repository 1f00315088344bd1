"""``dvc.lock``: the outs of a pipeline, with what ``dvc.yaml`` says about them joined in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from yaml.events import Event, MappingStartEvent

from cvfs.metafiles.entries import OutEntry, Placement, read_outs
from cvfs.metafiles.events import DocumentError, EntryError, Events, line_of
from cvfs.metafiles.records import FileRecord, Record, Refusal
from cvfs.metafiles.stagefile import Stage, StageFile, StageOut

_SCHEMA = "2.0"
#: What stands beside the stages in schema 2, none of it an out.
_BESIDE_STAGES = frozenset(("datasets", "meta"))


def read_lock(data: bytes, stages: StageFile | None) -> Iterator[Record]:
    """Read a ``dvc.lock`` in a stream; memory does not grow with ``files:``.

    Never raises. As in DVC, a stage or an out that ``dvc.yaml`` no longer has is passed over in silence. Without a
    readable ``dvc.yaml`` all outs are taken, below its directory and as cached and pushed to the default remote. So are
    those of a stage whose templates cannot be resolved, as far as they cannot be told apart, and a refusal says so.
    Outs that were complete before the text turned out to be broken stay. Files whose out does not follow are to be
    dropped.

    Format: DVC's ``schema.LOCKFILE_SCHEMA``; DVC 1's, too, which had the stages at the top.
    """
    reading = _Reading(Events(data), stages if stages is not None and stages.readable else None)
    try:
        for name, event in reading.stages():
            yield from reading.stage(name, event)
    except (EntryError, DocumentError) as error:
        yield error.refusal


@dataclass(slots=True)
class _Reading:
    events: Events
    written: StageFile | None
    numbers: Iterator[int] = field(default_factory=count)
    #: Reasons for not resolving templates that were told already: one is often that of all stages.
    told: set[str] = field(default_factory=set)

    def stages(self) -> Iterator[tuple[str, Event]]:
        """Walk the stages of either schema."""
        is_second = False
        for key, event in self.events.root():
            if key == "schema" and not isinstance(event, MappingStartEvent):
                is_second = True
                schema = self.events.scalar(event)
                if schema != _SCHEMA:
                    raise EntryError(line_of(event), f"lock schema {schema!r} is not known to this version of cvfs")
            elif key == "stages":
                is_second = True
                yield from self.events.pairs(event)
            elif not is_second and key not in _BESIDE_STAGES:
                yield key, event

    def stage(self, name: str, start: Event) -> Iterator[Record]:
        """Read one stage, unless ``dvc.yaml`` has it no more."""
        stage = Stage() if self.written is None else self.written.stage(name)
        if stage is None:
            return
        try:
            for key, value in self.events.pairs(start):
                if key == "outs":
                    yield from self._unresolved(name, stage, value)
                    for record in read_outs(self.events, value, self.numbers):
                        yield from _join(record, name, stage, whole=self.written is not None)
        except EntryError as error:
            yield Refusal(error.refusal.line, f"stage {name!r}: {error.refusal.reason}")

    def _unresolved(self, name: str, stage: Stage, outs: Event) -> Iterator[Refusal]:
        if stage.unresolved is None:
            return
        if stage.has_templated_wdir:
            raise EntryError(line_of(outs), f"its wdir {stage.wdir!r} cannot be resolved: {stage.unresolved}")
        if stage.unresolved not in self.told:
            self.told.add(stage.unresolved)
            reason = f"{stage.unresolved}; outs are taken from dvc.lock alone"
            yield Refusal(line_of(outs), f"stage {name!r}: its templates cannot be resolved: {reason}")


def _join(record: FileRecord | Refusal | OutEntry, name: str, stage: Stage, *, whole: bool) -> Iterator[Record]:
    """Turn an out into a record, unless the stage is known as a ``whole`` and has no such out."""
    if not isinstance(record, OutEntry):
        yield record
        return
    try:
        flags = _flags(record, stage) if whole else StageOut()
        if flags is not None:
            yield record.record(Placement(stage.wdir, flags.cache, flags.push, flags.remote, stage=name))
    except EntryError as error:
        yield error.refusal


def _flags(entry: OutEntry, stage: Stage) -> StageOut | None:
    path = entry.path
    try:
        return stage.out(path)
    except ValueError as error:
        raise EntryError(entry.line, f"out {path!r}: {error}") from error
