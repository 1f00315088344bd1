"""Mount a commit: in the background, returning when the mount answers, or in the foreground until its end."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from cvfs.errors import MountError
from cvfs.filesystem import FileSystem, Presentation
from cvfs.fuse import daemon
from cvfs.fuse.mountinfo import SOURCE_PREFIX, mounted_at
from cvfs.fuse.mountpoint import prepare_mountpoint
from cvfs.fuse.operations import Operations
from cvfs.fuse.options import parse_options
from cvfs.fuse.session import Ending, serve
from cvfs.mount_record import MountRecord, process_start, record_directory, remove_record, save_record
from cvfs.opening import CommitRequest, OpenedCommit, check_remotes, describe_problems, open_commit

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MountRequest:
    """What to mount where. ``options`` are the values of ``-o``. ``log_file`` takes what a background mount prints."""

    commit: CommitRequest
    mountpoint: str
    presentation: Presentation
    options: tuple[str, ...] = ()
    allow_other: bool = False
    strict: bool = False
    log_file: str | None = None


def mount(request: MountRequest, on_warning: Warn) -> MountRecord:
    """Mount in the background, and return when the mount answers. Blocking.

    Forks, so call it before there are threads. The mount ends with ``unmount``, or with a signal as ``serve`` says.

    Raises:
        CvfsError: what is wrong with the commit, its configuration or the mount point. Nothing is mounted then.
    """

    def work(reporter: daemon.Reporter) -> int:
        def ready(record: MountRecord) -> None:
            reporter.ready(asdict(record))

        return 0 if _serve(request, reporter.warning, ready, background=True) is Ending.UNMOUNTED else 1

    log_file = None if request.log_file is None else os.path.abspath(request.log_file)
    return MountRecord(**daemon.start(work, on_warning, log_file))


def mount_in_foreground(request: MountRequest, on_warning: Warn, on_ready: Callable[[MountRecord], None]) -> Ending:
    """Mount, call ``on_ready`` when the mount answers, and serve it to its end. Blocking; only in the main thread.

    Raises:
        CvfsError: as ``mount``.
    """
    return _serve(request, on_warning, on_ready, background=False)


def _serve(
    request: MountRequest, on_warning: Warn, on_ready: Callable[[MountRecord], None], *, background: bool
) -> Ending:
    parse_options("", request.options)  # an option's mistake is told before anything takes its time
    # A descriptor for each open file of the cache and each large segment: more than the usual soft limit allows.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    mountpoint = prepare_mountpoint(request.mountpoint)
    with open_commit(request.commit, on_warning) as opened:
        problems = describe_problems(list(opened.snapshot.problems), strict=request.strict)
        filesystem = FileSystem(opened.snapshot, opened.fetcher, opened.blobs, request.presentation)
        for warning in [*problems, *check_remotes(opened)]:
            on_warning(warning)
        if background:
            os.chdir("/")  # the directory that we come from must not be kept busy
        records = _Records(request, mountpoint, opened)

        def ready() -> None:
            on_ready(records.save())

        try:
            return serve(
                Operations(filesystem),
                mountpoint,
                parse_options(SOURCE_PREFIX + opened.snapshot.commit, request.options, allow_other=request.allow_other),
                environment=request.commit.env,
                background=opened.fetcher.running,
                ready=ready,
                ignore_hangup=background,
            )
        finally:
            records.remove()


class _Records:
    """Writes the record of one mount, and removes it."""

    def __init__(self, request: MountRequest, mountpoint: str, opened: OpenedCommit) -> None:
        self._request = request
        self._mountpoint = mountpoint
        self._opened = opened
        self._directory = record_directory(request.commit.env)
        self._device: str | None = None

    def save(self) -> MountRecord:
        entry = mounted_at(self._mountpoint)
        if entry is None:
            raise MountError(f"{self._mountpoint} was unmounted before it was ready")
        self._device = entry.device
        commit = self._request.commit
        repository = self._opened.repository
        record = MountRecord(
            mountpoint=self._mountpoint,
            device=entry.device,
            commit=self._opened.snapshot.commit,
            revision=commit.revision,
            repository=repository.work_tree or repository.git_dir,
            cache_dir=commit.cache_path,
            max_cache_size=commit.max_cache_size,
            log_file=self._request.log_file,
            pid=os.getpid(),
            started=process_start(os.getpid()) or 0,
            since=time.time(),
        )
        save_record(self._directory, record)
        return record

    def remove(self) -> None:
        if self._device is not None:
            remove_record(self._directory, self._mountpoint, self._device)
