"""Look up, list and read the files of one commit, without a word of FUSE.

Inodes are the snapshot's own, but for ``subdir``: that directory gets inode 1, and the snapshot's root takes its place.
Everything but ``read`` is answered from the index and the cache. Never blocks on the network; ``read`` waits in trio.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import trio

from cvfs.errors import IntegrityError, MountError, NotInSnapshotError, UnlistedError
from cvfs.fetch.fetcher import Fetcher
from cvfs.model import Content, Kind
from cvfs.snapshot import Node, Snapshot

ROOT_INO = 1
#: What programs are advised to read at once. Standard I/O libraries use it as their buffer size: a larger one would
#: make them fetch more than was asked for when they seek about.
BLOCK_SIZE = 4096
#: ``st_blocks`` counts these, whatever the block size (stat(2)).
_STAT_BLOCK = 512
#: Every Linux file system has it, and the reader of metafiles refuses longer names.
_NAME_MAX = 255


class BlobReader(Protocol):
    """Reads what Git itself holds."""

    def read(self, oid: str) -> bytes:
        """Return a blob. Blocking: call from a worker thread. Raises RepositoryError."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a commit's files look to the system. Modes are permission bits; ``subdir`` is a path in the repository."""

    uid: int
    gid: int
    file_mode: int = 0o444
    dir_mode: int = 0o555
    subdir: str = ""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What stat(2) says of a file. ``time`` is in seconds since 1970, ``blocks`` counts 512 bytes.

    ``is_final`` is False while nobody knows the size, which is 0 then, and another one later.
    """

    ino: int
    mode: int
    size: int
    blocks: int
    time: int
    uid: int
    gid: int
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """What statvfs(3) says of the file system, in blocks of ``BLOCK_SIZE``; nothing is ever free."""

    blocks: int
    files: int
    name_max: int = _NAME_MAX


class FileSystem:
    """The files of one commit. Everything is immutable, so nothing that was answered ever changes.

    But for one thing: old metafiles and listings have no sizes. Such a size is learnt when the file is opened, at the
    cost of the request that its reader would make anyway, or where the content is on this machine; until then it is 0.
    """

    def __init__(self, snapshot: Snapshot, fetcher: Fetcher, blobs: BlobReader, presentation: Presentation) -> None:
        """Serve ``snapshot``. ``blobs`` has the content of those outs that Git holds itself (``cache: false``).

        Raises:
            NotInSnapshotError: ``presentation.subdir`` is not in the commit.
            MountError: it is a file.
        """
        self._snapshot = snapshot
        self._fetcher = fetcher
        self._blobs = blobs
        self._presentation = presentation
        self._top = _find_top(snapshot, presentation.subdir)
        #: Sizes that were learnt, by inode of the snapshot.
        self._sizes: dict[int, int] = {}

    def lookup(self, parent: int, name: bytes) -> Attributes | None:
        """Find ``name`` in a directory. Never blocks.

        Raises:
            UnlistedError: nobody knows what is in that directory.
        """
        inside = self._swap(parent)
        node = self._snapshot.lookup(inside, name)
        if node is None:
            self._refuse_unlisted(inside)
            return None
        return self._describe(node)

    def attributes(self, ino: int) -> Attributes:
        """Describe one inode. Never blocks. Raises NotInSnapshotError."""
        return self._describe(self._node(self._swap(ino)))

    def entries(self, ino: int, offset: int = 0) -> Iterator[tuple[bytes, Attributes, int]]:
        """List a directory from ``offset``: name, attributes, and the offset of what follows. Never blocks.

        Raises:
            UnlistedError: nobody knows what is in that directory.
        """
        inside = self._swap(ino)
        self._refuse_unlisted(inside)
        for cookie, node in self._snapshot.children(inside, offset):
            yield node.name, self._describe(node), cookie

    async def learn_size(self, ino: int) -> None:
        """Find out a file's size where it was not recorded, which takes the network.

        Raises:
            CvfsError: as ``read``.
        """
        inside = self._swap(ino)
        node = self._node(inside)
        if node.kind is Kind.FILE and self._size(node) is None:
            self._sizes[inside] = await self._fetcher.size(self._snapshot.content(inside))

    def read_now(self, ino: int, offset: int, size: int) -> bytes | None:
        """Read what is on this machine, or None if that takes the network. Never blocks on the network."""
        inside = self._swap(ino)
        content = self._snapshot.content(inside)
        expected = self._expected(inside, content, offset, size)
        if expected == 0:
            return b""
        data = self._fetcher.read_now(content, offset, size)
        return None if data is None else _checked(data, expected)

    async def read(self, ino: int, offset: int, size: int) -> bytes:
        """Read up to ``size`` bytes, fewer only at the end of the file.

        Raises:
            CvfsError: whatever the fetcher raises; IntegrityError where the bytes end before the recorded size;
            RepositoryError where Git should have them and has not.
        """
        inside = self._swap(ino)
        content = self._snapshot.content(inside)
        blob = self._snapshot.git_blob(inside) if content.version is None else None
        if blob is None:
            data = await self._fetcher.read(content, offset, size)
        else:
            data = (await trio.to_thread.run_sync(self._blobs.read, blob))[offset : offset + size]
        return _checked(data, self._expected(inside, content, offset, size))

    def statfs(self) -> Totals:
        """Describe the whole commit, also where only a part of it is shown. Never blocks."""
        files, size = self._snapshot.totals
        return Totals(blocks=-(-size // BLOCK_SIZE), files=files)

    def path(self, ino: int) -> str:
        """Name an inode from the top of the repository. Never blocks."""
        return self._snapshot.path(self._swap(ino)).decode("utf-8", "surrogateescape")

    def origin(self, ino: int) -> str:
        """Name the stored version that a file's bytes come from, for people. Never blocks; holds no secret."""
        content = self._snapshot.content(self._swap(ino))
        version = content.version
        if version is None:
            md5 = content.md5 or content.text_md5
            return "store -, key -, version -" if md5 is None else f"store -, key -, version -, md5 {md5}"
        return f"store {version.remote or '-'}, key {version.key}, version {version.version_id}"

    def _swap(self, ino: int) -> int:
        """Exchange inode 1 and the directory that is shown as root; the same both ways."""
        if ino == ROOT_INO:
            return self._top
        return ROOT_INO if ino == self._top else ino

    def _node(self, inside: int) -> Node:
        node = self._snapshot.node(inside)
        if node is None:
            raise NotInSnapshotError(f"this commit has no inode {inside}")
        return node

    def _refuse_unlisted(self, inside: int) -> None:
        if self._node(inside).kind is Kind.UNLISTED:
            path = self._snapshot.path(inside).decode("utf-8", "surrogateescape")
            raise UnlistedError(
                f"what is in {path} is not recorded in the commit",
                hint="only the hash of its listing is, which no cache on this machine and no remote had when the "
                "commit was mounted; a push with version_aware = true records every file",
            )

    def _describe(self, node: Node) -> Attributes:
        look = self._presentation
        known: int | None = 0
        if node.kind is not Kind.FILE:
            mode = stat.S_IFDIR | look.dir_mode
        else:
            mode, known = stat.S_IFREG | look.file_mode, self._size(node)
            if node.executable:
                mode |= (look.file_mode & 0o444) >> 2  # whoever may read it may run it
        size = known or 0
        return Attributes(
            ino=self._swap(node.ino),
            mode=mode,
            size=size,
            blocks=-(-size // _STAT_BLOCK),
            time=self._snapshot.time,
            uid=look.uid,
            gid=look.gid,
            is_final=known is not None,
        )

    def _size(self, node: Node) -> int | None:
        """Return the size of a file as far as it was recorded or learnt, or can be told from the caches."""
        if node.size is not None:
            return node.size
        size = self._sizes.get(node.ino)
        if size is None:
            size = self._fetcher.size_now(self._snapshot.content(node.ino))
            if size is not None:
                self._sizes[node.ino] = size
        return size

    def _expected(self, inside: int, content: Content, offset: int, size: int) -> int | None:
        whole = self._sizes.get(inside) if content.size is None else content.size
        return None if whole is None else max(0, min(size, whole - offset))


def _find_top(snapshot: Snapshot, subdir: str) -> int:
    path = subdir.strip("/")
    if path in {"", "."}:
        return ROOT_INO
    node = snapshot.resolve(path.encode("utf-8", "surrogateescape"))
    if node is None:
        raise NotInSnapshotError(f"the commit has no directory {path}", hint="cvfs ls REV shows what it has")
    if node.kind is Kind.FILE:
        raise MountError(f"{path} is a file and cannot be mounted", hint="--subdir takes a directory of the commit")
    return node.ino


def _checked(data: bytes, expected: int | None) -> bytes:
    """Refuse short answers: the kernel takes one for the end of the file, and would believe it for good."""
    if expected is not None and len(data) != expected:
        raise IntegrityError(f"{len(data)} bytes came where {expected} were asked for")
    return data
