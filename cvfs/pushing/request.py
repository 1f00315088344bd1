"""What a push is asked to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cvfs.cache.cache import Cache


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What to push. ``jobs`` None is the remote's own ``jobs``, else 16 uploads, or four a processor.

    ``migrate`` moves outs whole to ``remote`` although versions of theirs are recorded on another one. ``gone`` names
    versions that no longer exist, as paths below the top of the work tree: they are made anew; with ``only_gone``
    nothing else is sent. ``cache`` may have the content of files that the work tree has not.
    """

    targets: Sequence[str] = ()
    remote: str | None = None
    jobs: int | None = None
    dry_run: bool = False
    migrate: bool = False
    gone: Collection[str] = ()
    only_gone: bool = False
    cache: Cache | None = None
