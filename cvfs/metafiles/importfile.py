"""``.dvc`` files that ``import-url`` made: where the data comes from, and which versions of it.

An import of a directory lists its files in the dependency (``deps[0].files``), not in the out; of each are known etag,
size and version id, but no md5. The out has the hash of all of it, if it was downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yaml.events import Event

from cvfs.errors import MetafileError
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.events import DocumentError, EntryError, Events, line_of
from cvfs.metafiles.fields import Fields, recorded_of
from cvfs.metafiles.names import check_relpath
from cvfs.metafiles.records import OutRecord, Recorded, Refusal

_KEYS = frozenset(("etag", "size", "version_id", "md5", "isexec"))
#: What the dependencies of other kinds of imports have.
_OTHERS = {"repo": "`dvc import` made it, from another repository", "db": "`dvc import-db` made it, from a database"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file at the source: what is recorded of it, and the line where that begins."""

    recorded: Recorded
    line: int


@dataclass(frozen=True, slots=True)
class ImportFile:
    """An import by URL. ``url`` is as written, ``line`` that of the dependency.

    ``files`` are by relpath, '' for the one file of an import that is a file. ``is_version_aware`` says that its data
    is at the source alone, by version, and never pushed. ``options`` is the rest of ``fs_config``: options of the
    remote that the URL would be. ``other_kind`` says what made it, if that was no ``import-url``.
    """

    url: str
    line: int
    out: OutRecord
    is_directory: bool
    files: Mapping[str, SourceFile]
    is_version_aware: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    other_kind: str | None = None


def read_import(data: bytes) -> ImportFile | None:
    """Read the ``.dvc`` file of an import; None if it is no import.

    Raises:
        MetafileError: not a metafile, more than one dependency or out, or an entry that cannot be used.
    """
    outs: list[OutRecord] = []
    for record in read_dvc(data):
        if isinstance(record, Refusal):
            raise _unusable(record)
        if isinstance(record, OutRecord):
            outs.append(record)
    events = Events(data)
    found: list[_Dependency] = []
    try:
        for key, event in events.root():
            if key == "deps":
                found += [_read_dependency(events, item) for item in events.items(event)]
    except (EntryError, DocumentError) as error:
        raise _unusable(error.refusal) from error
    if not found:
        return None
    if len(found) > 1 or len(outs) != 1:
        raise MetafileError("an import has one dependency and one out")
    return found[0].with_out(outs[0])


@dataclass(slots=True)
class _Dependency:
    line: int
    path: str | None = None
    fields: Fields = field(default_factory=dict)
    files: dict[str, SourceFile] | None = None
    aware: bool = False
    options: dict[str, str] = field(default_factory=dict)
    other_kind: str | None = None

    def with_out(self, out: OutRecord) -> ImportFile:
        if not self.path:
            raise MetafileError(f"line {self.line}: a dependency without a path")
        try:
            own = SourceFile(recorded_of(self.fields), self.line)
        except ValueError as error:
            raise MetafileError(f"line {self.line}: {error}") from error
        is_directory = self.files is not None
        files = {"": own} if self.files is None else self.files
        return ImportFile(self.path, self.line, out, is_directory, files, self.aware, self.options, self.other_kind)


def _read_dependency(events: Events, start: Event) -> _Dependency:
    result = _Dependency(line_of(start) or 1)
    for key, event in events.pairs(start):
        if key in _KEYS:
            result.fields[key] = events.scalar(event)
        elif key == "path":
            result.path = events.scalar(event)
        elif key == "fs_config":
            options = {option.lower(): events.scalar(value) for option, value in events.pairs(event)}
            result.aware = (options.pop("version_aware", None) or "").lower() == "true"
            result.options = {option: text for option, text in options.items() if text is not None}
        elif key == "files":
            result.files = {}
            for item in events.items(event):
                _read_file(events, item, result.files)
        elif key in _OTHERS:
            result.other_kind = _OTHERS[key]
    return result


def _read_file(events: Events, start: Event, files: dict[str, SourceFile]) -> None:
    line = line_of(start) or 1
    fields: Fields = {}
    relpath = None
    for key, event in events.pairs(start):
        if key in _KEYS:
            fields[key] = events.scalar(event)
        elif key == "relpath":
            relpath = events.scalar(event)
    if relpath is None:
        raise EntryError(line, "a file without a relpath")
    try:
        check_relpath(relpath)
        recorded = recorded_of(fields)
    except ValueError as error:
        raise EntryError(line, f"file {relpath!r}: {error}") from error
    if relpath in files:
        raise EntryError(line, f"file {relpath!r} comes twice")
    files[relpath] = SourceFile(recorded, line)


def _unusable(refusal: Refusal) -> MetafileError:
    where = "" if refusal.line is None else f"line {refusal.line}: "
    return MetafileError(f"{where}{refusal.reason}")
