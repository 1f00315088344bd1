"""The push of one DVC root: compare, plan, send to each remote, record in each metafile."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from cvfs.clone import Clone
from cvfs.commit_metafiles import metafiles_of
from cvfs.comparison import Comparison, Item, compare, scan_tracked
from cvfs.errors import CvfsError, MetafileError, RepositoryError
from cvfs.metafiles.records import Recorded, Source
from cvfs.progress import Progress
from cvfs.pushing.destination import Destinations
from cvfs.pushing.journal import Journal, Uploaded
from cvfs.pushing.known_contents import KnownContents
from cvfs.pushing.moving import Mover, Provider
from cvfs.pushing.outcome import Failure, Pushed, Sent
from cvfs.pushing.plan import OutPlan, Upload, plan_out
from cvfs.pushing.recording import Change, OutChange, record
from cvfs.pushing.request import PushRequest
from cvfs.pushing.uploading import Finished, Uploader
from cvfs.targets import Selection
from cvfs.tracking import TrackedMetafile, TrackedOut
from cvfs.workspace.contents import to_hash
from cvfs.workspace.stat_cache import StatCache

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """What goes to one remote: the plans of outs, each with the metafile that it is recorded in."""

    remote: str
    plans: list[tuple[TrackedMetafile, OutPlan]] = field(default_factory=list)


class RootPush:
    """The push of one DVC root. ``tracked`` are all metafiles of the root, pushed or not: they tell what is there."""

    def __init__(
        self,
        clone: Clone,
        root: str,
        tracked: Sequence[TrackedMetafile],
        *,
        request: PushRequest,
        progress: Progress,
        result: Pushed,
    ) -> None:
        self._clone = clone
        self._root = root
        self._tracked = tracked
        self._request = request
        self._progress = progress
        self._result = result
        self._directory = clone.directory(root)
        self._destinations = Destinations(clone.configs[root], request.remote)
        self._mover = Mover(os.path.join(clone.dvc_dir(root), "tmp", "cvfs"))

    def run(self, selections: Iterable[Selection], cache: StatCache) -> None:
        """Push the selected outs. Blocking; errors as ``push``."""
        batches: dict[str, _Batch] = {}
        for metafile, out in self._pushable(selections):
            try:
                remote = self._destinations.of(out)
                if remote is None:
                    continue
                plan = self._plan(out, remote, cache)
            except CvfsError as error:
                self._result.failures.append(Failure(out.path, error))
                continue
            self._result.failures += plan.failures
            if plan.uploads:
                batches.setdefault(remote, _Batch(remote)).plans.append((metafile, plan))
        if self._request.dry_run:
            for batch in batches.values():
                self._foretell(batch)
        elif batches:
            with self._clone.journal(self._root) as journal:
                for batch in batches.values():
                    self._send(batch, journal)

    def _pushable(self, selections: Iterable[Selection]) -> Iterable[tuple[TrackedMetafile, TrackedOut]]:
        for selection in selections:
            metafile = selection.metafile
            if metafile.problems:
                # An edit could take what cannot be read for something else.
                error = MetafileError(f"nothing of it is pushed: {metafile.problems[0]}", hint="correct the metafile")
                self._result.failures.append(Failure(metafile.path, error))
                continue
            for chosen in selection.outs:
                if chosen.out.record.source is Source.REMOTE:
                    yield metafile, chosen.out

    def _plan(self, out: TrackedOut, remote: str, cache: StatCache) -> OutPlan:
        comparison = self._compare(out, cache)
        here: dict[str | None, bool] = {}

        def stays(item: Item) -> bool:
            name = item.recorded.remote if item.recorded else None
            if name not in here:
                here[name] = not self._destinations.is_elsewhere(out, name, remote)
            return here[name]

        if not self._request.migrate:
            for item in comparison.items:
                if item.is_pushed and item.status.keeps_version and not stays(item):
                    raise self._destinations.second_remote(out, item.recorded, remote)
        gone = {path[len(out.path) + 1 :] for path in self._request.gone if f"{path}/".startswith(f"{out.path}/")}
        plan = plan_out(
            self._directory,
            comparison,
            self._clone.dvc_cache(self._root),
            stays=stays,
            gone=gone,
            elsewhere=lambda item: self._elsewhere(out, item),
            whole=self._request.migrate,
            only_gone=self._request.only_gone,
        )
        if self._request.migrate and plan.failures:
            error = plan.failures[0].error
            raise type(error)(f"{out.path} is not moved, as not all of it can be: {error.message}", hint=error.hint)
        return plan

    def _elsewhere(self, out: TrackedOut, item: Item) -> Provider | None:
        """Return what gets the content of a file that is not in the work tree."""
        recorded, cache = item.recorded, self._request.cache
        if recorded is None or recorded.md5 is None or recorded.size is None:
            return None
        key = f"md5-{recorded.md5}"
        if cache is not None and cache.state(key) == "whole":
            return partial(self._mover.cached, cache, key, recorded.size)
        if self._request.migrate and item.is_pushed:
            remotes = self._clone.remotes
            return partial(self._mover.pushed, partial(remotes.store, self._root), self._destinations.origin(out, item))
        return None

    def _compare(self, out: TrackedOut, cache: StatCache) -> Comparison:
        scan = scan_tracked(self._directory, out)
        files = [] if scan is None else to_hash(scan, cache)
        dvc_cache = self._clone.dvc_cache(self._root)
        if not files:
            return compare(self._directory, out, scan, cache, dvc_cache)
        with self._progress.task("hashing", len(files), sum(file.state.size for file in files)) as task:
            return compare(self._directory, out, scan, cache, dvc_cache, progress=task.advance)

    def _foretell(self, batch: _Batch) -> None:
        known = self._known(batch)
        for _, plan in batch.plans:
            for upload in plan.uploads:
                how = "copied" if known.find(upload.md5) else "uploaded"
                self._result.sent.append(Sent(plan.out.file(upload.relpath), upload.size, batch.remote, how))

    def _known(self, batch: _Batch) -> KnownContents:
        known = KnownContents()

        def is_there(out: TrackedOut, relpath: str, recorded: Recorded) -> bool:
            return out.file(relpath) not in self._request.gone and not self._destinations.is_elsewhere(
                out, recorded.remote, batch.remote
            )

        known.add_recorded(self._tracked, is_there)
        # What `cvfs add` has taken out of a metafile, after a file was renamed, the last commit still has.
        known.add_recorded(self._committed(), is_there)
        return known

    def _committed(self) -> list[TrackedMetafile]:
        repository = self._clone.repository
        texts = {metafile.path: metafile.text for metafile in self._tracked}
        try:
            found = metafiles_of(repository, repository.resolve("HEAD").id, texts)
            return [metafile for metafile in found if metafile.root == self._root]
        except RepositoryError as error:
            _log.debug("nothing is known of the last commit: %s", error.message)
            return []

    def _send(self, batch: _Batch, journal: Journal) -> None:
        plans = {id(upload): index for index, (_, plan) in enumerate(batch.plans) for upload in plan.uploads}
        finished: dict[int, list[Finished]] = {}
        failed: set[int] = set()
        for upload, outcome in self._uploaded(batch, journal):
            index = plans[id(upload)]
            if isinstance(outcome, Finished):
                finished.setdefault(index, []).append(outcome)
                continue
            failed.add(index)
            self._result.failures.append(Failure(batch.plans[index][1].out.file(upload.relpath), outcome))
        changes: dict[str, list[tuple[OutChange, list[Finished]]]] = {}
        metafiles: dict[str, TrackedMetafile] = {}
        for index, done in finished.items():
            metafile, plan = batch.plans[index]
            if plan.whole and index in failed:
                # The journal keeps what is done for the next push.
                self._result.notes.append(f"{plan.out.path}: nothing is recorded until all of it can be uploaded")
                continue
            metafiles[metafile.path] = metafile
            changes.setdefault(metafile.path, []).append((_change(plan, done, batch.remote), done))
        for path, outs in changes.items():
            self._record(metafiles[path], outs, batch.remote, journal)

    def _uploaded(self, batch: _Batch, journal: Journal) -> Iterable[tuple[Upload, Finished | CvfsError]]:
        uploads = [upload for _, plan in batch.plans for upload in plan.uploads]
        try:
            store = self._clone.remotes.store(self._root, batch.remote)
        except CvfsError as error:
            yield from ((upload, error) for upload in uploads)
            return
        jobs = self._request.jobs or self._destinations.jobs(batch.remote) or default_jobs()
        with self._progress.task("uploading", len(uploads), sum(upload.size for upload in uploads)) as task:
            known = self._known(batch)
            uploader = Uploader(store, batch.remote, journal, known, jobs=jobs, task=task)
            yield from uploader.run(uploads)

    def _record(
        self,
        metafile: TrackedMetafile,
        outs: Sequence[tuple[OutChange, list[Finished]]],
        remote: str,
        journal: Journal,
    ) -> None:
        try:
            replaced, left = record(self._clone, metafile, [change for change, _ in outs])
        except CvfsError as error:
            self._result.failures.append(Failure(metafile.path, error))
            return
        if replaced:
            self._result.recorded[metafile.path] = self._root
        for path in left:
            self._result.notes.append(
                f"{path}: its entry was changed by somebody else meanwhile, and was left as it is"
            )
        done: list[Uploaded] = []
        for change, finished in outs:
            for one in finished:
                done.append(one.uploaded)
                path = change.out.file(one.upload.relpath)
                self._result.sent.append(
                    Sent(path, one.uploaded.size, remote, one.how, version_id=one.uploaded.version_id)
                )
            if not self._destinations.is_home(change.out, remote):
                self._result.notes.append(
                    f"{change.out.path} is on {remote!r} now; DVC looks for it on its default remote: "
                    f"make {remote!r} that (cvfs remote default {remote}), or set the out's remote"
                )
        journal.forget(done)


def default_jobs() -> int:
    """Return how many uploads run at once: enough to hide the way to a store, and DVC's number on large machines."""
    return max(16, 4 * len(os.sched_getaffinity(0)))


def _change(plan: OutPlan, finished: Sequence[Finished], remote: str) -> OutChange:
    change = OutChange(plan.out, becomes_list=plan.becomes_list, legacy=plan.legacy)
    if plan.becomes_list:
        # What could not be uploaded keeps its place in the list.
        for upload in plan.uploads:
            if upload.base is not None:
                change.changes[upload.relpath] = Change(upload.base, upload.base)
    for relpath, (base, new) in plan.rewritten.items():
        change.changes[relpath] = Change(base, new)
    for one in finished:
        upload, done = one.upload, one.uploaded
        recorded = replace(upload.recorded, remote=remote, version_id=done.version_id, etag=done.etag)
        change.changes[upload.relpath] = Change(upload.base, recorded)
    return change
