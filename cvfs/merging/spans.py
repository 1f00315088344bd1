"""Which lines of a metafile belong to which item of a list, or to which stage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cvfs.errors import MetafileError

#: The first line of an item in block style, and of a stage.
ITEM = re.compile(r"( *)- +(?=[^\s#&*!|>{\[-])")
STAGE = re.compile(r"( *)(?:[^\s#&*!|>{\[\"'-][^#]*|\"[^\"]*\"|'[^']*')\s*:\s*(?:#.*)?")


@dataclass(frozen=True, slots=True)
class Span:
    """Lines ``start`` to ``stop`` of an item; that with which the item itself begins is ``at``."""

    at: int
    start: int
    stop: int


def starts_of(items: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return by key the index of the line on which each item begins. MetafileError for a key that comes twice."""
    starts: dict[str, int] = {}
    for key, line in items:
        if key in starts:
            raise MetafileError(f"{key!r} comes twice")
        starts[key] = line - 1
    return starts


def spans_of(lines: list[str], starts: dict[str, int], pattern: re.Pattern[str]) -> dict[str, Span]:
    """Find out which lines belong to each item of one list, comments above it included.

    Raises:
        MetafileError: the first line of an item is not as ``pattern`` says, or they are not indented alike.
    """
    found: list[tuple[str, int, int]] = []
    indents = set()
    for key, at in starts.items():
        matched = pattern.match(lines[at])
        if matched is None:
            raise _other_style(at)
        indents.add(len(matched[1]))
        found.append((key, at, _lead(lines, at, len(matched[1]))))
    if len(indents) > 1 or any(one[1] >= other[2] for one, other in pairwise(found)):
        raise _other_style(found[0][1])
    spans = {}
    for number, (key, at, start) in enumerate(found):
        stop = found[number + 1][2] if number + 1 < len(found) else _end(lines, at, min(indents))
        spans[key] = Span(at, start, stop)
    return spans


def stage_start(lines: list[str], line: int) -> int:
    """Return the index of the line that names the stage whose value begins on ``line``. MetafileError if none does."""
    value = line - 1
    at = value - 1
    while at >= 0 and _is_aside(lines[at]):
        at -= 1
    matched = STAGE.fullmatch(lines[at]) if at >= 0 else None
    if matched is None or len(matched[1]) >= indent_of(lines[value]):
        raise _other_style(value)
    return at


def indent_of(line: str) -> int:
    """Count the spaces at the beginning of a line."""
    return len(line) - len(line.lstrip(" "))


def dedented(lines: Sequence[str], indent: int) -> list[str]:
    """Take up to ``indent`` spaces away from the beginning of each line."""
    return [line[min(indent, indent_of(line)) :] for line in lines]


def _lead(lines: list[str], at: int, indent: int) -> int:
    """Return the first of the comment and blank lines right above an item. Deeper ones belong to what is above."""
    while at > 0 and _is_aside(lines[at - 1]) and (not lines[at - 1].strip() or indent_of(lines[at - 1]) <= indent):
        at -= 1
    return at


def _end(lines: list[str], at: int, indent: int) -> int:
    """Return the index behind the last line of an item: all that is indented further than it is."""
    last = at
    for index in range(at + 1, len(lines)):
        if not lines[index].strip():
            continue
        if indent_of(lines[index]) <= indent:
            break
        last = index
    return last + 1


def _is_aside(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith("#")


def _other_style(index: int) -> MetafileError:
    return MetafileError(f"line {index + 1} is not in the block style that DVC writes")
