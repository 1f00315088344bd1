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
from dataclasses import dataclass

from cvfs.metafiles.names import check_relpath

_log = logging.getLogger(__name__)
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CachedFile:
    """One file of a directory's listing."""

    relpath: str
    md5: str


class DvcCache:
    """A cache directory, which need not exist."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

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
        path = self._path(md5.removesuffix(".dir"), legacy=legacy, suffix=".dir")
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                text = file.read()
        except OSError:
            return None
        if hashlib.md5(text, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
            _log.warning("%s is damaged; DVC would call its cache corrupted", path)
            return None
        try:
            files = [CachedFile(item["relpath"], item["md5"]) for item in json.loads(text)]
            for file_ in files:
                check_relpath(file_.relpath)
        except (ValueError, TypeError, KeyError) as error:
            _log.warning("%s is no listing of a directory: %s", path, error)
            return None
        return sorted(files, key=lambda file_: file_.relpath)

    def _path(self, md5: str, *, legacy: bool, suffix: str = "") -> str | None:
        if _MD5.fullmatch(md5) is None:
            return None
        parts = (md5[:2], md5[2:] + suffix)
        return os.path.join(self._directory, *(parts if legacy else ("files", "md5", *parts)))
