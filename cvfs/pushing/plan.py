"""Decide what a push of one out has to do, from what is recorded and what the work tree holds. No store is asked.

The rules, in short: an entry whose content is the recorded one and has a version is left alone. New, changed and
never-pushed content is sent. What is absent stays as it is recorded; if it was never pushed, DVC's cache may have it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from cvfs.comparison import Comparison, Item, Status
from cvfs.errors import CvfsError, NotPushedError, WorkspaceError
from cvfs.fetch.hashing import TextMd5
from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.pushing.moving import Provider
from cvfs.pushing.outcome import Failure
from cvfs.tracking import TrackedOut
from cvfs.workspace.dvc_cache import DvcCache
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.hashing import hash_file

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """One content that has to get to the remote.

    ``key`` is relative to the remote's URL. ``source`` is an absolute path, or what gets the content into a file.
    ``md5`` is that of the bytes, ``size`` their number. ``base`` is the entry as the metafile has it, ``recorded`` what
    is to become of it, but for the version. ``watched`` says that the source is a file of the work tree, which may
    change at any time.
    """

    relpath: str
    key: str
    source: str | Provider
    md5: str
    size: int
    base: Recorded | None
    recorded: Recorded
    watched: bool


@dataclass(slots=True)
class OutPlan:
    """What to do for one out.

    ``uploads`` are in the order of relpaths. ``rewritten`` are entries of other files that change with them, as they
    were and as they become. ``legacy`` says that hashes stay md5-dos2unix. ``whole`` says that nothing is recorded
    unless all uploads succeed.
    """

    out: TrackedOut
    uploads: list[Upload] = field(default_factory=list)
    rewritten: dict[str, tuple[Recorded, Recorded]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    legacy: bool = False
    whole: bool = False

    @property
    def upgraded(self) -> bool:
        """Tell whether legacy hashes are replaced by those of the bytes."""
        return self.out.record.legacy and not self.legacy

    @property
    def becomes_list(self) -> bool:
        """Tell whether the out, known by the hash of a listing so far, gets a list of files."""
        return self.out.record.kind is Kind.UNLISTED


def plan_out(
    directory: str,
    comparison: Comparison,
    dvc_cache: DvcCache,
    *,
    stays: Callable[[Item], bool],
    gone: Collection[str] = (),
    elsewhere: Callable[[Item], Provider | None] = lambda _item: None,
    whole: bool = False,
    only_gone: bool = False,
) -> OutPlan:
    """Plan one out. Blocking: may read files of DVC's cache.

    ``directory`` is the absolute path of the DVC root. ``stays`` tells of an entry with a version whether that version
    counts for this push; ``gone`` are relpaths whose version no longer exists; with ``only_gone``, nothing
    else is sent, and only the recorded content. ``elsewhere`` gives the content of a file that is not in the work tree,
    if it can. ``whole`` is as in the plan.

    Raises:
        WorkspaceError: the out cannot be pushed as a whole.
    """
    out = comparison.out
    _check_kind(comparison)
    plan = OutPlan(out, legacy=out.record.legacy and bool(comparison.of(Status.ABSENT, Status.UNREADABLE)))
    sources = _Sources(directory, out, dvc_cache, elsewhere)
    for item in comparison.items:
        path = out.file(item.relpath)
        if only_gone and item.relpath not in gone:
            continue
        if only_gone and item.status is not Status.SAME:
            item = replace(item, status=Status.ABSENT, found=None, known=None, problem=None)
        try:
            if item.problem is not None:
                raise item.problem
            if _is_settled(item, gone, stays):
                continue
            plan.uploads.append(sources.upload(item, legacy=plan.legacy))
        except CvfsError as error:
            plan.failures.append(Failure(path, error))
            if plan.becomes_list and item.recorded is not None:
                plan.rewritten[item.relpath] = (item.recorded, item.recorded)
    if plan.upgraded and plan.uploads:
        _upgrade(plan, comparison)
    # Two kinds of hashes in one list, or two remotes that each have a part of an out, would be worse than neither.
    plan.whole = plan.upgraded or whole
    return plan


def _is_settled(item: Item, gone: Collection[str], stays: Callable[[Item], bool]) -> bool:
    """Tell whether the version that is recorded goes on counting."""
    return item.status.keeps_version and item.is_pushed and item.relpath not in gone and stays(item)


def _upgrade(plan: OutPlan, comparison: Comparison) -> None:
    """Give the entries that keep their version the md5 of their bytes: the whole out has that kind of hash then."""
    sent = {upload.relpath for upload in plan.uploads}
    for item in comparison.of(Status.SAME):
        if item.relpath in sent or item.known is None or item.recorded is None:
            continue
        if item.recorded.md5 != item.known.md5:
            plan.rewritten[item.relpath] = (item.recorded, replace(item.recorded, md5=item.known.md5))


def _check_kind(comparison: Comparison) -> None:
    out = comparison.out
    if comparison.is_other_kind:
        was, now = ("directory", "file") if comparison.was_directory else ("file", "directory")
        raise WorkspaceError(
            f"{out.path} is recorded as a {was}, and is a {now} now", hint=f"`cvfs add {out.path}` records that"
        )
    if comparison.scan is not None:
        comparison.scan.check()
    if not comparison.unlisted:
        return
    recorded = out.record.recorded.md5
    if comparison.scan is None:
        raise NotPushedError(
            f"{out.path}: neither the directory nor DVC's cache is here, and nothing else says what {recorded} holds",
            hint="push from the clone that has them",
        )
    if out.record.legacy or comparison.dir_hash() != recorded:
        raise WorkspaceError(
            f"{out.path} is recorded by the hash of a listing that is not in DVC's cache, and its files have changed",
            hint=f"`cvfs add {out.path}` records the files as they are",
        )


class _Sources:
    """Finds the bytes of the items of one out."""

    def __init__(
        self, directory: str, out: TrackedOut, dvc_cache: DvcCache, elsewhere: Callable[[Item], Provider | None]
    ) -> None:
        self._directory = directory
        self._out = out
        self._dvc_cache = dvc_cache
        self._elsewhere = elsewhere

    def upload(self, item: Item, *, legacy: bool) -> Upload:
        """Describe the upload of an item. NotPushedError if its content is nowhere."""
        key = self._out.key(item.relpath)
        if item.found is None or item.known is None:
            return self._absent(item, key, legacy=legacy)
        source = os.path.join(self._directory, key)
        # DVC loses the permission of files in directories: only `cvfs add` takes it away again.
        isexec = item.found.isexec or (item.recorded is not None and item.recorded.isexec)
        md5 = item.known.md5
        if legacy:
            same = item.status is Status.SAME and item.recorded is not None
            md5 = (item.recorded.md5 if same and item.recorded else None) or text_md5(source)
        size = item.found.state.size
        recorded = Recorded(md5=md5, size=size, isexec=isexec)
        return Upload(item.relpath, key, source, item.known.md5, size, item.recorded, recorded, watched=True)

    def _absent(self, item: Item, key: str, *, legacy: bool) -> Upload:
        recorded = item.recorded
        if recorded is None or recorded.md5 is None:
            raise NotPushedError(f"{key}: no hash is recorded, and the file is not here")
        source = self._dvc_cache.path(recorded.md5, legacy=self._out.record.legacy)
        if source is None and not self._out.record.legacy and recorded.size is not None:
            provider = self._elsewhere(item)
            if provider is not None:
                entry = Recorded(md5=recorded.md5, size=recorded.size, isexec=recorded.isexec)
                return Upload(item.relpath, key, provider, recorded.md5, recorded.size, recorded, entry, watched=False)
        if source is None:
            state = "its version is gone" if item.is_pushed else "it was never pushed"
            raise NotPushedError(
                f"{key}: {state}, and its content is neither in the work tree nor in a cache",
                hint="push from the clone that has the file",
            )
        hashed = hash_file(source)
        if hashed.md5 != recorded.md5 and not (legacy and text_md5(source) == recorded.md5):
            raise WorkspaceError(
                f"{source} is damaged: its md5 is {hashed.md5}, not {recorded.md5}",
                hint="remove it; DVC gets it again where it was pushed",
            )
        entry = Recorded(md5=recorded.md5, size=hashed.state.size, isexec=recorded.isexec)
        return Upload(item.relpath, key, source, hashed.md5, hashed.state.size, recorded, entry, watched=False)


def text_md5(path: str) -> str:
    """Return DVC 2's "md5-dos2unix" of a file. WorkspaceError if it cannot be read."""
    digest = TextMd5()
    try:
        with open(to_bytes(path), "rb") as file:
            while data := file.read(_PIECE):
                digest.update(data)
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}: {error.strerror}") from error
    return digest.hexdigest()
