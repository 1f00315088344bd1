"""Asks the remotes for many versions at once, and gives up on one that answers nothing.

One byte of each version is read. That costs what asking for its size would, and tells more: an archived object still
has a size, and one whose encryption key was taken away has, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass

from cvfs.checking.findings import Finding, fault_of
from cvfs.checking.workers import Workers
from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    CvfsError,
    RemoteError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.fetch.checks import check_range, describe_object
from cvfs.fetch.sources import Remotes, Sources, of_place
from cvfs.model import Content

#: Questions under way, or answered and not looked at yet, for each thread: a slow answer holds up few others.
_AHEAD = 8
#: So many files in a row that a remote gives no answer for, and there is no point in asking on.
_PATIENCE = 8
#: What is held back meanwhile, at most: another remote may answer for a million files.
_HELD = 1000
#: Errors after which another remote may still have the version, as when a file is read.
_ELSEWHERE = (VersionNotFoundError, AccessDeniedError, RemoteError)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one file. ``silence`` is the error of a remote that told nothing about it."""

    remote: tuple[str, str]
    finding: Finding | None = None
    silence: CvfsError | None = None


class Questions:
    """The questions of one check. ``jobs`` is the number of threads."""

    def __init__(self, remotes: Remotes, jobs: int) -> None:
        self._remotes = remotes
        self._sources = Sources(remotes)
        self._jobs = jobs
        self._silent: dict[tuple[str, str], int] = {}

    def ask(self, judged: Iterable[tuple[str, Content | Finding]]) -> Iterator[tuple[str, Finding | None]]:
        """Yield each path, in the order of ``judged``, with what is wrong with it. Blocking.

        Raises:
            UnavailableError, CredentialsError: a remote gave no answer for several files in a row; none is yielded.
        """
        held: list[tuple[str, Finding | None]] = []
        with closing(self._answers(judged)) as answers:
            for path, answer in answers:
                held.append((path, answer if isinstance(answer, Finding) else self._heard(answer)))
                # Until it is clear whether a remote answers at all, its silence is no finding.
                if not self._silent or len(held) > _HELD:
                    yield from held
                    held.clear()
        yield from held

    def _answers(
        self, judged: Iterable[tuple[str, Content | Finding]]
    ) -> Generator[tuple[str, _Answer | Finding], None, None]:
        workers: Workers[_Answer] = Workers(self._jobs)
        waiting: deque[tuple[str, Finding | Future[_Answer]]] = deque()
        try:
            for path, what in judged:
                waiting.append((path, what if isinstance(what, Finding) else self._submit(workers, path, what)))
                if len(waiting) >= self._jobs * _AHEAD:
                    yield _answered(*waiting.popleft())
            while waiting:
                yield _answered(*waiting.popleft())
        finally:
            workers.stop()

    def _submit(self, workers: Workers[_Answer], path: str, content: Content) -> Future[_Answer]:
        return workers.submit(lambda: self._ask(path, content))

    def _heard(self, answer: _Answer) -> Finding | None:
        if answer.silence is None:
            self._silent.pop(answer.remote, None)
            return answer.finding
        silent = self._silent[answer.remote] = self._silent.get(answer.remote, 0) + 1
        if silent >= _PATIENCE:
            told = f"gave up after {silent} files in a row without an answer: {answer.silence.message}"
            raise type(answer.silence)(told, hint=answer.silence.hint)
        return answer.finding

    def _ask(self, path: str, content: Content) -> _Answer:
        first: _Answer | None = None
        for place in self._sources.places(content):
            remote = (content.root, place.remote)
            key = place.key
            try:
                store = self._remotes.store(*remote)
                key = store.full_key(key)
                piece = store.read(place.key, place.version_id, 0, 1)
                where = describe_object(store, place.key, place.version_id)
                check_range(piece, of_place(content, place), 0, min(1, piece.stat.size), where)
            except CvfsError as error:
                finding = Finding(path, fault_of(error), error.message, error.hint, None, content, place.remote, key)
                silence = error if isinstance(error, UnavailableError | CredentialsError) else None
                answer = _Answer(remote, finding, silence)
                if not isinstance(error, _ELSEWHERE):
                    return answer
                first = first or answer
            else:
                return _Answer(remote)
        assert first is not None
        return first


def _answered(path: str, what: Finding | Future[_Answer]) -> tuple[str, _Answer | Finding]:
    return path, what if isinstance(what, Finding) else what.result()
