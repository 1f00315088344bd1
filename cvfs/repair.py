"""Make versions anew that a check found to be gone, from what the work tree or a cache still has of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cvfs.cache.cache import Cache
from cvfs.checking.findings import Fault, Finding
from cvfs.clone import Clone
from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.progress import Progress
from cvfs.push import push
from cvfs.pushing.outcome import Pushed
from cvfs.pushing.request import PushRequest
from cvfs.tracking import TrackedOut

#: What another upload can mend. Other versions are there, and somebody else has to let us read them.
_MENDED = (Fault.MISSING, Fault.DIFFERS, Fault.NOT_PUSHED)


@dataclass(slots=True)
class Repaired:
    """What came of a repair. ``left`` are findings about which nothing was tried, each with the reason."""

    pushed: Pushed
    left: list[tuple[Finding, str]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether all that was found is mended."""
        return not self.left and not self.pushed.failures


def repair(clone: Clone, findings: Iterable[Finding], cache: Cache, progress: Progress | None = None) -> Repaired:
    """Upload the recorded contents again, and record the new versions in the metafiles of the work tree. Blocking.

    An entry that the work tree's metafiles no longer have, or have with another version, is left alone.

    Raises:
        LockedError, RemoteError, ConfigError, TrustError: as ``push``.
    """
    entries = {path: (out, recorded) for out in _outs(clone) for path, recorded in _entries(out)}
    gone: dict[str, TrackedOut] = {}
    left: list[tuple[Finding, str]] = []
    for finding in findings:
        if finding.fault not in _MENDED:
            left.append((finding, "an upload cannot mend that"))
            continue
        found = entries.get(finding.path)
        version = None if finding.version is None else finding.version.version_id
        if found is None:
            left.append((finding, "the metafiles of the work tree do not have it"))
        elif (found[1].version_id or None) != version:
            left.append((finding, "the metafiles of the work tree record another version of it"))
        else:
            gone[finding.path] = found[0]
    targets = sorted({clone.tree.absolute(out.path) for out in gone.values()})
    if not targets:
        return Repaired(Pushed(), left)
    request = PushRequest(tuple(targets), gone=frozenset(gone), only_gone=True, cache=cache)
    return Repaired(push(clone, request, progress), left)


def _outs(clone: Clone) -> Iterator[TrackedOut]:
    for metafile in clone.metafiles():
        yield from metafile.outs


def _entries(out: TrackedOut) -> Iterator[tuple[str, Recorded]]:
    if out.record.kind is Kind.FILE:
        yield out.path, out.record.recorded
    for file in out.files:
        yield out.file(file.relpath), file.recorded
