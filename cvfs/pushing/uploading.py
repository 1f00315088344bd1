"""Bring contents to a remote: several at once, each one verified, and none of them forgotten once it is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from cvfs.errors import (
    CredentialsError,
    CvfsError,
    SourceChangedError,
    StoreError,
    UnavailableError,
    UnstableFileError,
    VersioningOffError,
    VersionNotFoundError,
)
from cvfs.progress import Task
from cvfs.pushing.journal import Journal, Uploaded
from cvfs.pushing.known_contents import KnownContents, Place, may_be_md5
from cvfs.pushing.plan import Upload
from cvfs.pushing.versioning import ensure_versioning
from cvfs.stores.store import Stat, Store, WatchedFile
from cvfs.workspace.hashing import hash_file

_log = logging.getLogger(__name__)

#: A file that is replaced once in a while is caught the second time; one that is always written to never is.
_ATTEMPTS = 3
#: So many files in a row that the store could not take, each tried for a minute, and the rest is not tried any more.
_MOST_UNAVAILABLE = 4
#: Files that wait for each thread, so that a million do not all become objects at once.
_QUEUED = 2
#: Errors that every other file would meet, too.
_FINAL = (CredentialsError, VersioningOffError)


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of one upload. ``how`` is ``uploaded``, ``copied`` or ``resumed``."""

    upload: Upload
    uploaded: Uploaded
    how: str


