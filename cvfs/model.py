"""The few values that every layer speaks of. Plain, immutable, and free of I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Kind(IntEnum):
    """What a name in a snapshot stands for."""

    FILE = 0
    DIRECTORY = 1
    #: A directory out known only by the hash of a listing that the commit does not hold.
    UNLISTED = 2


class Addressing(Enum):
    """How DVC finds on a remote what it pushed there."""

    #: Ordinary remotes: an object is named by the hash of its content.
    HASHES = "hashes"
    #: ``version_aware``: an object is named as the file, and read by version id.
    VERSIONS = "versions"
    #: ``worktree``: the same, and what has no version lies by its hash below ``.dvc``.
    WORKTREE = "worktree"


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version of one object, as a metafile recorded it.

    ``remote`` is the recorded name (lower case), None where none was recorded. ``key`` is relative to the remote's URL.
    ``version_id`` is the store's own name of the version and never empty: S3 VersionId, GCS generation in digits, Azure
    timestamp. ``etag`` is as the metafile has it, or None.
    """

    remote: str | None
    key: str
    version_id: str
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file: what tells them from others, how to check them, and where they were pushed.

    ``size`` is in bytes, None where none was recorded. ``md5`` is the hex md5 of the bytes; a legacy value, computed
    after CRLF became LF, stands in ``text_md5`` instead, because it never identifies bytes. ``version`` is None for an
    entry that has none; then the hash says what to read, from where DVC keeps contents by their hash. ``root`` is the
    directory of the DVC root whose configuration names the remotes ('' for the top of the repository), ``out_remote``
    the ``remote:`` of the out.
    """

    size: int | None
    md5: str | None
    text_md5: str | None
    version: Version | None
    root: str = ""
    out_remote: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a commit that could not be used. The rest of the commit still is.

    ``path`` is the file's path in the repository, ``line`` counts from 1 and is None where no line is to blame.
    """

    path: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.reason}"
