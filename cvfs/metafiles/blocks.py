"""One mapping of a YAML text in block style, as the lines of its keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from cvfs.errors import MetafileError
from cvfs.metafiles.events import PARSER
from cvfs.metafiles.scalars import scalar

#: What stands before the first key of a mapping that is an item of a list.
_PREFIX = re.compile(r" *(?:- +)+(?=[^\s#&*!|>{\[-])")
_KEY = re.compile(r" *([A-Za-z_][\w-]*|\"[^\"]*\"|'[^']*')\s*:(?=\s|$)")

Tree = str | Mapping[str, "Tree"]


@dataclass(slots=True)
class _Chunk:
    """A key with its value, or lines (comments) that belong to no key."""

    key: str | None
    lines: list[str]


class Block:
    """A mapping that is an item of a block list: ``- key: value`` and the lines below it."""

    def __init__(self, prefix: str, newline: str, start: int, stop: int, chunks: list[_Chunk]) -> None:
        self.prefix = prefix
        #: The lines of the text that the block covers, ``stop`` excluded.
        self.start = start
        self.stop = stop
        self._newline = newline
        self._chunks = chunks

    @property
    def column(self) -> int:
        """The column of the block's keys."""
        return len(self.prefix)

    @classmethod
    def new(cls, prefix: str, newline: str) -> Block:
        """Begin an empty block."""
        return cls(prefix, newline, 0, 0, [])

    @classmethod
    def at(cls, lines: Sequence[str], start: int, newline: str) -> Block:
        """Find the block that begins on line ``start``, counted from 0.

        Raises:
            MetafileError: no block mapping begins there.
        """
        found = _PREFIX.match(lines[start]) if start < len(lines) else None
        if found is None:
            raise MetafileError(f"line {start + 1} is not in the block style that DVC writes")
        prefix = found.group()
        column = len(prefix)
        stop = start + 1
        last = start
        while stop < len(lines) and (_is_empty(lines[stop]) or _indent(lines[stop]) >= column):
            if not _is_empty(lines[stop]):
                last = stop
            stop += 1
        stop = last + 1
        first = " " * column + lines[start][column:]
        return cls(prefix, newline, start, stop, _chunks([first, *lines[start + 1 : stop]], column, start))

    def lines(self) -> list[str]:
        """Return the block as text."""
        lines = [line for chunk in self._chunks for line in chunk.lines]
        return [self.prefix + lines[0][self.column :], *lines[1:]]

    def set(self, key: str, value: Tree | None, order: Sequence[str], *, number: bool = False) -> None:
        """Give ``key`` a value, if it has another one; None takes it out. ``order`` says where a new key goes.

        ``number`` writes the text as it is: a number or a truth value, not a string that looks like one.
        """
        if value is None:
            self.remove(key)
            return
        present = self._find(key)
        if present is not None and _value(present, key) == value:
            return
        lines = [value] if number and isinstance(value, str) else _dump(value)
        text = [f"{key}: {lines[0]}"] if isinstance(value, str) else [f"{key}:", *(f"  {line}" for line in lines)]
        self._put(key, [" " * self.column + line + self._newline for line in text], order)

    def set_items(self, key: str, lines: list[str], order: Sequence[str]) -> None:
        """Give ``key`` a list, as the lines of its items, comments among them."""
        nothing = "" if any(not _is_empty(line) for line in lines) else " []"
        self._put(key, [" " * self.column + f"{key}:{nothing}" + self._newline, *lines], order)

    def remove(self, key: str) -> None:
        """Take a key out, if it is there."""
        self._chunks = [chunk for chunk in self._chunks if chunk.key != key]

    def _find(self, key: str) -> _Chunk | None:
        return next((chunk for chunk in self._chunks if chunk.key == key), None)

    def _put(self, key: str, lines: list[str], order: Sequence[str]) -> None:
        present = self._find(key)
        if present is not None:
            present.lines = lines
            return
        later = set(order[order.index(key) + 1 :])
        at = next((i for i, chunk in enumerate(self._chunks) if chunk.key in later), len(self._chunks))
        self._chunks.insert(at, _Chunk(key, lines))


def _chunks(lines: Sequence[str], column: int, start: int) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    for number, line in enumerate(lines):
        if _is_empty(line):
            chunks.append(_Chunk(None, [line]))
        elif _indent(line) > column or line[column] == "-":
            while chunks[-1].key is None:  # a comment inside a value belongs to it
                comment = chunks.pop()
                chunks[-1].lines += comment.lines
            chunks[-1].lines.append(line)
        else:
            found = _KEY.match(line)
            if found is None:
                raise MetafileError(f"line {start + number + 1} is not in the block style that DVC writes")
            chunks.append(_Chunk(found.group(1).strip("\"'"), [line]))
    return chunks


def _value(chunk: _Chunk, key: str) -> Any:
    try:
        return yaml.load("".join(chunk.lines), Loader=PARSER)[key]  # noqa: S506 - a BaseLoader: all values are text
    except yaml.YAMLError:
        return None


def _dump(value: Tree) -> list[str]:
    if isinstance(value, str):
        return [scalar(value)]
    lines: list[str] = []
    for key, inner in value.items():
        if isinstance(inner, str):
            lines.append(f"{scalar(key)}: {scalar(inner)}")
        else:
            lines += [f"{scalar(key)}:", *(f"  {line}" for line in _dump(inner))]
    return lines


def lead_of(lines: Sequence[str], start: int) -> int:
    """Return the first of the comment and blank lines that stand right above line ``start``."""
    while start > 0 and _is_empty(lines[start - 1]):
        start -= 1
    return start


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_empty(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#")
