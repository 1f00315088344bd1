"""What this clone has uploaded and not yet recorded in a metafile.

One JSON object a line: ``{"store", "key", "md5", "size", "version_id", "etag"}``, appended and synced before an upload
counts as done, so that a push that was killed goes on behind its last finished upload. Half a line at the end is the
upload that the kill cut off. Only one push writes at a time (``workspace.lock``).
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from cvfs.errors import WorkspaceError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One finished upload. ``store`` is the store's URL, ``key`` relative to it, ``md5`` that of the bytes sent."""

    store: str
    key: str
    md5: str
    size: int
    version_id: str
    etag: str | None


class Journal:
    """The journal of one DVC root. Thread-safe. Blocking."""

    def __init__(self, path: str) -> None:
        """Open the journal at ``path``, whose directory is made if it is missing.

        Raises:
            WorkspaceError: it cannot be read or written.
        """
        self._path = path
        self._lock = threading.Lock()
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._uploads = self._load()
        except OSError as error:
            raise WorkspaceError(f"the journal of uploads {path} cannot be used: {error.strerror}") from error

    def find(self, store: str, key: str, md5: str) -> Uploaded | None:
        """Return the upload of exactly these bytes to this key, if there is one."""
        return self._uploads.get((store, key, md5))

    def add(self, upload: Uploaded) -> None:
        """Remember an upload; on return it survives a power cut. Raises WorkspaceError if it cannot be written."""
        line = json.dumps(asdict(upload)).encode() + b"\n"
        with self._lock:
            self._uploads[upload.store, upload.key, upload.md5] = upload
            try:
                # One write: O_APPEND makes it land whole behind whatever is there.
                os.write(self._file, line)
                os.fdatasync(self._file)
            except OSError as error:
                raise WorkspaceError(
                    f"the journal of uploads {self._path} cannot be written: {error.strerror}",
                    hint="the object was uploaded, but would be forgotten if cvfs were killed now",
                ) from error

    def forget(self, recorded: Iterable[Uploaded]) -> None:
        """Drop uploads that a metafile holds now. Atomic: a kill leaves all of them or none."""
        with self._lock:
            for upload in recorded:
                self._uploads.pop((upload.store, upload.key, upload.md5), None)
            if not self._uploads:
                os.ftruncate(self._file, 0)
                return
            aside = f"{self._path}.{os.getpid()}"
            try:
                with open(aside, "wb", opener=_private) as file:
                    file.writelines(json.dumps(asdict(upload)).encode() + b"\n" for upload in self._uploads.values())
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(aside, self._path)
                os.close(self._file)
                self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            except OSError as error:
                # Too much in the journal costs a question to the store next time, nothing else.
                log.warning("the journal of uploads %s cannot be cleaned: %s", self._path, error.strerror)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _load(self) -> dict[tuple[str, str, str], Uploaded]:
        uploads: dict[tuple[str, str, str], Uploaded] = {}
        with open(self._path, "rb") as file:
            data = file.read()
        whole, newline, rest = data.rpartition(b"\n")
        if rest:
            os.ftruncate(self._file, len(whole) + len(newline))
        for line in whole.splitlines():
            try:
                upload = Uploaded(**json.loads(line))
            except (ValueError, TypeError):
                log.warning("a line of the journal of uploads %s is unreadable and was skipped", self._path)
                continue
            uploads[upload.store, upload.key, upload.md5] = upload
        return uploads


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
