"""The listings of directories, from ordinary remotes: whole, and verified by the md5 that is their name.

Threading: blocking, from any thread.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from typing import IO

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    CvfsError,
    IntegrityError,
    RemoteError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch.checks import describe_object
from cvfs.fetch.objects import object_keys
from cvfs.fetch.sources import Remotes
from cvfs.stores.store import Store

#: Bytes a request.
_PIECE = 8 << 20
#: A listing of some ten million files. What is larger would fill the disk before it proved wrong.
MOST_BYTES = 1 << 30
_ELSEWHERE = (VersionNotFoundError, AccessDeniedError, RemoteError)
#: Errors that the next listing would meet, too.
_HOPELESS = (UnavailableError, CredentialsError, RemoteError)


class RemoteListings:
    """Fetches listings into unnamed files in ``directory``. A remote that did not answer is not asked again."""

    def __init__(self, remotes: Remotes, directory: str) -> None:
        self._remotes = remotes
        self._directory = directory
        self._lock = threading.Lock()
        self._hopeless: dict[tuple[str, str], CvfsError] = {}

    def fetch(self, root: str, out_remote: str | None, md5: str, *, legacy: bool) -> IO[bytes]:
        """Return the listing whose name is ``md5`` with ``.dir`` behind it, to be read from its start and closed.

        Raises:
            CvfsError: what the remote answered that is most likely to have it; VersionNotFoundError: none has it.
            OSError: there is no room for it.
        """
        errors: list[CvfsError] = []
        for name in self._remotes.candidates(root, None, out_remote):
            try:
                return self._from(root, name, md5, legacy=legacy)
            except CvfsError as error:
                errors.append(error)
                if not isinstance(error, _ELSEWHERE):
                    break
        raise next((error for error in errors if not isinstance(error, VersionNotFoundError)), errors[0])

    def _from(self, root: str, name: str, md5: str, *, legacy: bool) -> IO[bytes]:
        with self._lock:
            known = self._hopeless.get((root, name))
        if known is not None:
            raise type(known)(known.message, hint=known.hint)
        try:
            store = self._remotes.store(root, name)
            keys = object_keys(md5, self._remotes.addressing(root, name), legacy=legacy, suffix=".dir")
            missing = None
            for key in keys:
                try:
                    return self._download(store, key, md5)
                except VersionNotFoundError as error:
                    missing = missing or error
        except _HOPELESS as error:
            with self._lock:
                self._hopeless[root, name] = error
            raise
        assert missing is not None
        raise missing

    def _download(self, store: Store, key: str, md5: str) -> IO[bytes]:
        where = describe_object(store, key, None)
        digest = hashlib.md5(usedforsecurity=False)
        file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - the caller closes it
        try:
            start, size = 0, 1
            while start < size:
                piece = store.read(key, None, start, _PIECE)
                size = piece.stat.size
                if size > MOST_BYTES or not piece.data:
                    raise IntegrityError(f"{where}: {size} bytes are no listing of a directory")
                digest.update(piece.data)
                file.write(piece.data)
                start += len(piece.data)
            if digest.hexdigest() != md5:
                raise IntegrityError(f"{where}: the bytes have md5 {digest.hexdigest()}, which is not their name")
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file
