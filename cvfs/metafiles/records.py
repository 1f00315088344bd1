"""What the readers of metafiles yield: a stream of small records, so that no metafile has to fit in memory.

The files of an out come before the out itself, because a metafile may name an out's path after its files. Files whose
out never comes belong to one that turned out to be unusable, and are to be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cvfs.model import Content, Kind, Version


@dataclass(frozen=True, slots=True)
class Recorded:
    """What DVC records of one file: hash, size and, after a push, its version.

    ``md5`` is lower-case hex, a ``….dir`` suffix included. ``remote`` is the name below ``cloud:``, lower case.
    """

    md5: str | None = None
    size: int | None = None
    isexec: bool = False
    remote: str | None = None
    version_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One item of an out's ``files:``. ``relpath`` is as written and not yet trusted."""

    out: int
    relpath: str
    recorded: Recorded
    line: int


class Source(Enum):
    """Where the content of an out comes from."""

    REMOTE = "remote"
    #: ``cache: false``: in Git, or nowhere.
    GIT = "git"
    #: ``push: false``: in the workspace of whoever made it.
    UNPUSHED = "unpushed"
    #: ``dvc import``, ``import-url``, ``import-db``: from the dependency.
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One out. ``out`` is the number that its files carry.

    ``path`` is ``wdir`` and the out's own path joined, relative to the metafile's directory, as written and not yet
    trusted. ``kind`` is UNLISTED for a directory without ``files:``, or with no usable one. ``legacy`` says that
    md5 values are DVC 2's ``md5-dos2unix``. ``recorded`` describes the out itself. ``remote`` is the out's own
    ``remote:``, lower case. ``stage`` names the stage of a ``dvc.lock`` that makes it, None in a ``.dvc`` file.
    """

    out: int
    path: str
    kind: Kind
    recorded: Recorded
    legacy: bool
    source: Source
    remote: str | None
    line: int
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry, or the rest of the metafile, that cannot be used, and why."""

    line: int | None
    reason: str


Record = FileRecord | OutRecord | Refusal


def content_of(recorded: Recorded, key: str, *, legacy: bool, root: str, remote: str | None) -> Content:
    """Return what identifies and verifies the bytes of a recorded file, and where they were pushed.

    ``key`` is relative to the remote's URL. ``legacy`` and ``remote`` are the out's; ``root`` is its DVC root.
    """
    version = None
    if recorded.version_id is not None:
        version = Version(recorded.remote, key, recorded.version_id, recorded.etag)
    md5, text_md5 = (None, recorded.md5) if legacy else (recorded.md5, None)
    return Content(recorded.size, md5, text_md5, version, root, remote)
