"""What a pull did, and what it could not do."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvfs.errors import CvfsError


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, an out or a metafile that is not as recorded after the pull. ``path`` is below the work tree's top."""

    path: str
    error: CvfsError


@dataclass(slots=True)
class Pulled:
    """The sum of a pull, counted as DVC counts.

    ``modified`` and ``added`` are outs, below the top of the work tree: directories, which end in a slash, then files,
    each sorted. ``files`` has how many files were fetched, modified, added and deleted. ``notes`` are sentences that a
    user should read although nothing failed.
    """

    modified: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("fetched", "modified", "added", "deleted"), 0))
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
