"""List what a commit holds, from its snapshot alone: no network and no credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cvfs.errors import CvfsError, NotInSnapshotError, UnlistedError
from cvfs.metafiles.config import Config
from cvfs.model import Content, Kind
from cvfs.snapshot import Node, Snapshot
from cvfs.stores.registry import RemoteSet, full_key


@dataclass(frozen=True, slots=True)
class Listed:
    """One name of a commit. ``path`` is relative to the top of the repository, undecodable bytes as surrogates.

    ``remote`` is the remote that is asked first for a file's version, and ``key`` the object's key there, as the
    store's own tools want it; below the remote's URL where no configured remote is known. Both are None for what was
    never pushed.
    """

    path: str
    node: Node
    content: Content | None = None
    remote: str | None = None
    key: str | None = None


def list_commit(
    snapshot: Snapshot,
    configs: Mapping[str, Config],
    path: str,
    *,
    recursive: bool,
    on_unlisted: Callable[[str], None],
) -> Iterator[Listed]:
    """Yield what is at ``path``: the file itself, or a directory's entries in listing order.

    ``recursive`` descends, parents before children. A directory whose listing the commit does not hold is named to
    ``on_unlisted`` where it is met on the way.

    Raises:
        NotInSnapshotError: the commit has no such path.
        UnlistedError: ``path`` itself is such a directory.
    """
    found = find(snapshot, path)
    remotes = RemoteSet(configs, trusted=False)
    if found.kind is Kind.FILE:
        yield _listed(snapshot, configs, remotes, found)
        return
    if found.kind is Kind.UNLISTED:
        raise UnlistedError(f"{path}: the commit records only the hash of this directory's listing")
    waiting = [snapshot.children(found.ino)]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            continue
        _, node = step
        listed = _listed(snapshot, configs, remotes, node)
        yield listed
        if node.kind is Kind.UNLISTED:
            on_unlisted(listed.path)
        elif recursive and node.kind is Kind.DIRECTORY:
            waiting.append(snapshot.children(node.ino))


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


def _listed(snapshot: Snapshot, configs: Mapping[str, Config], remotes: RemoteSet, node: Node) -> Listed:
    path = snapshot.path(node.ino).decode("utf-8", "surrogateescape")
    if node.kind is not Kind.FILE:
        return Listed(path, node)
    content = snapshot.content(node.ino)
    version = content.version
    if version is None:
        return Listed(path, node, content)
    try:
        name = remotes.candidates(content.root, version.remote, content.out_remote)[0]
        return Listed(path, node, content, name, full_key(configs[content.root].remote(name), version.key))
    except (CvfsError, KeyError):
        # A listing needs no remote: say what the metafile says.
        return Listed(path, node, content, version.remote, version.key)
