"""The text of an import's metafile: a new one as ``dvc import-url --version-aware`` writes it, and changes to one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cvfs.errors import MetafileError
from cvfs.metafiles.blocks import Block, lead_of
from cvfs.metafiles.dvc_scalars import dvc_pair
from cvfs.metafiles.importfile import ImportFile
from cvfs.metafiles.records import Recorded
from cvfs.metafiles.stage_md5 import stage_md5

_OUT_KEYS = ("md5", "size", "nfiles", "isexec", "hash", "path", "cache", "remote", "push")
_DEP_KEYS = ("etag", "size", "version_id", "hash", "path", "fs_config", "files")
_FILE_KEYS = ("relpath", "etag", "size", "version_id")
_STAGE_MD5 = re.compile(r"md5\s*:.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What an import's out records of the data. The ``md5`` of a directory ends in ``.dir``, and it has ``nfiles``."""

    md5: str
    size: int
    nfiles: int | None = None


def new_import(
    url: str, out: str, files: Mapping[str, Recorded], *, is_directory: bool, downloaded: Downloaded | None
) -> bytes:
    """Return the metafile of a new import of ``url`` to ``out``, a name beside it.

    ``files`` are by relpath, '' for an import that is a file. ``downloaded`` is None where only the versions are known.
    """
    own = [] if is_directory else _version_lines(files[""], 2)
    dependency = [*own, "  hash: md5", *dvc_pair("path", url, 2), "  fs_config:", "    version_aware: true"]
    if is_directory:
        dependency.append("  files:")
        for relpath, recorded in sorted(files.items()):
            dependency += _as_item(_file_lines(relpath, recorded, 4), 2)
    target = [*_downloaded_lines(downloaded), "  hash: md5", *dvc_pair("path", out, 2), "  push: false"]
    lines = ["frozen: true", "deps:", *_as_item(dependency, 0), "outs:", *_as_item(target, 0)]
    text = "".join(f"{line}\n" for line in lines).encode()
    return f"md5: {stage_md5(text)}\n".encode() + text


def edit_import(
    data: bytes, present: ImportFile, files: Mapping[str, Recorded], downloaded: Downloaded | None
) -> bytes:
    """Return the metafile with other versions of the source, and with what was downloaded of them.

    ``present`` is what was read of ``data``. All that did not change stays as it is, byte for byte.

    Raises:
        MetafileError: the text is not in the block style that DVC writes. The caller names the file.
    """
    lines, newline = _lines(data)
    out = Block.at(lines, present.out.line - 1, newline)
    _set_downloaded(out, downloaded)
    dependency = Block.at(lines, present.line - 1, newline)
    if present.is_directory:
        dependency.set_items("files", _items(lines, dependency, present, files, newline), _DEP_KEYS)
    else:
        _set_version(dependency, files[""], _DEP_KEYS)
    for block in sorted((out, dependency), key=lambda block: block.start, reverse=True):
        lines[block.start : block.stop] = block.lines()
    return _with_stage_md5(lines, newline)


def _with_stage_md5(lines: list[str], newline: str) -> bytes:
    md5 = f"md5: {stage_md5(''.join(lines).encode())}"
    for number, line in enumerate(lines):
        if _STAGE_MD5.fullmatch(line):
            if line.split("#")[0].strip() != md5:
                lines[number] = md5 + newline
            return "".join(lines).encode()
    return f"{md5}{newline}{''.join(lines)}".encode()


def _items(
    lines: list[str], dependency: Block, present: ImportFile, files: Mapping[str, Recorded], newline: str
) -> list[str]:
    """Return the lines below ``files:``, sorted as DVC sorts them."""
    blocks = [(relpath, Block.at(lines, file.line - 1, newline)) for relpath, file in present.files.items()]
    prefix = blocks[0][1].prefix if blocks else " " * dependency.column + "- "
    added = sorted(files.keys() - present.files.keys(), reverse=True)
    result: list[str] = []
    reached = lead_of(lines, blocks[0][1].start) if blocks else 0
    for relpath, block in blocks:
        while added and added[-1] < relpath:
            result += _new_item(added.pop(), files, prefix, newline)
        result += lines[reached : block.start]
        reached = block.stop
        if relpath in files:
            _set_version(block, files[relpath], _FILE_KEYS)
            result += block.lines()
    for relpath in reversed(added):
        result += _new_item(relpath, files, prefix, newline)
    return result


def _new_item(relpath: str, files: Mapping[str, Recorded], prefix: str, newline: str) -> list[str]:
    lines = _file_lines(relpath, files[relpath], len(prefix))
    return [line + newline for line in (prefix + lines[0][len(prefix) :], *lines[1:])]


def _set_version(block: Block, recorded: Recorded, order: Sequence[str]) -> None:
    block.set("etag", recorded.etag, order)
    block.set("size", None if recorded.size is None else str(recorded.size), order, number=True)
    block.set("version_id", recorded.version_id, order)


def _set_downloaded(out: Block, downloaded: Downloaded | None) -> None:
    nfiles = None if downloaded is None else downloaded.nfiles
    out.set("md5", None if downloaded is None else downloaded.md5, _OUT_KEYS)
    out.set("size", None if downloaded is None else str(downloaded.size), _OUT_KEYS, number=True)
    out.set("nfiles", None if nfiles is None else str(nfiles), _OUT_KEYS, number=True)


def _file_lines(relpath: str, recorded: Recorded, column: int) -> list[str]:
    return [*dvc_pair("relpath", relpath, column), *_version_lines(recorded, column)]


def _version_lines(recorded: Recorded, column: int) -> list[str]:
    lines = [] if recorded.etag is None else dvc_pair("etag", recorded.etag, column)
    if recorded.size is not None:
        lines.append(f"{' ' * column}size: {recorded.size}")
    return lines if recorded.version_id is None else [*lines, *dvc_pair("version_id", recorded.version_id, column)]


def _downloaded_lines(downloaded: Downloaded | None) -> list[str]:
    if downloaded is None:
        return []
    lines = [*dvc_pair("md5", downloaded.md5, 2), f"  size: {downloaded.size}"]
    return lines if downloaded.nfiles is None else [*lines, f"  nfiles: {downloaded.nfiles}"]


def _as_item(lines: list[str], dash: int) -> list[str]:
    return [f"{' ' * dash}- {lines[0].lstrip(' ')}", *lines[1:]]


def _lines(data: bytes) -> tuple[list[str], str]:
    lines = data.decode("utf-8").splitlines(keepends=True)
    if any(line[-1:] not in "\n\r" for line in lines[:-1]):
        raise MetafileError("it holds a line separator that is not a line break")
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and not lines[-1].endswith(newline):
        lines[-1] += newline
    return lines, newline
