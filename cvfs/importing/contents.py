"""What the work tree holds of an import, and what has to be done so that it holds the wanted versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cvfs.errors import WorkspaceError
from cvfs.metafiles.import_text import Downloaded
from cvfs.metafiles.importfile import ImportFile
from cvfs.metafiles.records import Recorded
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.workspace.contents import contents_of
from cvfs.workspace.file_state import FileState
from cvfs.workspace.hashing import Progress
from cvfs.workspace.scanning import Found, read_ignore_rules, scan_out
from cvfs.workspace.stat_cache import Known


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of the work tree: its state, and the md5 of its bytes."""

    state: FileState
    md5: str


@dataclass(frozen=True, slots=True)
class Step:
    """One file to fetch or to remove. ``over`` is the state of the file that is there, None if there must be none."""

    relpath: str
    over: FileState | None
    wanted: Recorded | None = None


@dataclass(slots=True)
class Plan:
    """What has to be done, and what must not be: files that were changed here. Their paths begin at the out."""

    fetch: list[Step] = field(default_factory=list)
    remove: list[Step] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def local_files(root: RootDirectory, key: str, progress: Progress = lambda _count: None) -> dict[str, LocalFile]:
    """Return the files of an out, by relpath ('' for one that is a file), hashing those that are not known. Blocking.

    Raises:
        WorkspaceError: one cannot be read, or changes all the time.
    """
    scan = scan_out(root.directory, key, read_ignore_rules(root.directory, key))
    if scan is None:
        return {}
    files: dict[str, LocalFile] = {}
    outcomes: list[tuple[Found, Known | WorkspaceError]] = []
    outcomes += contents_of(root.directory, scan, root.stat_cache, progress=progress)
    for found, outcome in outcomes:
        if isinstance(outcome, WorkspaceError):
            raise outcome
        files[found.relpath] = LocalFile(found.state, outcome.md5)
    return files


def make_plan(
    known: Sequence[ImportFile], wanted: Mapping[str, Recorded], local: Mapping[str, LocalFile], *, force: bool
) -> Plan:
    """Compare an import as it is or was recorded (``known``), as it is to be, and as the work tree has it.

    A file is taken for an imported one if all of a record's files together have the hash that it has for them, or if
    its md5 is the etag, as it is for most objects in S3. Any other file was changed here: only ``force`` lets it go.
    """
    origins = [_Origin(present, local) for present in known]
    plan = Plan()
    for relpath, recorded in wanted.items():
        mine = local.get(relpath)
        if mine is None:
            plan.fetch.append(Step(relpath, None, recorded))
            continue
        versions = [version for origin in origins for version in origin.versions(relpath)]
        if mine.md5 == recorded.etag or any(same_bytes(version, recorded) for version in versions):
            continue
        if versions or force:
            plan.fetch.append(Step(relpath, mine.state, recorded))
        else:
            plan.failures.append(_changed_here(relpath))
    recorded_once = {relpath for present in known for relpath in present.files}
    for relpath in sorted(recorded_once & local.keys() - wanted.keys()):
        if force or any(origin.versions(relpath) for origin in origins):
            plan.remove.append(Step(relpath, local[relpath].state))
        else:
            plan.failures.append(_changed_here(relpath))
    return plan


def same_bytes(one: Recorded, other: Recorded) -> bool:
    """Tell whether two versions have the same content, as far as the store tells."""
    if one.etag and other.etag:
        return (one.etag, one.size) == (other.etag, other.size)
    return replace(one, md5=None) == replace(other, md5=None)


def downloaded_of(files: Mapping[str, LocalFile], *, is_directory: bool) -> Downloaded:
    """Return what an out records of files that are here (``dvc_data/hashfile/tree.py``)."""
    size = sum(file.state.size for file in files.values())
    if not is_directory:
        return Downloaded(files[""].md5, size)
    listing = [{"md5": file.md5, "relpath": relpath} for relpath, file in sorted(files.items())]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False)
    return Downloaded(f"{digest.hexdigest()}.dir", size, len(files))


class _Origin:
    """Says which files of the work tree came from one record of an import."""

    def __init__(self, present: ImportFile, local: Mapping[str, LocalFile]) -> None:
        self._present = present
        self._local = local
        self._intact = False
        if present.out.recorded.md5 is not None and present.files.keys() <= local.keys():
            mine = {relpath: local[relpath] for relpath in present.files}
            downloaded = downloaded_of(mine, is_directory=present.is_directory)
            self._intact = downloaded.md5 == present.out.recorded.md5

    def versions(self, relpath: str) -> list[Recorded]:
        """Return the version that a file is; nothing if the record has none that it is."""
        recorded = self._present.files.get(relpath)
        if recorded is None or not (self._intact or self._local[relpath].md5 == recorded.recorded.etag):
            return []
        return [recorded.recorded]


def _changed_here(relpath: str) -> Failure:
    return Failure(
        relpath,
        WorkspaceError(
            "it was changed here, and is not what was imported",
            hint="--force replaces it; copy it elsewhere first to keep it",
        ),
    )
