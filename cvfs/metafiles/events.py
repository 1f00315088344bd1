"""A metafile as a stream of YAML events, so that its size never decides how much memory it takes.

The loops ``root``, ``pairs`` and ``items`` hand out the first event of each value. What the caller leaves of a value is
passed over before the next one, so that an entry that turns out to be unusable needs no cleaning up.

Scalars are strings, as in YAML 1.2's failsafe schema: ``yes`` and ``12:30:45`` are names like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from yaml.reader import ReaderError

from cvfs.metafiles.records import Refusal

#: Ten times faster where PyYAML was built with libyaml.
PARSER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

#: DVC's own files need 8 levels. libyaml's time grows with the square of the depth: 100,000 brackets take 20 s.
MAX_DEPTH = 100

_STEP: dict[type, int] = {MappingStartEvent: 1, SequenceStartEvent: 1, MappingEndEvent: -1, SequenceEndEvent: -1}
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
_CONFLICT = re.compile(rb"^(?:<<<<<<<|>>>>>>>)(?=[ \r\n]|\Z)", re.MULTILINE)
#: So many conflicts of one file are named.
_CONFLICTS_NAMED = 3


class EntryError(Exception):
    """One value cannot be used. Reading can go on behind it."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason)
        self.refusal = Refusal(line, reason)


class DocumentError(Exception):
    """The text is not the YAML that a metafile has to be. Nothing behind this point can be read."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason)
        self.refusal = Refusal(line, reason)


class EmptyDocumentError(DocumentError):
    """There is nothing but comments in the text."""


class Events:
    """Pull events out of one metafile. All methods raise DocumentError where the text is broken."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parser: Any = None
        self._depth = 0

    def next(self) -> Event:
        """Take the next event, whatever it is."""
        try:
            event = self._parser.get_event()
        except yaml.YAMLError as error:
            raise self._explain(error) from error
        self._depth += _STEP.get(event.__class__, 0)
        if self._depth > MAX_DEPTH:
            raise DocumentError(line_of(event), f"nested more than {MAX_DEPTH} levels deep")
        return event  # type: ignore[no-any-return]

    def open(self) -> Event:
        """Start reading and return the first event of the document's one value, which has to be a mapping."""
        try:
            self._parser = PARSER(self._data)
        except yaml.YAMLError as error:
            raise self._explain(error) from error
        event: Event = StreamStartEvent()
        while isinstance(event, (StreamStartEvent, DocumentStartEvent)):
            event = self.next()
        if isinstance(event, StreamEndEvent) or self._is_null(event):
            raise EmptyDocumentError(1, "the file is empty")
        if not isinstance(event, MappingStartEvent):
            raise self._conflict() or DocumentError(line_of(event), "not a mapping of names to values")
        return event

    def close(self) -> None:
        """Make sure that nothing follows the document."""
        event = self.next()
        while isinstance(event, DocumentEndEvent):
            event = self.next()
        if not isinstance(event, StreamEndEvent):
            raise DocumentError(line_of(event), "a second YAML document follows; a metafile has one")

    def root(self) -> Iterator[tuple[str, Event]]:
        """Walk the pairs of the whole document."""
        yield from self.pairs(self.open())
        self.close()

    def pairs(self, start: Event) -> Iterator[tuple[str, Event]]:
        """Walk a mapping whose first event is ``start``; null counts as an empty one.

        Raises:
            EntryError: not a mapping, a key that is no scalar, a key that comes twice, or a merge key.
        """
        if start.__class__ is not MappingStartEvent:
            if self._is_null(start):
                return
            raise EntryError(line_of(start), f"{_kind(start)} stands where a mapping is expected")
        level = self._depth
        seen = set()
        while True:
            event = self.next()
            if event.__class__ is MappingEndEvent:
                return
            if event.__class__ is not ScalarEvent:
                raise EntryError(line_of(event), f"{_kind(event)} stands where a key is expected")
            key: str = event.value
            if key in seen:
                raise EntryError(line_of(event), f"the key {key!r} comes twice")
            if key == "<<" and event.implicit[0]:
                raise EntryError(line_of(event), "merge keys (<<) are not supported here")
            seen.add(key)
            yield key, self.next()
            if self._depth > level:
                self._pass_over(level)

    def items(self, start: Event) -> Iterator[Event]:
        """Walk a list whose first event is ``start``; null counts as an empty one. EntryError if it is no list."""
        if start.__class__ is not SequenceStartEvent:
            if self._is_null(start):
                return
            raise EntryError(line_of(start), f"{_kind(start)} stands where a list is expected")
        level = self._depth
        while True:
            event = self.next()
            if event.__class__ is SequenceEndEvent:
                return
            yield event
            if self._depth > level:
                self._pass_over(level)

    def scalar(self, event: Event) -> str | None:
        """Return the text of a scalar, None for an unquoted null. EntryError if it is no scalar, or tagged."""
        if event.__class__ is not ScalarEvent:
            raise EntryError(line_of(event), f"{_kind(event)} stands where one value is expected")
        if event.tag not in _TEXT_TAGS:
            raise EntryError(line_of(event), f"the YAML tag {event.tag!r} is not supported")
        text: str = event.value
        return None if text in _NULLS and event.implicit[0] else text

    def _is_null(self, event: Event) -> bool:
        return event.__class__ is ScalarEvent and self.scalar(event) is None

    def _pass_over(self, level: int) -> None:
        while self._depth > level:
            self.next()

    def _conflict(self) -> DocumentError | None:
        conflicts = [lines for lines in _conflicts(self._data) if lines]
        if not conflicts:
            return None
        places = ["-".join(map(str, dict.fromkeys((lines[0], lines[-1])))) for lines in conflicts]
        named = ", ".join(places[:_CONFLICTS_NAMED])
        more = f" and {len(places) - _CONFLICTS_NAMED} more" if len(places) > _CONFLICTS_NAMED else ""
        where = "line" if named.isdigit() else "lines"
        return DocumentError(
            conflicts[0][0], f"merge conflict (<<<<<<<) in {where} {named}{more}: resolve it and commit the file again"
        )

    def _explain(self, error: yaml.YAMLError) -> DocumentError:
        conflict = self._conflict()
        if conflict is not None:
            return conflict
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            return DocumentError(error.problem_mark.line + 1, f"not valid YAML: {error.problem}")
        if isinstance(error, ReaderError):
            line = self._data.count(b"\n", 0, error.position) + 1
            return DocumentError(line, f"not valid YAML: {error.reason}")
        return DocumentError(None, "not valid YAML")


def _conflicts(data: bytes) -> Iterator[list[int]]:
    """Yield the lines of the markers of each conflict, from ``<<<<<<<`` to ``>>>>>>>`` where that is left."""
    lines: list[int] = []
    line, position = 1, 0
    for found in _CONFLICT.finditer(data):
        line += data.count(b"\n", position, found.start())
        position = found.start()
        if found[0].startswith(b"<"):
            yield lines
            lines = [line]
        elif lines:
            yield [*lines, line]
            lines = []
    yield lines


def line_of(event: Event) -> int | None:
    """Return the line on which an event begins, counted from 1."""
    mark = event.start_mark
    return None if mark is None else mark.line + 1


def _kind(event: Event) -> str:
    if isinstance(event, ScalarEvent):
        return "a single value"
    if isinstance(event, MappingStartEvent):
        return "a mapping"
    if isinstance(event, SequenceStartEvent):
        return "a list"
    return "an alias (*name), which is not supported here,"