class Uploader:
    """Uploads to one remote. ``name`` is the remote's; the journal is that of the DVC root."""

    def __init__(
        self,
        store: Store,
        name: str,
        journal: Journal,
        known: KnownContents,
        *,
        jobs: int,
        task: Task,
    ) -> None:
        self._store = store
        self._name = name
        self._journal = journal
        self._known = known
        self._jobs = jobs
        self._task = task
        self._lock = threading.Lock()
        self._stopped: CvfsError | None = None
        self._unavailable = 0

    def run(self, uploads: Sequence[Upload]) -> Iterator[tuple[Upload, Finished | CvfsError]]:
        """Yield each upload with what came of it, in the order in which they are done. Blocking.

        Contents that several files have are sent once, and copied then. Closing the iterator ends the work.
        """
        first, later = _without_repeats(uploads)
        decided = False
        while first and not decided:
            upload = first[0]
            try:
                done = self._ensure_versioning(upload)
            except SourceChangedError as error:
                # It says nothing of the store: let the next one decide.
                yield first.pop(0), error
            except CvfsError as error:
                yield from ((upload, error) for upload in (*first, *later))
                return
            else:
                decided = True
                if done is not None:
                    yield first.pop(0), done
        yield from self._all(first)
        yield from self._all(later)

    def _all(self, uploads: Sequence[Upload]) -> Iterator[tuple[Upload, Finished | CvfsError]]:
        waiting = iter(uploads)
        running: dict[Future[Finished], Upload] = {}
        pool = ThreadPoolExecutor(self._jobs, thread_name_prefix="upload")
        try:
            while True:
                for upload in islice(waiting, _QUEUED * self._jobs - len(running)):
                    running[pool.submit(self._one, upload)] = upload
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield self._outcome(running.pop(future), future)
        finally:
            if running:
                self._stop(CvfsError("interrupted"))
            pool.shutdown(cancel_futures=True)

    def _stop(self, error: CvfsError) -> None:
        with self._lock:
            self._stopped = self._stopped or error

    def _outcome(self, upload: Upload, future: Future[Finished]) -> tuple[Upload, Finished | CvfsError]:
        try:
            finished = future.result()
        except CvfsError as error:
            self._note_failure(error)
            return upload, error
        with self._lock:
            self._unavailable = 0
        self._task.finished(upload.key)
        return upload, finished

    def _note_failure(self, error: CvfsError) -> None:
        if isinstance(error, _FINAL):
            self._stop(error)
        elif isinstance(error, UnavailableError):
            with self._lock:
                self._unavailable += 1
                many = self._unavailable >= _MOST_UNAVAILABLE
            if many:
                self._stop(error)

    def _ensure_versioning(self, upload: Upload) -> Finished | None:
        stat = ensure_versioning(
            self._store,
            self._name,
            upload.key,
            lambda create_only: self._put(upload, create_only=create_only),
        )
        if stat is None:
            return None
        return self._finished(upload, upload.md5, stat, "uploaded")

    def _one(self, upload: Upload) -> Finished:
        with self._lock:
            if self._stopped is not None:
                raise _again(self._stopped)
        resumed = self._resumed(upload)
        if resumed is not None:
            self._task.advance(upload.size)
            return resumed
        stat = self._copied(upload)
        if stat is not None:
            self._task.advance(upload.size)
            return self._finished(upload, upload.md5, stat, "copied")
        for _ in range(_ATTEMPTS):
            try:
                stat = self._put(upload)
            except SourceChangedError as error:
                if not upload.watched or not isinstance(upload.source, str):
                    raise
                _log.info("%s: hashing once more: %s", upload.key, error.message)
                upload = _as_it_is_now(upload, upload.source)
                continue
            return self._finished(upload, upload.md5, stat, "uploaded")
        raise UnstableFileError(
            f"{upload.key} changed while it was uploaded, {_ATTEMPTS} times in a row",
            hint="wait until the program that writes to it is done, and push again",
        )

    def _resumed(self, upload: Upload) -> Finished | None:
        """Take up an upload that a push before this one finished, if its version is still there."""
        done = self._journal.find(self._store.url, upload.key, upload.md5)
        if done is None:
            return None
        try:
            self._store.stat(upload.key, done.version_id)
        except VersionNotFoundError:
            return None
        return Finished(upload, done, "resumed")

    def _copied(self, upload: Upload) -> Stat | None:
        """Have the store copy the content if it has it somewhere; None where it has to be uploaded after all."""
        place = self._known.find(upload.md5)
        if place is None:
            return None
        try:
            stat = self._store.copy(place.key, place.version_id, upload.key)
        except _FINAL:
            raise
        except StoreError as error:
            _log.info("%s: uploaded, as it cannot be copied: %s", upload.key, error.message)
            self._known.drop(upload.md5, place)
            return None
        if stat.size != upload.size or not may_be_md5(stat.etag, upload.md5):
            _log.warning("version %s of %s does not hold what is recorded of it", place.version_id, place.key)
            self._known.drop(upload.md5, place)
            return None
        return stat

    def _put(self, upload: Upload, *, create_only: bool = False) -> Stat:
        with ExitStack() as stack:
            source = upload.source
            if not isinstance(source, str):
                source = stack.enter_context(source())
            watched = WatchedFile(Path(source), self._read)
            return self._store.put(upload.key, watched, md5=upload.md5, create_only=create_only)

    def _read(self, count: int) -> None:
        """Count bytes that were read; end the upload if the push is over."""
        with self._lock:
            stopped = self._stopped
        if stopped is not None and count > 0:
            raise _again(stopped)
        self._task.advance(count)

    def _finished(self, upload: Upload, md5: str, stat: Stat, how: str) -> Finished:
        if stat.version_id in (None, "", "null"):
            raise VersioningOffError(f"{self._store.url}: the answer to the upload of {upload.key!r} named no version")
        uploaded = Uploaded(self._store.url, upload.key, md5, stat.size, str(stat.version_id), stat.etag)
        self._journal.add(uploaded)
        self._known.add(md5, Place(upload.key, uploaded.version_id))
        return Finished(upload, uploaded, how)


def _as_it_is_now(upload: Upload, source: str) -> Upload:
    """Return the upload of what the file holds now."""
    hashed = hash_file(source)
    if upload.recorded.md5 != upload.md5:
        # A legacy hash, which is not worth computing for a file that is being written to.
        raise UnstableFileError(f"{upload.key} changed since it was hashed", hint="push again")
    size = hashed.state.size
    recorded = replace(upload.recorded, md5=hashed.md5, size=size)
    return replace(upload, md5=hashed.md5, size=size, recorded=recorded)


def _without_repeats(uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Part uploads into the first one of each content, and the others, whose content is there by then."""
    seen: set[str] = set()
    first: list[Upload] = []
    later: list[Upload] = []
    for upload in uploads:
        (later if upload.md5 in seen else first).append(upload)
        seen.add(upload.md5)
    return first, later


def _again(error: CvfsError) -> CvfsError:
    """Make a new object: each thread adds its own traceback to what it raises."""
    return type(error)(error.message, hint=error.hint)
