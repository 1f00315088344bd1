"""Get a content that is not in the work tree into a file, to push it: from another remote, or from cvfs's own cache."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from cvfs.cache.cache import Cache
from cvfs.errors import NotPushedError, WorkspaceError
from cvfs.stores.store import Store

_PIECE = 16 << 20


#: Gives the path of a file with a content, until the context ends. Nobody has verified it.
Provider = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a content is now: a version on a remote."""

    remote: str
    key: str
    version_id: str


class Mover:
    """Gets contents into files below ``directory``, which is made. Thread-safe."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    @contextmanager
    def pushed(self, store: Callable[[str], Store], origin: Origin) -> Iterator[str]:
        """Fetch a version; ``store`` gives a remote's. Blocking.

        Raises:
            StoreError, RemoteError: it cannot be fetched. WorkspaceError: it cannot be written.
        """
        remote = store(origin.remote)

        def pieces() -> Iterator[bytes]:
            position, size = 0, 1
            while position < size:
                piece = remote.read(origin.key, origin.version_id, position, _PIECE)
                yield piece.data
                position, size = position + len(piece.data), piece.stat.size

        with self._written(pieces(), origin.key) as path:
            yield path

    @contextmanager
    def cached(self, cache: Cache, key: str, size: int) -> Iterator[str]:
        """Take a content out of cvfs's cache. Blocking.

        Raises:
            NotPushedError: it has been evicted meanwhile. WorkspaceError: it cannot be written.
        """

        def pieces() -> Iterator[bytes]:
            for position in range(0, size, _PIECE):
                data = cache.read(key, position, min(_PIECE, size - position))
                if data is None:
                    raise NotPushedError(f"{key} was in the cache, and is not any more")
                yield data

        with self._written(pieces(), key) as path:
            yield path

    @contextmanager
    def _written(self, pieces: Iterator[bytes], what: str) -> Iterator[str]:
        try:
            os.makedirs(self._directory, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._directory, prefix="moving-") as file:
                file.writelines(pieces)
                file.flush()
                yield file.name
        except OSError as error:
            raise WorkspaceError(f"cannot keep {what} in {self._directory}: {error.strerror}") from error
