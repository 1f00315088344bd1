"""Directories of the work tree, opened so that no symbolic link leads a write out of the repository.

Every component is opened by itself and never through a link, so that one that appears meanwhile changes nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cvfs.errors import WorkspaceError
from cvfs.workspace.file_state import to_bytes, to_text

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
#: As many links as Linux itself follows in one path.
_MAX_LINKS = 40


class WorkDirectory:
    """A directory that everything stays in. ``root`` must exist. Threading: any thread may use it."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(to_bytes(root))
        try:
            self._descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise WorkspaceError(f"cannot open {root}: {error.strerror}") from error

    @property
    def descriptor(self) -> int:
        """Give the open root, for what concerns its whole file system."""
        return self._descriptor

    def close(self) -> None:
        """Close the root."""
        os.close(self._descriptor)

    @contextmanager
    def opened(self, path: str, *, create: bool) -> Iterator[int]:
        """Open the directory at ``path``, relative to the root; with ``create``, make what is missing.

        Links that stay below the root are followed.

        Raises:
            WorkspaceError: a link leads out of the root, or a file is in the way.
            OSError: anything else, FileNotFoundError without ``create`` included.
        """
        descriptor = self._walk(_components(to_bytes(path)), path, create)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _walk(self, components: list[bytes], path: str, create: bool) -> int:
        for _ in range(_MAX_LINKS):
            descriptor = os.dup(self._descriptor)
            try:
                for number, name in enumerate(components):
                    inner = self._enter(descriptor, name, create)
                    if inner is None:
                        # A link: begin again where it leads to.
                        components = self._resolved(components[: number + 1], path) + components[number + 1 :]
                        break
                    os.close(descriptor)
                    descriptor = inner
                else:
                    kept, descriptor = descriptor, -1
                    return kept
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
        raise WorkspaceError(f"{path}: too many symbolic links")

    def _enter(self, parent: int, name: bytes, create: bool) -> int | None:
        """Open one component; None if it is a link."""
        try:
            return os.open(name, _FLAGS, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
            return os.open(name, _FLAGS, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            if _is_link(name, parent):
                return None
            raise WorkspaceError(f"{to_text(name)} is a file, where a directory is needed") from error

    def _resolved(self, components: list[bytes], path: str) -> list[bytes]:
        target = os.path.realpath(os.path.join(self._root, *components))
        if target == self._root:
            return []
        if not target.startswith(self._root.rstrip(b"/") + b"/"):
            raise WorkspaceError(
                f"{path}: {to_text(b'/'.join(components))} is a link that leads out of the repository, "
                f"to {to_text(target)}; nothing is written there",
                hint="replace the link by a directory, or by a mount (mount --bind)",
            )
        return _components(target[len(self._root) :])


def _components(path: bytes) -> list[bytes]:
    components = [part for part in path.split(b"/") if part not in (b"", b".")]
    if b".." in components:
        raise WorkspaceError(f"{to_text(path)} leads out of its directory")
    return components


def _is_link(name: bytes, parent: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
