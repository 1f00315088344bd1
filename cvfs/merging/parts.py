"""A metafile's text as a tree of parts that are merged one by one: document, stages, outs, files.

A part has its lines as they are written, comments above it included, but without the indentation of the list that it
is an item of. Where its own inner list stands, there is one line instead: the list's indentation and ``HOLE``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cvfs.errors import MetafileError
from cvfs.merging.spans import ITEM, STAGE, Span, dedented, indent_of, spans_of, stage_start, starts_of
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.events import DocumentError, EntryError, Events, line_of
from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import FileRecord, OutRecord, Recorded, Refusal
from cvfs.model import Kind

#: No YAML text can hold it.
HOLE = "\x01"

#: Stage ('' in a ``.dvc`` file), path of the out, and relpath of a file in it ('' for the out itself).
EntryKey = tuple[str, str, str]

_NO_FILES = re.compile(r"((?: |- )*)(files:)\s*\[\s*\]\s*")


@dataclass(slots=True)
class Part:
    """One part. ``name`` is what messages call it.

    ``recorded`` is what the lines themselves record: of a file, or of an out without ``files:``; ``at`` is the index of
    the line with which that entry begins. ``children`` are the parts at the hole, by their keys, None where there is
    none. ``fixed`` says that the lines state one fact, so that pieces from two sides would state another one.
    """

    name: str = ""
    lines: list[str] = field(default_factory=list)
    recorded: Recorded | None = None
    at: int = 0
    shape: tuple[Kind | None, bool] = (None, False)
    children: dict[str, Part] | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A metafile's lines without their ends, and the end that they all have."""

    lines: list[str]
    newline: str


def split_text(data: bytes) -> Text:
    """Split a metafile into lines.

    Raises:
        MetafileError: not UTF-8, or with line ends of several kinds.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MetafileError("it is not UTF-8 text") from error
    lines = text.splitlines()
    for newline in ("\n", "\r\n"):
        if newline.join(lines) == text.removesuffix(newline):
            return Text(lines, newline)
    raise MetafileError("its lines do not all end in the same way")


class Metafile:
    """A ``.dvc`` file or a ``dvc.lock`` that is merged. It is read once, when it is asked for something."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def text(self) -> Text:
        """Return its lines. Raises MetafileError."""
        return split_text(self.data)

    def parts(self) -> Part:
        """Take it to pieces; an empty text is a document without any.

        Raises:
            MetafileError: an entry cannot be used, or the text is not in the block style that DVC writes.
        """
        lines = self.text.lines
        stages, outs, files = self._content
        if stages is None:
            return _container(lines, Part(), _whole(lines), 0, _outs(lines, outs, files))
        spans = spans_of(lines, {name: stage_start(lines, line) for name, line in stages.items()}, STAGE)
        by_stage: dict[str | None, list[OutRecord]] = {}
        for out in outs:
            by_stage.setdefault(out.stage, []).append(out)
        parts = {}
        for name, span in spans.items():
            part = Part(name=f"stage {name!r}", fixed=True)
            inner = _outs(lines, by_stage.get(name, ()), files)
            parts[name] = span, _container(lines, part, span, indent_of(lines[span.at]), inner)
        return _container(lines, Part(), _whole(lines), 0, parts)

    def entries(self) -> dict[EntryKey, Recorded]:
        """Return what it records.

        Raises:
            MetafileError: an entry cannot be used, or comes twice.
        """
        _, outs, files = self._content
        found: dict[EntryKey, Recorded] = {}
        for out in outs:
            for relpath, recorded in (("", out.recorded), *((file.relpath, file.recorded) for file in files[out.out])):
                key = out.stage or "", out.path, relpath
                if key in found:
                    raise MetafileError(f"{relpath or out.path!r} comes twice")
                found[key] = recorded
        return found

    @cached_property
    def _content(self) -> tuple[dict[str, int] | None, list[OutRecord], dict[int, list[FileRecord]]]:
        if not self.data.strip():
            return None, [], {}
        try:
            # Finding no such word is faster than reading it all twice.
            stages = _stage_lines(self.data) if b"stages" in self.data else None
        except (EntryError, DocumentError) as error:
            raise _unusable(error.refusal) from error
        return stages, *_records(self.data, is_lock=stages is not None)


