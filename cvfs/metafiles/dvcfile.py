"""``.dvc`` files: one stage without a command, which added or imported data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from yaml.events import Event

from cvfs.metafiles.entries import OutEntry, Placement, read_outs
from cvfs.metafiles.events import DocumentError, EntryError, Events
from cvfs.metafiles.records import Record


def read_dvc(data: bytes) -> Iterator[Record]:
    """Read a ``.dvc`` file in a stream; memory does not grow with ``files:``.

    Never raises. All outs come last, because older versions of DVC wrote ``wdir`` behind them. A file that is not valid
    YAML to its end therefore gives no out at all, only the refusal: files without an out are to be dropped. An out or a
    file that cannot be used is a refusal, and the others stay.

    Format: DVC's ``schema.SINGLE_STAGE_SCHEMA``.
    """
    events = Events(data)
    entries: list[OutEntry] = []
    placement = Placement()
    has_command = False
    try:
        for key, event in events.root():
            if key == "outs":
                for record in read_outs(events, event, count()):
                    if isinstance(record, OutEntry):
                        entries.append(record)
                    else:
                        yield record
            elif key == "wdir":
                placement.wdir = events.scalar(event)
            elif key == "deps":
                _read_deps(events, event, placement)
            elif key == "cmd":
                has_command = True
    except (EntryError, DocumentError) as error:
        yield error.refusal
        return
    # With a command it is a pipeline stage of DVC 0.x: it made its outs, and pushed them like any other.
    placement.imported = placement.imported and not has_command
    for entry in entries:
        try:
            yield entry.record(placement)
        except EntryError as error:
            yield error.refusal


def _read_deps(events: Events, start: Event, placement: Placement) -> None:
    for event in events.items(start):
        placement.imported = True
        placement.directory |= any(key in ("files", "nfiles") for key, _ in events.pairs(event))
