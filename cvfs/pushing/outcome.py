"""What a push did, and what it could not do."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvfs.errors import CvfsError


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, an out or a metafile that was not pushed. ``path`` is relative to the top of the work tree."""

    path: str
    error: CvfsError


@dataclass(frozen=True, slots=True)
class Sent:
    """One file that went to a remote, or (in a dry run) would. ``how`` is ``uploaded``, ``copied`` or ``resumed``."""

    path: str
    size: int
    remote: str
    how: str
    version_id: str | None = None


@dataclass(slots=True)
class Pushed:
    """The sum of a push. ``recorded`` are the metafiles that hold new versions now, with the DVC root of each.

    ``staged`` says that git has them already. ``notes`` are sentences that a user should read although nothing failed.
    """

    sent: list[Sent] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    staged: bool = False
    notes: list[str] = field(default_factory=list)
