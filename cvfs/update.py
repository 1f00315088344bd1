"""Record the present versions of imports, and bring them here: ``dvc update`` for imports by version."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

from cvfs.cache.cache import Cache
from cvfs.clone import Clone
from cvfs.errors import CvfsError, MetafileError, RepositoryError, TargetError
from cvfs.importing.contents import Plan, downloaded_of, local_files, make_plan, same_bytes
from cvfs.importing.fetching import Means, Target, fetch
from cvfs.importing.source import Source, look, open_source
from cvfs.metafiles.import_text import Downloaded, edit_import
from cvfs.metafiles.importfile import ImportFile, read_import
from cvfs.metafiles.records import Recorded
from cvfs.opening import CommitRequest
from cvfs.progress import Progress, Silence
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.targets import Selection, select
from cvfs.tracking import TrackedMetafile
from cvfs.workspace.replacing import replace_file


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Which imports to update, and how. ``force`` lets files go that were changed here.

    Without ``download`` only the versions are recorded. ``jobs`` files are fetched at once. ``cache_dir`` None is the
    user's own.
    """

    targets: Sequence[str]
    download: bool = True
    force: bool = False
    jobs: int | None = None
    trust_config: bool = False
    cache_dir: str | None = None


@dataclass(frozen=True, slots=True)
class UpdatedImport:
    """One import as it is recorded now. Numbers are of files at the source; ``fetched`` of those that came here."""

    path: str
    metafile: str
    new: int = 0
    changed: int = 0
    removed: int = 0
    fetched: int = 0
    written: bool = False


@dataclass(slots=True)
class Updated:
    """What an update did. An import with ``failures`` has its metafile as it was. ``staged`` says git has the rest."""

    imports: list[UpdatedImport] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    staged: bool = False

    @property
    def written(self) -> list[str]:
        """Return the metafiles that were changed, for git to add."""
        return [updated.metafile for updated in self.imports if updated.written]


def update(clone: Clone, request: UpdateRequest, env: Mapping[str, str], progress: Progress | None = None) -> Updated:
    """Record the present versions of the targets, each a metafile or out of an import by version. Blocking.

    What is the same at the source keeps its text. An import that fails stops no other. ``env`` says where the user's
    cache is.

    Raises:
        TargetError: a target names nothing that is tracked.
        LockedError: another cvfs writes to this clone.
        CacheError: the cache directory cannot be used.
    """
    selections = select(clone.tree, list(clone.metafiles()), request.targets)
    commit = CommitRequest("HEAD", env, cache_dir=request.cache_dir)
    result = Updated()
    with ExitStack() as stack:
        cache = stack.enter_context(closing(Cache(commit.cache_path, commit.limits())))
        means = Means(cache, progress or Silence(), request.jobs)
        roots: dict[str, RootDirectory] = {}
        for name in sorted({selection.metafile.root for selection in selections}):
            stack.enter_context(clone.locked(name))
            roots[name] = stack.enter_context(RootDirectory(clone, name))
        for selection in selections:
            work = _Update(clone, request, means, roots[selection.metafile.root])
            try:
                done, failures = work.run(selection)
            except CvfsError as error:
                result.failures.append(Failure(selection.metafile.path, error))
                continue
            result.failures += failures
            if done is not None:
                result.imports.append(done)
    staged = [path for path in result.written if clone.flag(_root_of(selections, path), "autostage")]
    if staged:
        clone.tree.index.add(staged)
    result.staged = bool(staged) and staged == result.written
    return result


