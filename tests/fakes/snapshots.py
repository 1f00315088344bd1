"""A commit's tree and its contents, held in memory, for the tests of the layers above snapshot and fetch.

Usage: ``snapshot = FakeSnapshot({"data/a": b"bytes"})``; ``fetcher = FakeFetcher(snapshot)``; then ``fetcher.cached``,
``fetcher.failures`` and ``fetcher.held`` decide how reads go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import trio

from cvfs.model import Content, Kind, Version


@dataclass(frozen=True, slots=True)
class FakeNode:
    ino: int
    parent: int
    name: bytes
    kind: Kind
    size: int | None
    executable: bool = False


@dataclass(frozen=True, slots=True)
class FakeFile:
    """A file whose record differs from the usual: no size, executable, never pushed, or held by Git itself."""

    data: bytes
    sized: bool = True
    executable: bool = False
    pushed: bool = True
    in_git: bool = False


class FakeSnapshot:
    """Files by path (``/`` between names); a path that ends in ``/`` is a directory whose listing nobody has."""

    commit = "1234567890" * 4
    time = 1_700_000_000
    problems = ()

    def __init__(self, files: Mapping[str, bytes | FakeFile]) -> None:
        self.files: dict[int, FakeFile] = {}
        self._nodes = {1: FakeNode(1, 1, b"", Kind.DIRECTORY, None)}
        for path, file in files.items():
            parts = [part.encode("utf-8", "surrogateescape") for part in path.rstrip("/").split("/")]
            parent = 1
            for part in parts[:-1]:
                known = self.lookup(parent, part)
                parent = (known or self._add(parent, part, Kind.DIRECTORY)).ino
            if path.endswith("/"):
                self._add(parent, parts[-1], Kind.UNLISTED)
                continue
            fake = file if isinstance(file, FakeFile) else FakeFile(file)
            size = len(fake.data) if fake.sized else None
            self.files[self._add(parent, parts[-1], Kind.FILE, size, fake.executable).ino] = fake

    @property
    def totals(self) -> tuple[int, int]:
        return len(self.files), sum(len(file.data) for file in self.files.values())

    def node(self, ino: int) -> FakeNode | None:
        return self._nodes.get(ino)

    def lookup(self, parent: int, name: bytes) -> FakeNode | None:
        return next((n for n in self._nodes.values() if (n.parent, n.name) == (parent, name) and n.ino != 1), None)

    def children(self, ino: int, offset: int = 0) -> Iterator[tuple[int, FakeNode]]:
        for node in self._nodes.values():
            if node.parent == ino and node.ino != 1 and node.ino > offset:
                yield node.ino, node

    def content(self, ino: int) -> Content:
        file = self.files[ino]
        path = self.path(ino).decode("utf-8", "surrogateescape")
        version = Version("remote", path, f"v-{ino}") if file.pushed and not file.in_git else None
        return Content(self._nodes[ino].size, hashlib.md5(path.encode()).hexdigest(), None, version)

    def git_blob(self, ino: int) -> str | None:
        return f"blob-{ino}" if self.files[ino].in_git else None

    def path(self, ino: int) -> bytes:
        parts = []
        while ino != 1:
            parts.append(self._nodes[ino].name)
            ino = self._nodes[ino].parent
        return b"/".join(reversed(parts))

    def resolve(self, path: bytes) -> FakeNode | None:
        node: FakeNode | None = self._nodes[1]
        for part in path.split(b"/"):
            node = node and self.lookup(node.ino, part)
        return node

    def _add(self, parent: int, name: bytes, kind: Kind, size: int | None = None, executable: bool = False) -> FakeNode:
        ino = max(self._nodes) + 1
        self._nodes[ino] = FakeNode(ino, parent, name, kind, size, executable)
        return self._nodes[ino]


class FakeBlobs:
    """What Git holds of a fake snapshot."""

    def __init__(self, snapshot: FakeSnapshot) -> None:
        self._snapshot = snapshot

    def read(self, oid: str) -> bytes:
        return self._snapshot.files[int(oid.removeprefix("blob-"))].data


class FakeFetcher:
    """Serve a fake snapshot's bytes.

    ``cached`` has the paths that are on this machine; ``failures`` what a path's reads raise; a path in ``held`` waits
    until ``release()``, without end otherwise.
    """

    def __init__(self, snapshot: FakeSnapshot) -> None:
        self._data = {snapshot.content(ino).md5: file.data for ino, file in snapshot.files.items()}
        self._paths = {
            snapshot.content(ino).md5: snapshot.path(ino).decode("utf-8", "surrogateescape") for ino in snapshot.files
        }
        self.cached: set[str] = set()
        self.failures: dict[str, Exception] = {}
        self.held: set[str] = set()
        self.waiting = 0
        self._released = trio.Event()

    def read_now(self, content: Content, offset: int, size: int) -> bytes | None:
        return self._cut(content, offset, size) if self._paths[content.md5] in self.cached else None

    def size_now(self, content: Content) -> int | None:
        return len(self._data[content.md5]) if self._paths[content.md5] in self.cached else content.size

    async def size(self, content: Content) -> int:
        await self.read(content, 0, 1)
        return len(self._data[content.md5])

    async def read(self, content: Content, offset: int, size: int) -> bytes:
        path = self._paths[content.md5]
        await trio.lowlevel.checkpoint()
        if path in self.held:
            self.waiting += 1
            try:
                await self._released.wait()
            finally:
                self.waiting -= 1
        if path in self.failures:
            raise self.failures[path]
        return self._cut(content, offset, size)

    def release(self) -> None:
        self._released.set()

    def _cut(self, content: Content, offset: int, size: int) -> bytes:
        return self._data[content.md5][offset : offset + size]
