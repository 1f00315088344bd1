r"""The line in ``.gitignore`` that keeps Git away from an out, as DVC writes it (``scmrepo/git``).

It stands in the directory of the out and names it with a leading slash; what would be a pattern has a backslash before
it. Two things differ from DVC, which leaves such lines behind when it removes an out: escaped names are found again,
and line endings of the other lines survive.
"""

from __future__ import annotations

import os
import re

from cvfs.errors import WorkspaceError
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.replacing import read_file, remove_file, replace_file

_FILE_NAME = ".gitignore"
_SPECIAL = re.compile(rb"[\\\[\]!*#?]")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
#: Git drops these from the end of a line, unless a backslash stands before them.
_DROPPED = re.compile(rb"([ \t])(?=[ \t]*$)")


def add_to_gitignore(directory: str, name: str) -> bool:
    """Have Git ignore ``directory``'s entry ``name``. Returns whether ``.gitignore`` was changed. Blocking.

    As in DVC, the caller asks git first whether it ignores the out already, and then leaves ``.gitignore`` alone.

    Raises:
        WorkspaceError: the name holds a line break, or the file cannot be written.
        ChangedMeanwhileError: somebody changed the file at the same moment.
    """
    path = os.path.join(directory, _FILE_NAME)
    before = read_file(path)
    after = with_entry(before or b"", name)
    if after == before:
        return False
    replace_file(path, after, expected=before)
    return True


def remove_from_gitignore(directory: str, name: str) -> bool:
    """Take the line out again; a ``.gitignore`` without any line is deleted. Returns whether it was changed. Blocking.

    Raises:
        WorkspaceError, ChangedMeanwhileError: as ``add_to_gitignore``.
    """
    path = os.path.join(directory, _FILE_NAME)
    before = read_file(path)
    if before is None:
        return False
    after = without_entry(before, name)
    if after == before:
        return False
    if after:
        replace_file(path, after, expected=before)
    else:
        remove_file(path, expected=before)
    return True


def with_entry(text: bytes, name: str) -> bytes:
    """Return the text of a ``.gitignore`` with a line for ``name`` at the end, unless it has one. WorkspaceError."""
    entry = _entry(name)
    lines = _LINE.findall(text)
    if any(_stripped(line) == entry for line in lines):
        return text
    newline = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    ended = text if not text or text.endswith(b"\n") else text + newline
    return ended + entry + newline


def without_entry(text: bytes, name: str) -> bytes:
    """Return the text of a ``.gitignore`` without the lines for ``name``, escaped or not. WorkspaceError."""
    ours = {_entry(name), b"/" + to_bytes(name), b"/" + to_bytes(name).strip()}
    return b"".join(line for line in _LINE.findall(text) if _stripped(line) not in ours)


def _entry(name: str) -> bytes:
    if "\n" in name or "\r" in name:
        raise WorkspaceError(
            f"{name!r} has a line break in its name, which .gitignore cannot hold", hint="track the directory above it"
        )
    escaped = _SPECIAL.sub(lambda special: b"\\" + special[0], to_bytes(name))
    return b"/" + _DROPPED.sub(rb"\\\1", escaped)


def _stripped(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")
