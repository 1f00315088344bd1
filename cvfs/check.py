"""Check that all data of a commit can be had: every file has a version, and each version is where it was pushed.

Blocking. Memory does not grow with the number of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cvfs.checking.asking import Questions
from cvfs.checking.findings import Finding, Tally
from cvfs.checking.records import Records, problems
from cvfs.configuration import load_configs
from cvfs.opening import CommitRequest, listings_for, open_repository
from cvfs.progress import Progress, Silence
from cvfs.snapshot import Snapshot, open_snapshot
from cvfs.stores.registry import RemoteSet

#: Each question is one small request, which mostly waits for its answer.
DEFAULT_JOBS = 32


@dataclass(frozen=True, slots=True)
class OpenedCheck:
    """A commit to be checked. ``name`` says which one, for people."""

    name: str
    snapshot: Snapshot
    remotes: RemoteSet


@contextmanager
def open_check(request: CommitRequest, *, staged: bool = False, fast: bool = False) -> Iterator[OpenedCheck]:
    """Open what is needed to check a commit; with ``staged``, the one that `git commit` would make now.

    Unless it is to be ``fast``, listings of directories that are known by a hash alone are brought.

    Raises:
        RepositoryError, RevisionError, SnapshotError, ConfigError.
    """
    repository = open_repository(request)
    commit = repository.staged() if staged else repository.resolve(request.revision)
    listings = None if fast else listings_for(request, repository)
    snapshot = open_snapshot(repository, commit, os.path.join(request.cache_path, "index"), listings)
    configs = load_configs(snapshot, repository.work_tree, request.env, request.overrides)
    with closing(RemoteSet(configs, trusted=request.trust_config)) as remotes:
        yield OpenedCheck("what is staged" if staged else f"commit {commit.id[:12]}", snapshot, remotes)


def check_records(opened: OpenedCheck, tally: Tally) -> Iterator[Finding]:
    """Yield what is wrong as far as the commit itself tells, in the order of a listing; problems of metafiles first.

    ``tally`` counts meanwhile. No store is asked.
    """
    yield from problems(opened.snapshot)
    yield from Records(opened.snapshot, opened.remotes, tally).faults()


def check_versions(
    opened: OpenedCheck, tally: Tally, *, jobs: int = DEFAULT_JOBS, progress: Progress | None = None
) -> Iterator[Finding]:
    """Yield what ``check_records`` does, and each version that the remotes do not have as it was recorded.

    Costs one small request for each file, of which ``jobs`` run at once.

    Raises:
        UnavailableError, CredentialsError: a remote gave no answer for several files in a row.
    """
    yield from problems(opened.snapshot)
    files = opened.snapshot.totals[0]
    with (progress or Silence()).task("checking", files=files) as task:
        contents = Records(opened.snapshot, opened.remotes, tally).contents()
        for path, finding in Questions(opened.remotes, jobs).ask(contents):
            task.finished(path)
            if finding is not None:
                yield finding
