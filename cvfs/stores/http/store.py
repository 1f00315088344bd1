"""A remote on a web server: objects below a URL, by GET."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cvfs.errors import IntegrityError, UnavailableError
from cvfs.stores.http.link import Link
from cvfs.stores.http.options import HttpOptions
from cvfs.stores.ranges import check_range, range_end, read_or_empty
from cvfs.stores.read_only import ReadOnlyStore
from cvfs.stores.store import Piece, Stat

if TYPE_CHECKING:
    from requests import Response

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CHUNK = 1 << 18


class HttpStore(ReadOnlyStore):
    """The objects below a URL. Implements ``Store``, but for all that writes.

    A server that does not know ranges is read from the start each time; the bytes in front are thrown away.
    """

    def __init__(self, options: HttpOptions) -> None:
        self._url = options.url
        self._link = Link(options)

    @property
    def url(self) -> str:
        """Name the URL, without anything that signs in."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the address of an object, as far as it is no secret."""
        return f"{self._url}/{key}"

    def check(self) -> None:
        """Do nothing: all that reading needs was there when the store was made."""

    def read_current(self, key: str, start: int, length: int | None) -> Piece:
        """GET an object or a range of it."""
        check_range(start, length)
        return read_or_empty(lambda begin, count: self._read(key, begin, count), start, length)

    def stat_current(self, key: str) -> Stat:
        """HEAD an object."""
        with self._link.answer("HEAD", key, {}) as answer:
            size = _length(answer)
            if size is None:
                raise UnavailableError(f"{self._url}: {key!r}: the server does not tell the size")
            return Stat(size, None, _etag(answer))

    def close(self) -> None:
        """Close all connections."""
        self._link.close()

    def _read(self, key: str, start: int, length: int | None) -> Piece:
        what = f"{self._url}: {key!r}"
        headers = {}
        if start > 0 or length is not None:
            headers["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with self._link.answer("GET", key, headers) as answer:
            if answer.status_code == 206:
                return self._part(answer, start, length, what)
            size = _length(answer)
            body = answer.raw
            if size is None:
                data = body.read(decode_content=False)
                stop = range_end(len(data), start, length, what)
                return Piece(data[start:stop], start, Stat(len(data), None, _etag(answer)))
            stop = range_end(size, start, length, what)
            left = start
            while left > 0 and (dropped := body.read(min(left, _CHUNK), decode_content=False)):
                left -= len(dropped)
            data = body.read(stop - start, decode_content=False) if stop > start else b""
            if left or len(data) != stop - start:
                raise UnavailableError(f"{what}: the answer broke off")
            return Piece(data, start, Stat(size, None, _etag(answer)))

    def _part(self, answer: Response, start: int, length: int | None, what: str) -> Piece:
        told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if told is None:
            raise IntegrityError(f"{what}: the server does not say which bytes it sent")
        begin, last, size = map(int, told.groups())
        stop = range_end(size, start, length, what)
        if (begin, last + 1) != (start, stop):
            raise IntegrityError(f"{what}: asked for bytes {start} to {stop}, got {begin} to {last + 1}")
        data = answer.raw.read(stop - start, decode_content=False)
        if len(data) != stop - start:
            raise UnavailableError(f"{what}: the answer broke off")
        return Piece(data, start, Stat(size, None, _etag(answer)))


def _length(answer: Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _etag(answer: Response) -> str | None:
    etag = answer.headers.get("ETag")
    return None if etag is None else etag.removeprefix("W/").strip('"')
