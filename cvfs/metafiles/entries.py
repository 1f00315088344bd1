"""Outs and the files in them: the shape that ``.dvc`` files and ``dvc.lock`` have in common.

The keys are those of DVC's ``output.SCHEMA``, read more leniently: unknown keys are passed over, because DVC's older
versions wrote keys that newer ones reject. Values of known keys are checked: paths and cache keys are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from yaml.events import Event

from cvfs.metafiles.events import EntryError, Events, line_of
from cvfs.metafiles.fields import CLOUD_NAME, Fields, boolean, integer, lower, recorded_of
from cvfs.metafiles.records import FileRecord, OutRecord, Recorded, Refusal, Source
from cvfs.model import Kind

_FILE_KEYS = frozenset(("relpath", "md5", "size", "isexec", "version_id", "etag"))
_OUT_KEYS = _FILE_KEYS - {"relpath"} | {"path", "nfiles", "hash", "cache", "push", "remote"}
_CLOUD_KEYS = frozenset(("md5", "size", "nfiles", "isexec", "version_id", "etag"))
_EXTERNAL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|/|[A-Za-z]:[\\/]")


@dataclass(slots=True)
class Placement:
    """What lies outside an out's own entry and decides about it: where it is, and how the stage uses it."""

    wdir: str | None = None
    cache: bool = True
    push: bool = True
    remote: str | None = None
    imported: bool = False
    #: What was imported is a directory, though the out itself may not say so (``import-url --no-download``).
    directory: bool = False
    #: The stage of a ``dvc.lock``.
    stage: str | None = None


@dataclass(slots=True)
class OutEntry:
    """An out as written. ``files`` counts the usable items of ``files:`` and is None where that key is missing."""

    number: int
    line: int | None
    fields: Fields = field(default_factory=dict)
    files: int | None = None

    @property
    def path(self) -> str:
        """The out's own path. EntryError if there is none."""
        path = self.fields.get("path")
        if not path:
            raise EntryError(self.line, "an out without a path")
        return path

    def record(self, placement: Placement) -> OutRecord:
        """Put together what is known of the out. EntryError if any of it cannot be used."""
        path = self.path
        try:
            recorded = recorded_of(self.fields)
            return OutRecord(
                out=self.number,
                path=_place(placement.wdir, path),
                kind=self._kind(recorded, placement),
                recorded=recorded,
                legacy=self.fields.get("hash") in (None, "", "md5-dos2unix"),
                source=self._source(placement, recorded),
                remote=lower(self.fields.get("remote")) or placement.remote,
                line=self.line or 1,
                stage=placement.stage,
            )
        except ValueError as error:
            raise EntryError(self.line, f"out {path!r}: {error}") from error

    def _kind(self, recorded: Recorded, placement: Placement) -> Kind:
        if self.files:
            return Kind.DIRECTORY
        if integer("nfiles", self.fields.get("nfiles")) is not None:
            return Kind.UNLISTED
        if recorded.md5 is not None:
            return Kind.UNLISTED if recorded.md5.endswith(".dir") else Kind.FILE
        # Only a directory gets a `files:`, so an empty one is a listing that was lost.
        return Kind.UNLISTED if self.files == 0 or placement.directory else Kind.FILE

    def _source(self, placement: Placement, recorded: Recorded) -> Source:
        cache = boolean("cache", self.fields.get("cache"), default=True) and placement.cache
        push = boolean("push", self.fields.get("push"), default=True) and placement.push
        if not cache:
            return Source.GIT
        if placement.imported and not self.files and recorded.version_id is None:
            return Source.IMPORT
        return Source.REMOTE if push else Source.UNPUSHED


def read_outs(events: Events, start: Event, numbers: Iterator[int]) -> Iterator[FileRecord | Refusal | OutEntry]:
    """Walk a list of outs: of each the files, then the out, or a refusal and no out. No number comes twice."""
    for event in events.items(start):
        entry = OutEntry(next(numbers), line_of(event))
        try:
            yield from _read_out(events, event, entry)
        except EntryError as error:
            yield error.refusal
        else:
            yield entry


def _read_out(events: Events, start: Event, entry: OutEntry) -> Iterator[FileRecord | Refusal]:
    cloud: Fields = {}
    for key, event in events.pairs(start):
        if key in _OUT_KEYS:
            entry.fields[key] = events.scalar(event)
        elif key == "cloud":
            cloud = _read_cloud(events, event)
        elif key == "files":
            for record in _read_files(events, event, entry.number):
                entry.files = (entry.files or 0) + isinstance(record, FileRecord)
                yield record
            entry.files = entry.files or 0
    entry.fields.update(cloud)


def _read_files(events: Events, start: Event, out: int) -> Iterator[FileRecord | Refusal]:
    for event in events.items(start):
        try:
            yield _read_file(events, event, out)
        except EntryError as error:
            yield error.refusal


def _read_file(events: Events, start: Event, out: int) -> FileRecord:
    line = line_of(start)
    fields: Fields = {}
    cloud: Fields = {}
    for key, event in events.pairs(start):
        if key in _FILE_KEYS:
            fields[key] = events.scalar(event)
        elif key == "cloud":
            cloud = _read_cloud(events, event)
    fields.update(cloud)
    relpath = fields.get("relpath")
    if relpath is None:
        raise EntryError(line, "a file without a relpath")
    try:
        recorded = recorded_of(fields)
        if recorded.md5 is not None and recorded.md5.endswith(".dir"):
            raise ValueError("its md5 is that of a directory")
    except ValueError as error:
        raise EntryError(line, f"file {relpath!r}: {error}") from error
    return FileRecord(out, relpath, recorded, line or 1)


def _read_cloud(events: Events, start: Event) -> Fields:
    """Read what was pushed where. DVC lets these values override those beside ``cloud:``."""
    fields: Fields = {}
    for name, event in events.pairs(start):
        if fields:
            raise EntryError(line_of(start), "two remotes below 'cloud:', but a version lies on one")
        fields[CLOUD_NAME] = name.lower()
        for key, value in events.pairs(event):
            if key in _CLOUD_KEYS:
                fields[key] = events.scalar(value)
    return fields


def _place(wdir: str | None, path: str) -> str:
    if _EXTERNAL.match(path):
        raise ValueError("it is external (a URL or an absolute path), not a part of the repository")
    if not wdir:
        return path
    if _EXTERNAL.match(wdir):
        raise ValueError(f"its wdir {wdir!r} is external (a URL or an absolute path), not a part of the repository")
    return f"{wdir}/{path}"
