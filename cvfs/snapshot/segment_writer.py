"""Builds a segment from the records of metafiles, in a stream: memory grows with directories and outs, not with files.

Conflicts show up when the sorted entries come back: of two equal names in a directory, the first one written in the
metafile stays, and the other is refused, and with it all that would lie below it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import IO

from cvfs.errors import SnapshotError
from cvfs.metafiles.records import OutRecord, Record, Source
from cvfs.model import Kind
from cvfs.snapshot.indexfile import CHUNK, IndexWriter
from cvfs.snapshot.intake import NO_CHILD, Details, Intake, TakenOut
from cvfs.snapshot.segment import OUT, RANGE, RANGE_OFFSET, ROW, SEGMENT, SOURCES

#: Why a directory has no row: an earlier entry has its name; its out was never completed.
REFUSED, ORPHANED = -1, -2


def build_segment(path: str, metafiles: Iterable[Iterable[Record]]) -> None:
    """Write the segment of some metafiles to ``path``. Blocking: call from a worker thread.

    Raises:
        SnapshotError: there is no room for it, or the directory cannot be written.
    """
    try:
        with closing(sqlite3.connect("")) as database:
            intake = Intake(database)
            for records in metafiles:
                intake.add(records)
            with tempfile.TemporaryFile(dir=os.path.dirname(path)) as heap:
                _Output(intake, heap).write(path)
    except (OSError, sqlite3.Error) as error:
        raise SnapshotError(f"the index file {path} cannot be written: {error}", hint="use --cache-dir") from error


class _Output:
    """Writes what was taken in: the rows in order and, when they are done, what is known only then."""

    def __init__(self, intake: Intake, heap: IO[bytes]) -> None:
        self._intake = intake
        self._heap = heap
        self._heap_size = 0
        self._outs = [(number, out) for number, out in enumerate(intake.outs) if out.record is not None]
        self._files = array("Q", bytes(8 * len(intake.outs)))
        self._sizes = array("Q", bytes(8 * len(intake.outs)))
        directories = len(intake.out_of)
        self._row_of = array("q", [ORPHANED]) * directories
        self._first = array("Q", bytes(8 * directories))
        self._count = array("Q", bytes(8 * directories))
        for row, (_, out) in enumerate(self._outs):
            if out.directory is not None and out.record and out.record.kind is Kind.DIRECTORY:
                self._row_of[out.directory] = row

    def write(self, path: str) -> None:
        """Write the file."""
        with IndexWriter(path, SEGMENT, sections=4) as writer:
            start = writer.write_section(chain(self._out_rows(), self._rows()))
            outs = b"".join(self._out(number, out, out.record) for number, out in self._outs if out.record)
            self._heap.seek(0)
            writer.write_section(iter(lambda: self._heap.read(CHUNK), b""))
            writer.write_section([outs])
            writer.write_section([self._meta()])
            for row, first, count in zip(self._row_of, self._first, self._count, strict=True):
                if row >= 0:
                    writer.patch(start + row * ROW.size + RANGE_OFFSET, RANGE.pack(first, count))

    def _out_rows(self) -> Iterator[bytes]:
        for row, (_, out) in enumerate(self._outs):
            assert out.details is not None
            yield self._row(b"", out.details, row)

    def _rows(self) -> Iterator[bytes]:
        row = len(self._outs)
        taken = None
        for directory, name, child, flags, size, md5, remote, version, etag, line in self._intake.entries():
            parent = self._row_of[directory]
            state = parent if parent < 0 else REFUSED if taken == (directory, name) else row
            if child != NO_CHILD:
                self._row_of[child] = state
            elif state == REFUSED:
                self._refuse(directory, name, line, below=parent < 0)
            if state < 0:
                continue
            taken = (directory, name)
            if child == NO_CHILD:
                self._files[self._intake.out_of[directory]] += 1
                self._sizes[self._intake.out_of[directory]] += max(size, 0)
            self._first[directory] = self._first[directory] or row
            self._count[directory] += 1
            yield self._row(name, (flags, size, md5, remote, version, etag), parent)
            row += 1

    def _refuse(self, directory: int, name: bytes, line: int, *, below: bool) -> None:
        reason = "a path that it lies below is a file" if below else "an earlier entry has this name"
        metafile = self._intake.outs[self._intake.out_of[directory]].metafile
        shown = name.decode("utf-8", "surrogateescape")
        self._intake.refusals.add(metafile, line, f"{shown!r} is refused: {reason}")

    def _row(self, name: bytes, details: Details, parent: int) -> bytes:
        flags, size, md5, remote, version, etag = details
        place = self._put(name + version + etag)
        return ROW.pack(place, size, md5, parent, 0, 0, len(version), len(etag), remote, len(name), flags)

    def _out(self, number: int, out: TakenOut, record: OutRecord) -> bytes:
        path = record.path.encode("utf-8", "surrogateescape")
        files, size = self._files[number], self._sizes[number]
        if record.kind is Kind.FILE:
            files, size = 1, record.recorded.size or 0
        source = SOURCES.index(record.source)
        place = self._put(path)
        flags = (record.kind, record.legacy, source)
        return OUT.pack(place, len(path), out.metafile, record.line, out.remote, *flags, files, size)

    def _put(self, data: bytes) -> int:
        place = self._heap_size
        self._heap.write(data)
        self._heap_size += len(data)
        return place

    def _meta(self) -> bytes:
        git = any(out.record is not None and out.record.source is Source.GIT for _, out in self._outs)
        unlisted = [
            row
            for row, (_, out) in enumerate(self._outs)
            if out.record is not None and out.record.kind is Kind.UNLISTED and out.record.recorded.md5
        ]
        meta = {
            "remotes": list(self._intake.remotes),
            "git": git,
            "unlisted": unlisted,
            "refusals": self._intake.refusals.result(),
        }
        return json.dumps(meta).encode()
