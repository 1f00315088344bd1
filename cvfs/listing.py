"""List what a commit holds, from its snapshot alone: no network and no credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cvfs.errors import CvfsError, NotInSnapshotError, UnlistedError
from cvfs.fetch.sources import Sources
from cvfs.metafiles.config import Config
from cvfs.model import Content, Kind
from cvfs.snapshot import Node, Snapshot
from cvfs.stores.registry import RemoteSet, full_key


@dataclass(frozen=True, slots=True)
class Listed:
    """One name of a commit. ``path`` is relative to the top of the repository, undecodable bytes as surrogates."""

    path: str
    node: Node


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file's bytes are. ``remote`` is the one that is asked first, and ``key`` the object's key there, as the
    store's own tools want it; below the remote's URL where no configured remote is known. What has no version lies on
    an ordinary remote by its hash; for what was never pushed to a version-aware one both are None.
    """

    content: Content
    remote: str | None = None
    key: str | None = None


def list_commit(
    snapshot: Snapshot, path: str, *, recursive: bool, on_unlisted: Callable[[str], None]
) -> Iterator[Listed]:
    """Yield what is at ``path``: the file itself, or a directory's entries in listing order.

    ``recursive`` descends, parents before children. A directory whose listing the commit does not hold is named to
    ``on_unlisted`` where it is met on the way.

    Raises:
        NotInSnapshotError: the commit has no such path.
        UnlistedError: ``path`` itself is such a directory.
    """
    found = find(snapshot, path)
    top = snapshot.path(found.ino).decode("utf-8", "surrogateescape")
    if found.kind is Kind.FILE:
        yield Listed(top, found)
        return
    if found.kind is Kind.UNLISTED:
        raise UnlistedError(f"{path}: the commit records only the hash of this directory's listing")
    waiting = [(f"{top}/" if top else "", snapshot.children(found.ino))]
    while waiting:
        above, children = waiting[-1]
        step = next(children, None)
        if step is None:
            waiting.pop()
            continue
        _, node = step
        listed = Listed(above + node.name.decode("utf-8", "surrogateescape"), node)
        yield listed
        if node.kind is Kind.UNLISTED:
            on_unlisted(listed.path)
        elif recursive and node.kind is Kind.DIRECTORY:
            waiting.append((f"{listed.path}/", snapshot.children(node.ino)))


def find(snapshot: Snapshot, path: str) -> Node:
    """Return what the commit has at ``path``, relative to the top of the repository.

    Raises:
        NotInSnapshotError: nothing.
    """
    node = snapshot.resolve(path.strip("/").encode("utf-8", "surrogateescape"))
    if node is None:
        raise NotInSnapshotError(
            f"commit {snapshot.commit[:12]} has no data at {path!r}",
            hint="paths begin at the top of the repository; `cvfs ls REV` shows what there is",
        )
    return node


class Origins:
    """Tells where the files of a commit are, as far as the commit and the configuration know."""

    def __init__(self, snapshot: Snapshot, configs: Mapping[str, Config]) -> None:
        self._snapshot = snapshot
        self._configs = configs
        self._sources = Sources(RemoteSet(configs, trusted=False))

    def of(self, node: Node) -> Origin:
        """Return the origin of a file."""
        content = self._snapshot.content(node.ino)
        version = content.version
        try:
            place = self._sources.places(content)[0]
            if version is None and not place.is_ordinary:
                return Origin(content)  # it was never pushed, or that was long ago: nobody knows
            key = full_key(self._configs[content.root].remote(place.remote), place.key)
        except (CvfsError, KeyError):
            # A listing needs no remote: say what the metafile says.
            return Origin(content) if version is None else Origin(content, version.remote, version.key)
        return Origin(content, place.remote, key)
