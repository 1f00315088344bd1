"""Get the content of a file that is pushed elsewhere, to push it again: an out moves from one remote to another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cvfs.errors import WorkspaceError
from cvfs.stores.store import Store

_PIECE = 16 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a content is now: a version on a remote."""

    remote: str
    key: str
    version_id: str


class Mover:
    """Fetches versions of one DVC root's remotes into files below ``directory``, which is made. Thread-safe."""

    def __init__(self, directory: str, store: Callable[[str], Store]) -> None:
        self._directory = directory
        self._store = store

    @contextmanager
    def fetched(self, origin: Origin) -> Iterator[str]:
        """Give the path of a file with the content, until the context ends. Nobody has verified it. Blocking.

        Raises:
            StoreError, RemoteError: it cannot be fetched. WorkspaceError: it cannot be written.
        """
        store = self._store(origin.remote)
        try:
            os.makedirs(self._directory, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._directory, prefix="moving-") as file:
                position, size = 0, 1
                while position < size:
                    piece = store.read(origin.key, origin.version_id, position, _PIECE)
                    file.write(piece.data)
                    position, size = position + len(piece.data), piece.stat.size
                file.flush()
                yield file.name
        except OSError as error:
            raise WorkspaceError(f"cannot keep {origin.key} in {self._directory}: {error.strerror}") from error
