"""Change a metafile's text entry by entry, so that all that did not change stays as it is, byte for byte.

Works on lines: the readers of this package say on which line an out and each of its files begin, and in the block style
that DVC writes an entry ends where its indentation does. Comments, unknown keys, the order of keys, quoting and line
endings of everything else survive. The order of keys that are added is that of DVC's ``Output.dumpd``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cvfs.errors import MetafileError
from cvfs.metafiles.blocks import Block, lead_of
from cvfs.metafiles.records import Recorded

_FILE_KEYS = ("relpath", "md5", "size", "isexec", "cloud")
_OUT_KEYS = ("md5", "size", "isexec", "hash", "path", "cache", "persist", "remote", "push", "cloud", "files")
#: What an out that is a directory says in ``files:`` instead, and what ``cloud:`` has taken over from DVC 2.
_SUPERSEDED_BY_FILES = ("md5", "size", "nfiles", "isexec", "cloud", "version_id", "etag")
_SUPERSEDED_BY_CLOUD = ("version_id", "etag")
#: What an out that is a file has no more, if it was a directory.
_SUPERSEDED_BY_FILE = ("nfiles", "files")


@dataclass(frozen=True, slots=True)
class OutEdit:
    """What is to change in one out.

    ``line`` is that of the out's record. ``present`` are all files of the out, each with the line of its record, in
    the order of the text; ``changed`` maps such a line to the file's new values, or to None for a file to leave out;
    ``added`` maps new relpaths to values. ``recorded`` are the new values of an out that is a single file, and make it
    one; ``directory`` makes it one with ``files:`` even where nothing was added. ``legacy`` keeps the out one whose md5
    values are DVC 2's; otherwise an out with an edit says that they are plain (``hash: md5``).
    """

    line: int
    present: Sequence[tuple[str, int]] = ()
    changed: Mapping[int, Recorded | None] = field(default_factory=dict)
    added: Mapping[str, Recorded] = field(default_factory=dict)
    recorded: Recorded | None = None
    directory: bool = False
    legacy: bool = False


def edit_metafile(data: bytes, edits: Sequence[OutEdit]) -> bytes:
    """Return the metafile's text with the edits made.

    Raises:
        MetafileError: the text is not UTF-8, or not in the block style that DVC writes. The caller names the file.
    """
    try:
        lines = data.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise MetafileError("not UTF-8 text") from error
    # YAML breaks lines only where these do; splitlines() knows more, and would count differently.
    if any(line[-1:] not in "\n\r" for line in lines[:-1]):
        raise MetafileError("it holds a line separator that is not a line break")
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and not lines[-1].endswith(newline):
        lines[-1] += newline
    # From the end to the beginning: a change moves only the lines behind it.
    for edit in sorted(edits, key=lambda edit: edit.line, reverse=True):
        block = Block.at(lines, edit.line - 1, newline)
        _edit_out(lines, block, edit, newline)
        lines[block.start : block.stop] = block.lines()
    return "".join(lines).encode()


def _edit_out(lines: list[str], block: Block, edit: OutEdit, newline: str) -> None:
    is_directory = bool(edit.changed or edit.added or edit.directory)
    if not edit.legacy and (is_directory or edit.recorded is not None):
        block.set("hash", "md5", _OUT_KEYS)
    if edit.recorded is not None:
        for key in _SUPERSEDED_BY_FILE:
            block.remove(key)
        _set_recorded(block, edit.recorded, _OUT_KEYS)
    if is_directory:
        for key in _SUPERSEDED_BY_FILES:
            block.remove(key)
        block.set_items("files", _items(lines, edit, block.column, newline), _OUT_KEYS)


def _items(lines: list[str], edit: OutEdit, column: int, newline: str) -> list[str]:
    """Return the lines below ``files:``, in the order of relpaths that DVC writes."""
    blocks = [(relpath, line, Block.at(lines, line - 1, newline)) for relpath, line in edit.present]
    prefix = blocks[0][2].prefix if blocks else " " * column + "- "
    added = sorted(edit.added.items(), reverse=True)
    result: list[str] = []
    reached = lead_of(lines, blocks[0][2].start) if blocks else 0
    for relpath, line, block in blocks:
        while added and added[-1][0] < relpath:
            result += _new_item(prefix, *added.pop(), newline)
        # Comments between two items stay where they are.
        result += lines[reached : block.start]
        reached = block.stop
        if line not in edit.changed:
            result += lines[block.start : block.stop]
            continue
        recorded = edit.changed[line]
        if recorded is not None:
            _set_recorded(block, recorded, _FILE_KEYS)
            result += block.lines()
    for relpath, recorded in reversed(added):
        result += _new_item(prefix, relpath, recorded, newline)
    return result


def _new_item(prefix: str, relpath: str, recorded: Recorded, newline: str) -> list[str]:
    block = Block.new(prefix, newline)
    block.set("relpath", relpath, _FILE_KEYS)
    _set_recorded(block, recorded, _FILE_KEYS)
    return block.lines()


def _set_recorded(block: Block, recorded: Recorded, order: Sequence[str]) -> None:
    block.set("md5", recorded.md5, order)
    block.set("size", None if recorded.size is None else str(recorded.size), order, number=True)
    block.set("isexec", "true" if recorded.isexec else None, order, number=True)
    for key in _SUPERSEDED_BY_CLOUD:
        block.remove(key)
    cloud = {key: value for key, value in (("etag", recorded.etag), ("version_id", recorded.version_id)) if value}
    block.set("cloud", {recorded.remote: cloud} if cloud and recorded.remote else None, order)
