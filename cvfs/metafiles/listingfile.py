"""Listings: the objects behind ``.dir`` hashes, with the files of one directory.

A JSON list of objects with ``md5`` and ``relpath``; old ones have ``size`` and ``isexec``, too
(``dvc_data/hashfile/tree.py``). Read in a stream: a listing can have millions of files.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from cvfs.metafiles.fields import recorded_of
from cvfs.metafiles.records import FileRecord, Refusal

_CHUNK = 1 << 18
#: Characters of one entry: names are at most some thousands long, so what is longer is no listing.
_LONGEST_ENTRY = 1 << 20
#: The md5 of no bytes, and so the one hash that tells a size.
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
_BLANKS = re.compile(r"[ \t\n\r]*")


class ListingError(ValueError):
    """The bytes are no listing at all."""


def read_listing(file: IO[bytes], out: int = 0) -> Iterator[FileRecord | Refusal]:
    """Yield the files of a listing, as if they stood in the ``files:`` of out number ``out``. Lines count entries.

    An entry that cannot be used is refused, and the others are not.

    Raises:
        ListingError: this is no JSON list of objects. What was yielded before is not to be used either.
    """
    try:
        for number, entry in enumerate(_entries(_Text(file)), start=1):
            yield _read_entry(entry, out, number)
    except ListingError:
        raise
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or nested without end
        raise ListingError(f"it is no JSON: {error}") from error


def _read_entry(entry: dict[str, object], out: int, number: int) -> FileRecord | Refusal:
    relpath = entry.get("relpath")
    if not isinstance(relpath, str):
        return Refusal(number, "a file without a relpath")
    try:
        fields = {key: _scalar(key, entry.get(key)) for key in ("md5", "size", "isexec")}
        recorded = recorded_of(fields)
        if recorded.md5 is None or recorded.md5.endswith(".dir"):
            raise ValueError("it has no md5 of a file")
    except ValueError as error:
        return Refusal(number, f"file {relpath!r}: {error}")
    if recorded.md5 == _EMPTY and recorded.size is None:
        recorded = replace(recorded, size=0)
    return FileRecord(out, relpath, recorded, number)


def _scalar(key: str, value: object) -> str | None:
    """Return a value as a metafile would have it."""
    expected = {"md5": str, "size": int, "isexec": bool}[key]
    if value is None:
        return None
    if type(value) is not expected:
        raise ValueError(f"{key} is {type(value).__name__}")
    return str(value)


def _entries(text: _Text) -> Iterator[dict[str, object]]:
    if text.take() != "[":
        raise ListingError("it does not begin as a list")
    separator = text.take() if text.peek() == "]" else ","
    while separator == ",":
        yield text.take_object()
        separator = text.take()
    if separator != "]" or text.peek():
        raise ListingError("it does not end with its list")


class _Text:
    """The text of a file, a chunk at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._decode_json = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is not blank, '' at the end."""
        while True:
            blanks = _BLANKS.match(self._buffer, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read_on():
                return ""

    def take(self) -> str:
        """Return that character, and go on behind it."""
        character = self.peek()
        self._at += len(character)
        return character

    def take_object(self) -> dict[str, object]:
        """Return the JSON object that comes next."""
        if self.peek() != "{":
            raise ListingError("an entry is no object")
        while True:
            try:
                found, self._at = self._decode_json(self._buffer, self._at)
            except json.JSONDecodeError:
                # Either wrong, or not all of it is here yet.
                if len(self._buffer) - self._at > _LONGEST_ENTRY or not self._read_on():
                    raise
            else:
                assert isinstance(found, dict)
                return found

    def _read_on(self) -> bool:
        data = self._file.read(_CHUNK)
        self._buffer = self._buffer[self._at :] + self._decoder.decode(data, final=not data)
        self._at = 0
        return bool(data)
