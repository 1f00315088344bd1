"""What the metafiles of a work tree track, as the files on disk say it now; commits are the snapshot's business.

The rules of which metafile counts, and where its outs are, are the snapshot's own (``snapshot.scan``, ``placing``).
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cvfs.errors import RepositoryError, WorkspaceError
from cvfs.git import Repository, TreeEntry
from cvfs.git.index import Index
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import FileRecord, OutRecord, Refusal
from cvfs.metafiles.stagefile import StageFile, read_stages
from cvfs.model import Problem
from cvfs.snapshot.placing import out_path
from cvfs.snapshot.scan import Metafile, Scan, scan, seen_metafiles
from cvfs.workspace.file_state import to_bytes

_NAMES = frozenset(("dvc.yaml", "dvc.lock", ".dvcignore", "Dvcfile"))


@dataclass(frozen=True, slots=True)
class TrackedOut:
    """One out. ``path`` is relative to the top of the work tree, ``files`` are in the order of the metafile."""

    metafile: str
    root: str
    path: str
    record: OutRecord
    files: Sequence[FileRecord]

    def file(self, relpath: str) -> str:
        """Return the path of a file of the out below the top of the work tree; '' is the out itself."""
        return f"{self.path}/{relpath}" if relpath else self.path

    def key(self, relpath: str = "") -> str:
        """Return a file's key on a remote: its path below the DVC root."""
        below = self.path[len(self.root) + 1 :] if self.root else self.path
        return f"{below}/{relpath}" if relpath else below


@dataclass(slots=True)
class TrackedMetafile:
    """A metafile as it is on disk: its ``text`` and the outs in it. ``source`` is what to read it again by."""

    source: Metafile
    text: bytes
    outs: list[TrackedOut] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Return its path below the top of the work tree."""
        return self.source.path

    @property
    def root(self) -> str:
        """Return its DVC root."""
        return self.source.root


class WorkTree:
    """The tracked data of one work tree. Blocking."""

    def __init__(self, repository: Repository, env: Mapping[str, str]) -> None:
        """Look at the work tree of ``repository``.

        Raises:
            RepositoryError: it has none.
        """
        if repository.work_tree is None:
            raise RepositoryError(
                f"{repository.git_dir} has no work tree", hint="run this in a clone, or name one with --repo PATH"
            )
        self.top = repository.work_tree
        self.index = Index(self.top, env)

    def absolute(self, path: str) -> str:
        """Return the path on this machine of a path in the work tree."""
        return os.path.join(self.top, path)

    def relative(self, path: str) -> str:
        """Return the path in the work tree of a path on this machine.

        Raises:
            WorkspaceError: it lies elsewhere.
        """
        absolute = os.path.abspath(path)
        top = os.path.realpath(self.top)
        if os.path.realpath(absolute) == top:
            return "."
        whole = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
        below = os.path.relpath(whole, top)
        if below == ".." or below.startswith("../"):
            raise WorkspaceError(f"{path} is not in the work tree {self.top}")
        return posixpath.normpath(below)

    def scan(self) -> Scan:
        """Find the DVC roots and metafiles, whose ``oid`` is their path. What git ignores is passed over, as in DVC."""
        return scan(self._entries())

    def metafiles(self, found: Scan | None = None) -> Iterator[TrackedMetafile]:
        """Read each metafile that DVC would see, in the order of their paths."""
        found = found or self.scan()
        ignores = {
            directory: self._read(path).decode("utf-8", "surrogateescape") for directory, path in found.ignores.items()
        }
        for metafile in seen_metafiles(found, ignores):
            yield self.read(metafile)

    def read(self, metafile: Metafile) -> TrackedMetafile:
        """Read one metafile as it is now."""
        text = self._read(metafile.path)
        stages = None
        if metafile.stages is not None:
            stages = read_stages(self._read(metafile.stages), lambda name: self._variables(metafile.directory, name))
        return parse_tracked(metafile, text, stages)

    def _entries(self) -> Iterator[TreeEntry]:
        for path in self.index.files():
            name = posixpath.basename(path)
            if not (name.endswith(".dvc") or name in _NAMES or "/.dvc/" in f"/{path}"):
                continue
            try:
                mode = os.lstat(self.absolute(path)).st_mode
            except (FileNotFoundError, NotADirectoryError):
                continue  # in the index, but deleted
            yield TreeEntry(path, stat.S_IFMT(mode), "blob", path)

    def _variables(self, directory: str, name: str) -> bytes | None:
        """Read a file of variables; None where there is no such file in the work tree."""
        path = posixpath.normpath(posixpath.join(directory, name))
        if path.startswith(("/", "../")) or not os.path.isfile(to_bytes(self.absolute(path))):
            return None
        return self._read(path)

    def _read(self, path: str) -> bytes:
        try:
            return Path(self.absolute(path)).read_bytes()
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error


def parse_tracked(metafile: Metafile, text: bytes, stages: StageFile | None) -> TrackedMetafile:
    """Put the records of one metafile's text together; what cannot be used becomes problems."""
    result = TrackedMetafile(metafile, text)
    records = read_dvc(text) if metafile.stages is None else read_lock(text, stages)
    files: dict[int, list[FileRecord]] = {}
    for record in records:
        match record:
            case FileRecord():
                files.setdefault(record.out, []).append(record)
            case Refusal():
                result.problems.append(Problem(metafile.path, record.line, record.reason))
            case OutRecord():
                try:
                    components = out_path(metafile, record.path.encode("utf-8", "surrogateescape"))
                except ValueError as error:
                    result.problems.append(Problem(metafile.path, record.line, f"out {record.path!r}: {error}"))
                    continue
                path = b"/".join(components).decode("utf-8", "surrogateescape")
                mine = files.pop(record.out, [])
                result.outs.append(TrackedOut(metafile.path, metafile.root, path, record, mine))
    return result
