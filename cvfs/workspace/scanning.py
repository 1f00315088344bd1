"""The files of an out as they are in the work tree: those that DVC would track, and why others would not be.

As in DVC (``dvc_data/hashfile/build.py``, ``dvc/ignore.py``): a link to a file stands for the file's content; links to
directories, ignored names, empty directories and nested DVC repositories are passed over; a ``.dvcignore`` inside an
out is an error. Where DVC fails or hangs (broken links, pipes, names that are not UTF-8), the file is refused by name.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from cvfs.errors import WorkspaceError
from cvfs.metafiles.ignore import IgnoreRules
from cvfs.metafiles.names import check_relpath
from cvfs.model import Problem
from cvfs.workspace.file_state import FileState, is_executable, to_bytes, to_text
from cvfs.workspace.temporary import TEMPORARY_PREFIX

_IGNORE_FILE = ".dvcignore"
#: So many names are in an error's message; the others are counted.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One file of an out. ``relpath`` is relative to the out, '' for an out that is a file itself."""

    relpath: str
    state: FileState
    isexec: bool


@dataclass(slots=True)
class Scan:
    """What is at an out's path. ``files`` are sorted by relpath, as in a metafile.

    ``refused`` are names that cannot be recorded; ``warnings`` are passed over, or make trouble in DVC. Their paths,
    and those of ``leftovers``, which a killed command left half-written, are relative to the DVC root.
    """

    path: str
    is_directory: bool
    files: list[Found] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise WorkspaceError, naming the first few, if a name was refused."""
        if not self.refused:
            return
        named = "\n".join(f"  {problem}" for problem in self.refused[:_NAMED])
        more = len(self.refused) - _NAMED
        raise WorkspaceError(
            f"{self.path} cannot be recorded:\n{named}" + (f"\n  and {more} more" if more > 0 else ""),
            hint=f"remove or rename them, or name them in {_IGNORE_FILE} beside or above {self.path}",
        )


def read_ignore_rules(root: str, path: str) -> IgnoreRules:
    """Read the ignore files of the work tree that may speak of the out at ``path``: those in directories above it.

    ``root`` is the DVC root's directory on this machine, ``path`` relative to it. Blocking.

    Raises:
        WorkspaceError: one cannot be read.
    """
    texts: dict[str, str] = {}
    components = path.split("/")
    for depth in range(len(components)):
        directory = "/".join(components[:depth])
        file = os.path.join(root, directory, _IGNORE_FILE)
        try:
            with open(to_bytes(file), encoding="utf-8", errors="surrogateescape") as text:
                texts[directory] = text.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise WorkspaceError(f"cannot read {file}: {error.strerror}") from error
    return IgnoreRules(texts)


def scan_out(root: str, path: str, rules: IgnoreRules) -> Scan | None:
    """Find the files of the out at ``path``; None if nothing is there, or the rules ignore it. Blocking.

    ``root`` and ``path`` are as for ``read_ignore_rules``.

    Raises:
        WorkspaceError: it is a link to a directory or no ordinary file, or a directory cannot be listed.
    """
    top = os.path.join(root, path)
    try:
        found = os.stat(to_bytes(top))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise WorkspaceError(f"cannot look at {top}: {error.strerror}") from error
    is_directory = stat.S_ISDIR(found.st_mode)
    if rules.ignores(path, is_directory):
        return None
    scan = Scan(path, is_directory)
    if not is_directory:
        if not stat.S_ISREG(found.st_mode):
            raise WorkspaceError(f"{path} is neither a file nor a directory")
        _judge(scan, path, "", found)
        return scan
    if os.path.islink(to_bytes(top)):
        raise WorkspaceError(
            f"{path} is a symbolic link to a directory, which DVC cannot track",
            hint="move the directory itself here, or mount it here (mount --bind)",
        )
    _walk(scan, root, rules)
    scan.files.sort(key=lambda file: file.relpath)
    return scan


def _walk(scan: Scan, root: str, rules: IgnoreRules) -> None:
    waiting = [scan.path]
    while waiting:
        directory = waiting.pop()
        try:
            entries = list(os.scandir(to_bytes(os.path.join(root, directory))))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WorkspaceError(f"cannot list {directory}: {error.strerror}") from error
        for entry in entries:
            path = f"{directory}/{to_text(entry.name)}"
            if entry.is_dir(follow_symlinks=False):
                if rules.ignores(path, is_dir=True):
                    continue
                if os.path.isdir(os.path.join(entry.path, b".dvc")):
                    scan.warnings.append(Problem(path, None, "a DVC repository of its own is not part of the out"))
                    continue
                waiting.append(path)
            elif entry.name.startswith(TEMPORARY_PREFIX):
                scan.leftovers.append(path)
            elif not rules.ignores(path, is_dir=False):
                _take(scan, path, entry)


def _take(scan: Scan, path: str, entry: os.DirEntry[bytes]) -> None:
    try:
        found = entry.stat()
    except OSError as error:
        if entry.is_symlink():
            scan.refused.append(Problem(path, None, f"a broken link ({error.strerror})"))
        elif not isinstance(error, FileNotFoundError):
            scan.refused.append(Problem(path, None, error.strerror or "cannot be looked at"))
        return
    if stat.S_ISDIR(found.st_mode):
        scan.warnings.append(Problem(path, None, "a link to a directory is passed over, as in DVC"))
    elif not stat.S_ISREG(found.st_mode):
        scan.refused.append(Problem(path, None, "neither a file nor a directory"))
    elif to_text(entry.name) == _IGNORE_FILE:
        scan.refused.append(Problem(path, None, f"{_IGNORE_FILE} must lie beside or above the out, not in it"))
    else:
        _judge(scan, path, path[len(scan.path) + 1 :], found)


def _judge(scan: Scan, path: str, relpath: str, found: os.stat_result) -> None:
    """Add a file, or the reason why its name cannot be recorded."""
    try:
        check_relpath(path)
        path.encode("utf-8")
    except UnicodeEncodeError:
        scan.refused.append(Problem(path, None, "its name is not UTF-8, so that no metafile can hold it"))
        return
    except ValueError as error:
        scan.refused.append(Problem(path, None, str(error)))
        return
    if "\n" in path or "\r" in path:
        scan.warnings.append(Problem(path, None, "DVC cannot upload a name with a line break; cvfs can"))
    scan.files.append(Found(relpath, FileState.of(found), is_executable(found)))
