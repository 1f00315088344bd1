"""A hand-written YAML file (``dvc.yaml``) as one value, with anchors, aliases and merge keys.

An alias shares the value that it names, so that a bomb of aliases stays as small as its text; merge keys copy, and are
counted. Lists and blocks shared in this way must not be changed.
"""

from __future__ import annotations

from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from cvfs.metafiles.events import DocumentError, EntryError, Events, line_of


class Plain(str):
    """A scalar without quotes, which may be meant as a number or a truth value."""

    __slots__ = ()


class Block(dict[str, "Value"]):
    """A mapping that knows on which line it begins."""

    __slots__ = ("line",)

    def __init__(self, line: int | None) -> None:
        super().__init__()
        self.line = line


Value = str | list["Value"] | Block | None

#: A ``dvc.yaml`` is written by people: hundreds of values. Merge keys could otherwise multiply them without bound.
MAX_VALUES = 1_000_000


def load_document(data: bytes) -> Block:
    """Load a metafile as mappings, lists, strings and None (for an unquoted null).

    Raises:
        DocumentError: not valid YAML, not a mapping, a key twice, an unknown or recursive alias, or out of bounds.
    """
    events = Events(data)
    loader = _Loader(events)
    try:
        block = loader.mapping(events.open())
        events.close()
    except EntryError as error:
        raise DocumentError(error.refusal.line, error.refusal.reason) from error
    return block


class _Loader:
    """Builds values. Recursion is bounded, because Events bounds the depth."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._anchors: dict[str, Value] = {}
        #: Anchors whose value is not complete; an alias to one would make a value contain itself.
        self._open: set[str] = set()
        self._count = 0

    def value(self, event: Event) -> Value:
        """Build the value whose first event is given."""
        self._spend(1, event)
        if isinstance(event, AliasEvent):
            return self._alias(event)
        anchor = event.anchor if isinstance(event, (ScalarEvent, CollectionStartEvent)) else None
        if anchor is not None:
            self._open.add(anchor)
        value = self._plain(event)
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = value
        return value

    def _plain(self, event: Event) -> Value:
        if isinstance(event, ScalarEvent):
            text = self._events.scalar(event)
            return Plain(text) if text is not None and event.implicit[0] else text
        if isinstance(event, MappingStartEvent):
            return self.mapping(event)
        values: list[Value] = []
        while not isinstance(event := self._events.next(), SequenceEndEvent):
            values.append(self.value(event))
        return values

    def mapping(self, start: Event) -> Block:
        """Build a mapping. Its own keys override merged ones; of merged ones the first wins."""
        block = Block(line_of(start))
        merged: list[Block] = []
        while not isinstance(event := self._events.next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise DocumentError(line_of(event), "a key that is not a single value")
            key: str = Plain(event.value) if event.implicit[0] else event.value
            if key in block:
                raise DocumentError(line_of(event), f"the key {key!r} comes twice")
            value = self.value(self._events.next())
            if key == "<<" and event.implicit[0]:
                merged += self._merged(value, event)
            else:
                block[key] = value
        for source in merged:
            for name, inherited in source.items():
                block.setdefault(name, inherited)
        return block

    def _merged(self, value: Value, event: Event) -> list[Block]:
        sources = value if isinstance(value, list) else [value]
        blocks = [source for source in sources if isinstance(source, Block)]
        if len(blocks) != len(sources):
            raise DocumentError(line_of(event), "a merge key (<<) takes a mapping or a list of mappings")
        self._spend(sum(map(len, blocks)), event)
        return blocks

    def _alias(self, event: AliasEvent) -> Value:
        name = event.anchor or ""
        if name in self._open:
            raise DocumentError(line_of(event), f"the alias *{name} stands inside what it names")
        if name not in self._anchors:
            raise DocumentError(line_of(event), f"the alias *{name} names no anchor before it")
        return self._anchors[name]

    def _spend(self, count: int, event: Event) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise DocumentError(line_of(event), f"more than {MAX_VALUES} values")
