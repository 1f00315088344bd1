"""``dvc.lock``: the outs of a pipeline, with what ``dvc.yaml`` says about them joined in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from yaml.events import Event

from cvfs.metafiles.entries import OutEntry, Placement, read_outs
from cvfs.metafiles.events import DocumentError, EntryError, Events, line_of
from cvfs.metafiles.records import FileRecord, Record, Refusal
from cvfs.metafiles.stagefile import Stage, StageFile, StageOut

_SCHEMA = "2.0"


def read_lock(data: bytes, stages: StageFile | None) -> Iterator[Record]:
    """Read a ``dvc.lock`` in a stream; memory does not grow with ``files:``.

    Never raises. As in DVC, a stage or an out that ``dvc.yaml`` no longer has is passed over in silence. Without a
    readable ``dvc.yaml`` all outs are taken, below its directory and as cached and pushed to the default remote. Outs
    that were complete before the text turned out to be broken stay. Files whose out does not follow are to be dropped.

    Format: DVC's ``schema.LOCKFILE_SCHEMA``.
    """
    if stages is not None and not stages.readable:
        stages = None
    events = Events(data)
    try:
        yield from _read_root(events, stages)
    except (EntryError, DocumentError) as error:
        yield error.refusal


def _read_root(events: Events, stages: StageFile | None) -> Iterator[Record]:
    known = False
    for key, event in events.root():
        if key == "schema":
            known = True
            schema = events.scalar(event)
            if schema != _SCHEMA:
                raise EntryError(line_of(event), f"lock schema {schema!r} is not known to this version of cvfs")
        elif key == "stages":
            known = True
            yield from _read_stages(events, event, stages)
    if not known:
        yield Refusal(1, "lock schema 1, written by DVC 1.x, is not supported yet")


def _read_stages(events: Events, start: Event, stages: StageFile | None) -> Iterator[Record]:
    numbers = count()
    for name, event in events.pairs(start):
        stage = Stage() if stages is None else stages.stage(name)
        if stage is None:
            continue
        try:
            for key, value in events.pairs(event):
                if key != "outs":
                    continue
                if stage.has_templated_wdir:
                    raise EntryError(
                        line_of(event), f"wdir {stage.wdir!r} is a template, which cvfs cannot resolve yet"
                    )
                for record in read_outs(events, value, numbers):
                    yield from _join(record, name, stage, whole=stages is not None)
        except EntryError as error:
            yield Refusal(error.refusal.line, f"stage {name!r}: {error.refusal.reason}")


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
