"""What the records of a commit tell without asking a store. Blocking (local disk)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from cvfs.checking.findings import Fault, Finding, Tally
from cvfs.errors import CvfsError, RemoteError
from cvfs.fetch.sources import Remotes
from cvfs.metafiles.records import Source
from cvfs.model import Addressing, Content, Kind
from cvfs.snapshot import Node, Snapshot, Terms
from cvfs.snapshot.commit_index import ROOT_INO


def problems(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what could not be used of the metafiles, and so not be checked either."""
    for problem in snapshot.problems:
        yield Finding(problem.path, Fault.PROBLEM, problem.reason, line=problem.line)


class Records:
    """What a commit records of its files, judged in the order of a listing. ``tally`` counts meanwhile."""

    def __init__(self, snapshot: Snapshot, remotes: Remotes, tally: Tally) -> None:
        self._snapshot = snapshot
        self._remotes = remotes
        self._tally = tally
        #: By DVC root, recorded remote and the out's own: why there is none to ask, or None.
        self._unusable: dict[tuple[str, str | None, str | None], RemoteError | None] = {}
        #: By DVC root and the out's own remote.
        self._ordinary: dict[tuple[str, str | None], bool] = {}

    def faults(self) -> Iterator[Finding]:
        """Yield what nobody can have, whatever a remote has."""
        for path, node, terms in self._pushable():
            if node.kind is Kind.UNLISTED and self._is_ordinary(terms):
                continue  # the hash of the listing is what DVC records for such a remote
            fault = self._fault(path, node, terms)
            if fault is not None:
                yield fault

    def contents(self) -> Iterator[tuple[str, Content | Finding]]:
        """Yield each path that should have been pushed: with its content, or with why nobody can have it."""
        for path, node, terms in self._pushable():
            yield path, self._fault(path, node, terms) or self._snapshot.content(node.ino)

    def _pushable(self) -> Iterator[tuple[str, Node, Terms]]:
        top = self._snapshot.children(ROOT_INO)
        waiting: list[tuple[str, Terms | None, Iterator[tuple[int, Node]]]] = [("", None, top)]
        while waiting:
            above, known, children = waiting[-1]
            step = next(children, None)
            if step is None:
                waiting.pop()
                continue
            node = step[1]
            path = above + node.name.decode("utf-8", "surrogateescape")
            # Asked for once per out: there may be a million files in one.
            terms = known or self._snapshot.terms(node.ino)
            if node.kind is Kind.DIRECTORY:
                waiting.append((f"{path}/", terms, self._snapshot.children(node.ino)))
            elif terms is not None and terms.source is Source.REMOTE:
                self._tally.checked += 1
                yield path, node, terms
            elif terms is not None and terms.source is not Source.GIT:
                self._tally.passed_over += 1

    def _fault(self, path: str, node: Node, terms: Terms) -> Finding | None:
        if node.kind is Kind.UNLISTED:
            reason = "the commit has only the hash of this directory's listing"
            return Finding(path, Fault.UNLISTED, reason, "`cvfs push` records each file; then commit the metafile")
        recorded = self._snapshot.recorded(node.ino)
        if recorded.version_id is None and recorded.md5 is not None and self._is_ordinary(terms):
            return None
        if recorded.version_id in (None, "null"):
            never = recorded.version_id is None
            reason = "no version is recorded" if never else "it was pushed while versioning was off"
            content = self._snapshot.content(node.ino)
            return Finding(path, Fault.NOT_PUSHED, reason, "`cvfs push`, then commit the metafile", content=content)
        error = self._remote_error(terms.root, recorded.remote, terms.remote)
        if error is None:
            return None
        content = self._snapshot.content(node.ino)
        key = None if content.version is None else content.version.key
        return Finding(path, Fault.NO_REMOTE, error.message, error.hint, None, content, recorded.remote, key)

    def _is_ordinary(self, terms: Terms) -> bool:
        """Tell whether a remote of an out names objects by their hash, so that nobody expects versions."""
        place = (terms.root, terms.remote)
        if place not in self._ordinary:
            self._ordinary[place] = False
            with suppress(CvfsError):
                names = self._remotes.candidates(terms.root, None, terms.remote)
                addressings = [self._remotes.addressing(terms.root, name) for name in names]
                self._ordinary[place] = Addressing.HASHES in addressings
        return self._ordinary[place]

    def _remote_error(self, root: str, recorded: str | None, own: str | None) -> RemoteError | None:
        if (root, recorded, own) not in self._unusable:
            try:
                self._remotes.candidates(root, recorded, own)
                self._unusable[root, recorded, own] = None
            except RemoteError as error:
                self._unusable[root, recorded, own] = error
        return self._unusable[root, recorded, own]
