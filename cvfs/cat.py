"""Read one file of a commit from beginning to end, without a mount."""

from __future__ import annotations

import os
from collections.abc import Callable

import trio

from cvfs.errors import CvfsError, NotInSnapshotError
from cvfs.filesystem import FileSystem, Presentation
from cvfs.listing import find
from cvfs.model import Kind
from cvfs.opening import OpenedCommit

#: Asked for at once; the fetcher reads ahead by itself.
_PIECE = 1 << 20


def cat(opened: OpenedCommit, path: str, write: Callable[[bytes], object]) -> None:
    """Hand the bytes of a file to ``write``, piece by piece, in order. Blocking.

    Raises:
        NotInSnapshotError: the commit has no such file.
        CvfsError: as the mount would fail, naming the path.
    """
    node = find(opened.snapshot, path)
    if node.kind is not Kind.FILE:
        raise NotInSnapshotError(
            f"{path!r} is a directory", hint="cvfs ls lists it, cvfs mount makes all of it readable"
        )
    filesystem = FileSystem(
        opened.snapshot, opened.fetcher, opened.blobs, Presentation(uid=os.getuid(), gid=os.getgid())
    )

    async def copy() -> CvfsError | None:
        async with opened.fetcher.running():
            offset = 0
            try:
                while data := await filesystem.read(node.ino, offset, _PIECE):
                    await trio.to_thread.run_sync(write, data)
                    offset += len(data)
            except CvfsError as error:
                return error  # raised outside of the nursery, which would wrap it in a group
        return None

    error = trio.run(copy)
    if error is not None:
        raise type(error)(f"{path}: {error.message}", hint=error.hint) from error
