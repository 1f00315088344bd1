"""The md5 of files that others may be writing to: either that of one consistent content, or an error.

Threading: ``hash_files`` has worker threads of its own (md5 lets other threads run) and calls ``progress`` from them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue

from cvfs.errors import UnstableFileError, WorkspaceError
from cvfs.workspace.file_state import FileState, is_executable, to_bytes

#: Called with the number of bytes that were hashed since the last call; negative when an attempt begins anew.
Progress = Callable[[int], None]

#: Larger reads are no faster, and each thread has one buffer of that size.
_CHUNK = 1 << 20
#: A file that is replaced once in a while is caught the second time; one that is always written to never is.
_ATTEMPTS = 3
#: Portions that wait for each thread, so that a million files do not all become objects at once.
_QUEUED = 4
_PORTION_FILES = 32


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file's content: ``md5`` in hex is that of the bytes that the file had while its state was ``state``."""

    md5: str
    state: FileState
    isexec: bool


_Outcomes = list[tuple[str, Hashed | WorkspaceError]]


class _AbandonedError(Exception):
    """Nobody waits for the result any more."""


def hash_file(path: str, progress: Progress = lambda _count: None) -> Hashed:
    """Hash one file. A symbolic link stands for the file it leads to. Blocking.

    Raises:
        UnstableFileError: it changed while it was read, at every attempt.
        WorkspaceError: it cannot be read, is gone, or is no ordinary file.
    """
    return _hash(path, progress, threading.Event())


def hash_files(
    paths: Iterable[str], *, threads: int | None = None, progress: Progress = lambda _count: None
) -> Iterator[tuple[str, Hashed | WorkspaceError]]:
    """Hash files in parallel, and yield each path with what came of it, in the order in which they are done. Blocking.

    ``threads`` is one per processor unless given. Closing the iterator ends the work within a chunk of each thread.
    """
    threads = threads or len(os.sched_getaffinity(0))
    waiting = _portions(paths)
    stop = threading.Event()
    done: SimpleQueue[Future[_Outcomes]] = SimpleQueue()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
    running = 0
    try:
        while True:
            for portion in islice(waiting, threads * _QUEUED - running):
                pool.submit(_hash_all, portion, progress, stop).add_done_callback(done.put)
                running += 1
            if not running:
                return
            yield from done.get().result()
            running -= 1
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _portions(paths: Iterable[str]) -> Iterator[list[str]]:
    """Put small files together: handing one over takes as long as hashing it."""
    portion: list[str] = []
    size = 0
    for path in paths:
        portion.append(path)
        with suppress(OSError):
            size += os.stat(to_bytes(path)).st_size
        if len(portion) == _PORTION_FILES or size >= _CHUNK:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _hash_all(paths: list[str], progress: Progress, stop: threading.Event) -> _Outcomes:
    return [(path, _outcome(path, progress, stop)) for path in paths]


def _outcome(path: str, progress: Progress, stop: threading.Event) -> Hashed | WorkspaceError:
    try:
        return _hash(path, progress, stop)
    except WorkspaceError as error:
        return error


def _hash(path: str, progress: Progress, stop: threading.Event) -> Hashed:
    for _ in range(_ATTEMPTS):
        try:
            hashed, count = _attempt(to_bytes(path), progress, stop)
        except OSError as error:
            raise WorkspaceError(f"cannot read {path}: {error.strerror}") from error
        if hashed is not None:
            return hashed
        progress(-count)
    raise UnstableFileError(
        f"{path} changed while it was read, {_ATTEMPTS} times in a row",
        hint="wait until the program that writes to it is done, and run the command again",
    )


def _attempt(path: bytes, progress: Progress, stop: threading.Event) -> tuple[Hashed | None, int]:
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(0, "not an ordinary file")
        md5, count = _digest(descriptor, before.st_size, progress, stop)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    state = FileState.of(before)
    same = count == state.size and FileState.of(after) == state and _names(path, after)
    return (Hashed(md5, state, is_executable(before)) if same else None), count


def _digest(descriptor: int, size: int, progress: Progress, stop: threading.Event) -> tuple[str, int]:
    digest = hashlib.md5(usedforsecurity=False)
    # One byte more than a small file has, so that growth shows.
    buffer = memoryview(bytearray(min(_CHUNK, size + 1)))
    total = 0
    # Behind its size the file has grown: reading on could last for as long as it grows.
    while total <= size and (count := os.readv(descriptor, [buffer])):
        if stop.is_set():
            raise _AbandonedError
        digest.update(buffer[:count])
        total += count
        progress(count)
    return digest.hexdigest(), total


def _names(path: bytes, read: os.stat_result) -> bool:
    """Tell whether the path still leads to the file that was read, and not to another one that took its place."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return False
    return (now.st_dev, FileState.of(now)) == (read.st_dev, FileState.of(read))
