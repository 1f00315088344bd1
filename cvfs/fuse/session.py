"""Serve one mount from its first request until it is unmounted or told to end.

Threading: ``serve`` owns the main thread and runs trio in it. What touches the mount from inside this process (the
first request, unmounting) runs in worker threads, because the trio thread has to answer it.
"""

from __future__ import annotations

import logging
import os
import select
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from enum import Enum

import pyfuse3
import trio

from cvfs.errors import MountError
from cvfs.fuse.attach import attach, detach
from cvfs.fuse.handshake import connected
from cvfs.fuse.interruption import interrupted_reads
from cvfs.fuse.mountinfo import mounted_at
from cvfs.fuse.mountpoint import Liveness, probe
from cvfs.fuse.operations import Operations
from cvfs.fuse.options import MountOptions
from cvfs.fuse.readahead import raise_read_ahead

log = logging.getLogger(__name__)

#: pyfuse3 stops reading requests when this many are being answered; its default of 99 means that 99 readers of a
#: stalled store stop the whole mount. A waiting request costs some kilobytes: let there be more than there are readers.
_MAX_TASKS = 1 << 16


class Ending(Enum):
    """Why a session ended."""

    UNMOUNTED = "unmounted"
    #: By a second signal, or an error: the mount point answers ENOTCONN until somebody unmounts it.
    ABANDONED = "abandoned"


def serve(
    operations: Operations,
    mountpoint: str,
    options: MountOptions,
    *,
    environment: Mapping[str, str],
    background: Callable[[], AbstractAsyncContextManager[object]],
    ready: Callable[[], None],
    ignore_hangup: bool,
) -> Ending:
    """Mount, call ``ready`` once the mount answers, and serve it to its end. Blocking; only in the main thread.

    ``background`` is entered before the first request and left after the last (the fetcher's tasks). SIGTERM and SIGINT
    unmount while nobody uses the mount; else it goes on, and a second one ends it. SIGHUP does the same, or nothing
    with ``ignore_hangup``. ``environment`` is for fusermount3.

    Raises:
        MountError: it cannot be mounted, or ``ready`` raised it. Nothing stays mounted.
    """
    connection = attach(mountpoint, options, environment)
    session = _Session(mountpoint, connection, ready, ignore_hangup=ignore_hangup)
    try:
        with connected(operations, connection), interrupted_reads():
            trio.run(session.run, background)
    except Exception:
        if not session.announced:
            raise
        log.exception("serving %s ended by an error (this is a bug in cvfs)", mountpoint)
    finally:
        os.close(connection)
        if not session.announced:
            detach(mountpoint, lazy=True)
    return session.ending


class _Session:
    def __init__(self, mountpoint: str, connection: int, ready: Callable[[], None], *, ignore_hangup: bool) -> None:
        self.announced = False
        self.ending = Ending.ABANDONED
        self._mountpoint = mountpoint
        self._connection = connection
        self._ready = ready
        self._ignore_hangup = ignore_hangup
        self._scope = trio.CancelScope()
        self._unmounting = False
        self._was_busy = False

    async def run(self, background: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        """Serve until the connection is lost or a signal ends it.

        Raises:
            MountError: the mount never answered.
        """
        failure: list[Exception] = []
        with self._scope:
            async with background(), trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_connection)
                nursery.start_soon(self._obey_signals, nursery)
                nursery.start_soon(self._announce, failure)
                await pyfuse3.main(max_tasks=_MAX_TASKS)
                self._scope.cancel()
        if failure:
            raise failure[0]
        if not self.announced:
            raise MountError(f"{self._mountpoint} was unmounted before it answered")

    async def _watch_connection(self) -> None:
        """End the session as soon as the kernel has unmounted, without waiting for downloads that nobody reads."""
        with select.epoll() as poll:
            poll.register(self._connection, 0)  # no events: errors and hang-ups are reported in any case
            await trio.lowlevel.wait_readable(poll.fileno())
        log.info("%s was unmounted", self._mountpoint)
        self.ending = Ending.UNMOUNTED
        self._scope.cancel()

    async def _announce(self, failure: list[Exception]) -> None:
        try:
            answer = await trio.to_thread.run_sync(probe, self._mountpoint, abandon_on_cancel=True)
            entry = mounted_at(self._mountpoint)
            if entry is None or answer is not Liveness.ALIVE:
                raise MountError(f"{self._mountpoint} was mounted but does not answer")
            raise_read_ahead(entry.device)
            self._ready()
        except Exception as error:  # noqa: BLE001 - raised again by run(), without trio's group around it
            failure.append(error)
            self._scope.cancel()
        else:
            self.announced = True

    async def _obey_signals(self, nursery: trio.Nursery) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP and self._ignore_hangup:
                    continue
                log.info("%s received", signal.Signals(number).name)
                if self._unmounting:
                    self._abandon()
                else:
                    self._unmounting = True
                    nursery.start_soon(self._unmount)

    async def _unmount(self) -> None:
        try:
            await trio.to_thread.run_sync(detach, self._mountpoint, abandon_on_cancel=True)
        except MountError as error:
            if self._was_busy:
                self._abandon()
                return
            self._was_busy = True
            log.warning("%s: it is served on, and the next signal ends that", error.message)
        finally:
            self._unmounting = False

    def _abandon(self) -> None:
        log.warning("ending while %s is mounted: it answers ENOTCONN until it is unmounted", self._mountpoint)
        self._scope.cancel()
