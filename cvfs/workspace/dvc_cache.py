"""What DVC has in its own cache: contents by their hash, and the listings behind ``.dir`` hashes.

Layout: ``files/md5/AB/CDEF…`` (DVC 3), ``AB/CDEF…`` (DVC 2, named by "md5-dos2unix" values). A listing is a JSON list
of ``{"md5", "relpath"}``, with size and isexec in old ones. Nothing is ever changed. Blocking.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import IO

from cvfs.errors import WorkspaceError
from cvfs.metafiles.listingfile import ListingError, read_listing
from cvfs.metafiles.names import check_relpath
from cvfs.metafiles.records import FileRecord, Refusal
from cvfs.workspace.replacing import read_file, replace_file

_log = logging.getLogger(__name__)
_MD5 = re.compile(r"[0-9a-f]{32}")
_md5 = partial(hashlib.md5, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class CachedFile:
    """One file of a directory's listing."""

    relpath: str
    md5: str


def listing_md5(files: Iterable[tuple[str, str]]) -> str:
    """Return the md5 that DVC names a directory by, of relpath and md5 of its files (``dvc_data/hashfile/tree.py``).

    In a metafile it has ``.dir`` behind it.
    """
    listing = [{"md5": md5, "relpath": relpath} for relpath, md5 in sorted(files)]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


class DvcCache:
    """A cache directory, which need not exist."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    @property
    def directory(self) -> str:
        """Return where it is, or would be."""
        return self._directory

    def path(self, md5: str, *, legacy: bool) -> str | None:
        """Return where the content should be, if a file is there. Nobody has verified it.

        ``legacy`` says that the hash is a "md5-dos2unix".
        """
        path = self._path(md5, legacy=legacy)
        return path if path is not None and os.path.isfile(path) else None

    def listing(self, md5: str, *, legacy: bool) -> list[CachedFile] | None:
        """Return the files of the directory whose hash is ``md5`` (with its ``.dir``), sorted; None if not cached.

        A listing that is not what its name says, or that names a file outside the directory, counts as missing.
        """
        file = self.open_listing(md5, legacy=legacy)
        if file is None:
            return None
        with file:
            try:
                files = [_cached_file(record) for record in read_listing(file)]
            except ValueError as error:
                _log.warning("%s is no listing of a directory: %s", file.name, error)
                return None
        return sorted(files, key=lambda file_: file_.relpath)

    def open_listing(self, md5: str, *, legacy: bool) -> IO[bytes] | None:
        """Open the listing whose hash is ``md5``, with or without its ``.dir``, at its start; None as ``listing``."""
        name = md5.removesuffix(".dir")
        path = self._path(name, legacy=legacy, suffix=".dir")
        if path is None or not os.path.isfile(path):
            return None
        try:
            file = open(path, "rb")  # noqa: SIM115 - the caller closes it
            digest = hashlib.file_digest(file, _md5)
            file.seek(0)
        except OSError:
            return None
        if digest.hexdigest() == name:
            return file
        file.close()
        _log.warning("%s is damaged; DVC would call its cache corrupted", path)
        return None

    def add_listing(self, md5: str, text: bytes, *, legacy: bool) -> None:
        """Keep a listing whose bytes have this md5, as DVC does when it fetches one. Raises WorkspaceError."""
        path = self._path(md5.removesuffix(".dir"), legacy=legacy, suffix=".dir")
        if path is None:
            raise ValueError(f"{md5!r} is no md5")
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"DVC's cache cannot be written: {path}: {error.strerror}") from error
        replace_file(path, text, expected=read_file(path), mode=0o444)

    def _path(self, md5: str, *, legacy: bool, suffix: str = "") -> str | None:
        if _MD5.fullmatch(md5) is None:
            return None
        parts = (md5[:2], md5[2:] + suffix)
        return os.path.join(self._directory, *(parts if legacy else ("files", "md5", *parts)))


def _cached_file(record: FileRecord | Refusal) -> CachedFile:
    if isinstance(record, Refusal):
        raise ListingError(f"entry {record.line}: {record.reason}")
    check_relpath(record.relpath)
    assert record.recorded.md5 is not None
    return CachedFile(record.relpath, record.recorded.md5)
