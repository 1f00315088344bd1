"""What can be wrong with the data of a commit, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cvfs.errors import AccessDeniedError, ArchivedError, CvfsError, IntegrityError, RemoteError, VersionNotFoundError
from cvfs.model import Content, Version


class Fault(Enum):
    """Why a file, a directory or a metafile of a commit is of no use to others."""

    #: A metafile, or an entry in it, cannot be used.
    PROBLEM = "problem"
    NOT_PUSHED = "not_pushed"
    #: A directory known only by the hash of its listing.
    UNLISTED = "unlisted"
    #: None of the remotes that may have it is configured, or none can be used.
    NO_REMOTE = "no_remote"
    MISSING = "missing"
    DENIED = "denied"
    ARCHIVED = "archived"
    #: The store has something else than what was recorded.
    DIFFERS = "differs"
    UNREACHABLE = "unreachable"


_FAULTS = (
    (VersionNotFoundError, Fault.MISSING),
    (AccessDeniedError, Fault.DENIED),
    (ArchivedError, Fault.ARCHIVED),
    (IntegrityError, Fault.DIFFERS),
    (RemoteError, Fault.NO_REMOTE),
)


def fault_of(error: CvfsError) -> Fault:
    """Return what an error says about the file that was asked for."""
    return next((fault for kind, fault in _FAULTS if isinstance(error, kind)), Fault.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``path`` is below the top of the repository, ``line`` that of a problem in it.

    ``remote`` is the one that was asked first, or would be; ``key`` is the one in its bucket, as the store's own tools
    want it. What is recorded says both where no remote was asked.
    """

    path: str
    fault: Fault
    reason: str
    hint: str | None = None
    line: int | None = None
    content: Content | None = None
    remote: str | None = None
    key: str | None = None

    @property
    def version(self) -> Version | None:
        """Return the recorded version."""
        return None if self.content is None else self.content.version


@dataclass(slots=True)
class Tally:
    """How many files were checked so far, and how many passed over: imports, and outs with ``push: false``."""

    checked: int = 0
    passed_over: int = 0
