"""A web server on loopback for the files of a directory, with ranges or, as many simple servers, without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from servers.scripted import Answer, Received, ScriptedServer

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def answer_from(directory: Path, request: Received, *, ranges: bool = True) -> Answer:
    """Answer a request as RFC 9110 says."""
    path = directory / unquote(urlsplit(request.target).path, errors="surrogateescape").lstrip("/")
    if not path.is_file():
        return Answer(404, b"nothing here")
    data = path.read_bytes()
    wanted = _RANGE.fullmatch(request.headers.get("range", "")) if ranges else None
    if wanted is None:
        return Answer(200, data, {"ETag": '"whole"'})
    start, stop = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
    if start >= len(data):
        return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[start:stop], {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})


@contextmanager
def web_server(directory: Path, *, ranges: bool = True) -> Iterator[ScriptedServer]:
    """Serve a directory until the block ends."""
    with ScriptedServer().running() as server:
        server.answer = lambda request: answer_from(directory, request, ranges=ranges)
        yield server