def _stage_lines(data: bytes) -> dict[str, int] | None:
    """Return, by stage, the line on which its value begins; None if this is no ``dvc.lock``."""
    stages: dict[str, int] | None = None
    events = Events(data)
    for key, event in events.root():
        if key == "stages":
            stages = {name: line_of(value) or 1 for name, value in events.pairs(event)}
    return stages


def _records(data: bytes, *, is_lock: bool) -> tuple[list[OutRecord], dict[int, list[FileRecord]]]:
    outs: list[OutRecord] = []
    files: dict[int, list[FileRecord]] = {}
    for record in read_lock(data, None) if is_lock else read_dvc(data):
        if isinstance(record, Refusal):
            raise _unusable(record)
        if isinstance(record, FileRecord):
            files.setdefault(record.out, []).append(record)
        else:
            files.setdefault(record.out, [])
            outs.append(record)
    return outs, files


def _outs(
    lines: list[str], outs: Sequence[OutRecord], files: dict[int, list[FileRecord]]
) -> dict[str, tuple[Span, Part]]:
    spans = spans_of(lines, starts_of((out.path, out.line) for out in outs), ITEM)
    parts = {}
    for out in outs:
        span = spans[out.path]
        indent = indent_of(lines[span.at])
        part = Part(name=out.path, shape=(out.kind, out.legacy))
        part = _container(lines, part, span, indent, _files(lines, out, files[out.out]))
        if part.children is None and not (out.kind is Kind.UNLISTED and _opened(part)):
            part.recorded, part.at = out.recorded, span.at - span.start
        parts[out.path] = span, part
    return parts


def _opened(part: Part) -> bool:
    """Make the empty list of a directory one that could have items; False if there is none."""
    for number, line in enumerate(part.lines):
        matched = _NO_FILES.fullmatch(line)
        if matched is not None:
            part.lines[number : number + 1] = [matched[1] + matched[2], " " * len(matched[1]) + HOLE]
            part.shape, part.children = (Kind.DIRECTORY, part.shape[1]), {}
            return True
    return False


def _whole(lines: list[str]) -> Span:
    return Span(0, 0, len(lines))


def _files(lines: list[str], out: OutRecord, files: Sequence[FileRecord]) -> dict[str, tuple[Span, Part]]:
    spans = spans_of(lines, starts_of((file.relpath, file.line) for file in files), ITEM)
    parts = {}
    for file in files:
        span = spans[file.relpath]
        parts[file.relpath] = (
            span,
            Part(
                name=f"{out.path}/{file.relpath}",
                lines=dedented(lines[span.start : span.stop], indent_of(lines[span.at])),
                recorded=file.recorded,
                at=span.at - span.start,
                shape=(Kind.FILE, out.legacy),
            ),
        )
    return parts


def _container(lines: list[str], part: Part, outer: Span, indent: int, inner: dict[str, tuple[Span, Part]]) -> Part:
    """Give a part its lines, those of the inner list replaced by the hole."""
    if not inner:
        part.lines = dedented(lines[outer.start : outer.stop], indent)
        return part
    spans = [span for span, _ in inner.values()]
    first, last = min(span.start for span in spans), max(span.stop for span in spans)
    hole = " " * (indent_of(lines[spans[0].at]) - indent) + HOLE
    part.lines = [*dedented(lines[outer.start : first], indent), hole, *dedented(lines[last : outer.stop], indent)]
    part.children = {key: child for key, (_, child) in inner.items()}
    return part


def _unusable(refusal: Refusal) -> MetafileError:
    where = "" if refusal.line is None else f"line {refusal.line}: "
    return MetafileError(f"{where}{refusal.reason}")