class _Update:
    """The update of one import."""

    def __init__(self, clone: Clone, request: UpdateRequest, means: Means, root: RootDirectory) -> None:
        self._clone = clone
        self._request = request
        self._means = means
        self._root = root

    def run(self, selection: Selection) -> tuple[UpdatedImport | None, list[Failure]]:
        """Do it; nothing is recorded if there are failures."""
        metafile = self._clone.tree.read(selection.metafile.source)
        present = _import_of(metafile)
        config = self._clone.configs[metafile.root]
        with open_source(present.url, config, present.options, trusted=self._request.trust_config) as source:
            found = look(source)
            if found.is_directory != present.is_directory:
                kinds = ("a directory", "a file") if present.is_directory else ("a file", "a directory")
                raise TargetError(
                    f"{present.url} was {kinds[0]}, and is {kinds[1]} now",
                    hint=f"`cvfs remove {metafile.path}`, and import it again",
                )
            return self._bring_up_to_date(source, metafile, present, found.files)

    def _bring_up_to_date(
        self, source: Source, metafile: TrackedMetafile, present: ImportFile, now: Mapping[str, Recorded]
    ) -> tuple[UpdatedImport | None, list[Failure]]:
        before = {relpath: file.recorded for relpath, file in present.files.items()}
        [out] = metafile.outs
        downloaded = _recorded_download(present)
        fetched = 0
        if self._request.download:
            target = Target(self._root, out.key(), out.path)
            known = [present, *self._committed(metafile, present)]
            fetched, downloaded, failures = self._download(source, target, known, now)
            if failures:
                return None, failures
        elif before.keys() != now.keys() or not all(same_bytes(before[relpath], now[relpath]) for relpath in now):
            # As DVC does: what was downloaded is not what is recorded now.
            downloaded = None
        written = self._record(metafile, present, now, downloaded)
        changed = [
            relpath for relpath in before.keys() & now.keys() if _version(before[relpath]) != _version(now[relpath])
        ]
        return UpdatedImport(
            out.path,
            metafile.path,
            len(now.keys() - before.keys()),
            len(changed),
            len(before.keys() - now.keys()),
            fetched,
            written,
        ), []

    def _committed(self, metafile: TrackedMetafile, present: ImportFile) -> list[ImportFile]:
        """Return the import as HEAD records it, where the metafile no longer says what was downloaded."""
        if present.out.recorded.md5 is not None:
            return []
        repository = self._clone.repository
        try:
            tree = repository.tree(repository.resolve("HEAD").id, [metafile.path])
            blobs = repository.read_blobs(entry.oid for entry in tree if entry.path == metafile.path)
            found = [read_import(text) for _, text in blobs]
        except (RepositoryError, MetafileError):
            return []  # no commit yet, or none that vouches for anything
        return [each for each in found if each is not None and each.is_directory == present.is_directory]

    def _download(
        self, source: Source, target: Target, known: Sequence[ImportFile], now: Mapping[str, Recorded]
    ) -> tuple[int, Downloaded | None, list[Failure]]:
        with self._means.progress.task("comparing") as task:
            local = local_files(self._root, target.key, task.advance)
        plan: Plan = make_plan(known, now, local, force=self._request.force)
        if plan.failures:
            return 0, None, [replace(failure, path=_shown(target, failure.path)) for failure in plan.failures]
        for step in plan.remove:
            assert step.over is not None
            self._root.placer.remove(target.key_of(step.relpath), expected=step.over)
            self._root.stat_cache.forget([target.key_of(step.relpath)])
        placed, failures = fetch(source, target, plan.fetch, self._means)
        if failures:
            return len(placed), None, failures
        self._root.remember()
        files = local_files(self._root, target.key) if plan.fetch else local
        here = {relpath: file for relpath, file in files.items() if relpath in now}
        return len(placed), downloaded_of(here, is_directory=known[0].is_directory), []

    def _record(
        self, metafile: TrackedMetafile, present: ImportFile, now: Mapping[str, Recorded], downloaded: Downloaded | None
    ) -> bool:
        try:
            text = edit_import(metafile.text, present, now, downloaded)
        except MetafileError as error:
            raise MetafileError(
                f"{metafile.path}: {error.message}", hint=f"`dvc update {metafile.path}` writes it anew, in that style"
            ) from error
        if text == metafile.text:
            return False
        with self._clone.dvc_locked(metafile.root):
            replace_file(self._clone.tree.absolute(metafile.path), text, expected=metafile.text)
        return True


def _import_of(metafile: TrackedMetafile) -> ImportFile:
    if metafile.problems:
        raise MetafileError(f"{metafile.path}: {metafile.problems[0].reason}")
    if os.path.basename(metafile.path) == "dvc.lock":
        raise TargetError(f"{metafile.path} is no import", hint="`dvc repro` brings a pipeline up to date")
    try:
        present = read_import(metafile.text)
    except MetafileError as error:
        raise MetafileError(f"{metafile.path}: {error.message}") from error
    if present is None:
        raise TargetError(f"{metafile.path} is no import", hint="`cvfs add` records what has changed in the work tree")
    if present.other_kind is not None:
        raise TargetError(f"{metafile.path}: {present.other_kind}", hint=f"`dvc update {metafile.path}`")
    if not present.is_version_aware:
        raise TargetError(
            f"{metafile.path} is an import without versions, whose data is pushed like any other",
            hint=f"`dvc update {metafile.path}`; or remove it, and import it anew with cvfs import-url",
        )
    return present


def _recorded_download(present: ImportFile) -> Downloaded | None:
    recorded = present.out.recorded
    if recorded.md5 is None or recorded.size is None:
        return None
    return Downloaded(recorded.md5, recorded.size, len(present.files) if present.is_directory else None)


def _version(recorded: Recorded) -> tuple[str | None, str | None]:
    return recorded.version_id, recorded.etag


def _shown(target: Target, relpath: str) -> str:
    return f"{target.shown}/{relpath}" if relpath else target.shown


def _root_of(selections: Sequence[Selection], path: str) -> str:
    return next(selection.metafile.root for selection in selections if selection.metafile.path == path)
