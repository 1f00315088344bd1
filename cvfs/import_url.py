"""Track data where it is: the current versions at a URL, as ``dvc import-url --version-aware`` does."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from cvfs.adding.choosing import Chosen
from cvfs.adding.recording import write_new
from cvfs.cache.cache import Cache
from cvfs.clone import Clone
from cvfs.errors import CvfsError
from cvfs.importing.contents import Step, downloaded_of, local_files
from cvfs.importing.fetching import Means, Target, fetch
from cvfs.importing.place import choose_place
from cvfs.importing.source import Found, Source, look, open_source
from cvfs.metafiles.import_text import Downloaded, new_import
from cvfs.opening import CommitRequest
from cvfs.progress import Progress, Silence
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.workspace.placing import ANYTHING


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, and how. ``out`` None is the last name of the URL. ``jobs`` files are fetched at once.

    ``cache_dir`` None is the user's own.
    """

    url: str
    out: str | None = None
    download: bool = True
    jobs: int | None = None
    trust_config: bool = False
    cache_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A new import. Paths are relative to the top of the work tree; ``written`` are those for git to add.

    ``size`` is in bytes. With ``failures`` there is no import, and nothing was written.
    """

    path: str
    files: int
    size: int
    written: tuple[str, ...] = ()
    staged: bool = False
    failures: Sequence[Failure] = ()


def import_url(
    clone: Clone, request: ImportRequest, env: Mapping[str, str], progress: Progress | None = None
) -> Imported:
    """Record the current versions at a URL, and unless told otherwise fetch them. Blocking.

    Either all of it is there at the end, or nothing. ``env`` says where the user's cache is.

    Raises:
        TargetError, WorkspaceError: nothing can be imported to that place, or a name cannot be recorded.
        RemoteError, ConfigError, TrustError: the URL cannot be used.
        VersionNotFoundError: there is nothing at it.
        VersioningOffError: something there has no version id.
        StoreError: the store refuses, or cannot be reached.
        LockedError: another cvfs writes to this clone.
    """
    chosen = choose_place(clone, request.url, request.out)
    commit = CommitRequest("HEAD", env, cache_dir=request.cache_dir)
    with (
        open_source(request.url, clone.configs[chosen.root], {}, trusted=request.trust_config) as source,
        clone.locked(chosen.root),
        closing(Cache(commit.cache_path, commit.limits())) as cache,
    ):
        means = Means(cache, progress or Silence(), request.jobs)
        found = look(source)
        size = sum(file.size or 0 for file in found.files.values())
        downloaded = None
        if request.download:
            downloaded, failures = _download(clone, chosen, source, found, means)
            if downloaded is None:
                return Imported(chosen.path, len(found.files), size, failures=failures)
        name = posixpath.basename(chosen.path)
        text = new_import(request.url, name, found.files, is_directory=found.is_directory, downloaded=downloaded)
        written = write_new(clone, chosen, text)
        staged = clone.flag(chosen.root, "autostage")
        if staged:
            clone.tree.index.add(written)
    return Imported(chosen.path, len(found.files), size, tuple(written), staged)


def _download(
    clone: Clone, chosen: Chosen, source: Source, found: Found, means: Means
) -> tuple[Downloaded | None, Sequence[Failure]]:
    """Fetch it all, or leave nothing behind."""
    with RootDirectory(clone, chosen.root) as root:
        target = Target(root, chosen.key, chosen.path)
        steps = [Step(relpath, None, recorded) for relpath, recorded in found.files.items()]
        complete = False
        try:
            _, failures = fetch(source, target, steps, means)
            if failures:
                return None, failures
            root.remember()
            downloaded = downloaded_of(local_files(root, chosen.key), is_directory=found.is_directory)
            complete = True
            return downloaded, ()
        finally:
            if not complete:
                _remove(target, steps)


def _remove(target: Target, steps: Sequence[Step]) -> None:
    for step in steps:
        with suppress(CvfsError):
            target.root.placer.remove(target.key_of(step.relpath), expected=ANYTHING)
