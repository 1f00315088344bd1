"""Where a path that is to be tracked lies, and the places that nothing can be tracked in."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable

from cvfs.clone import Clone
from cvfs.errors import TargetError
from cvfs.metafiles.ignore import IgnoreRules
from cvfs.workspace.file_state import to_bytes

_RESERVED = frozenset((".git", ".dvc"))
_METAFILES = frozenset(("dvc.yaml", "dvc.lock", ".dvcignore", ".gitignore"))


def locate(clone: Clone, argument: str) -> tuple[str, str]:
    """Return a path of the command line relative to the top of the work tree, and the DVC root that it belongs to.

    Raises:
        WorkspaceError: it lies elsewhere.
        TargetError: it lies behind a link, in no DVC repository, or is a place of git's or DVC's own.
    """
    path = clone.tree.relative(argument)
    _refuse_links(clone, argument)
    root = max((root for root in clone.roots if within(path, root)), key=len, default=None)
    if root is None:
        raise TargetError(
            f"{argument} lies in none of the DVC repositories here: {', '.join(clone.roots)}",
            hint="run `cvfs init --subdir` in the directory that is to be one",
        )
    if path in (".", root):
        raise TargetError(f"{argument} is the DVC repository itself", hint="name files and directories in it")
    if reserved := sorted(_RESERVED.intersection(path.split("/"))):
        raise TargetError(f"{argument}: what is in {reserved[0]} cannot be tracked")
    return path, root


def within(path: str, directory: str) -> bool:
    """Tell whether ``path`` is ``directory`` or lies in it; '' and '.' are the directory of all paths."""
    return directory in ("", ".") or path == directory or path.startswith(f"{directory}/")


def check_name(path: str) -> None:
    """Raise TargetError for a metafile's name, which DVC would take for its own."""
    name = posixpath.basename(path)
    if name.endswith(".dvc") or name in _METAFILES:
        raise TargetError(f"DVC file {path!r} cannot be an output", hint="git tracks it: `git add` it instead")


def check_present(clone: Clone, path: str, key: str, rules: IgnoreRules) -> None:
    """Raise TargetError if nothing that DVC would see is at ``path``. ``key`` is the path below its DVC root."""
    absolute = to_bytes(clone.tree.absolute(path))
    try:
        found = os.stat(absolute)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(absolute):
            raise TargetError(f"{path} is a broken link") from None
        raise TargetError(f"{path} does not exist") from None
    except OSError as error:
        raise TargetError(f"cannot look at {path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode) and os.path.islink(absolute):
        raise TargetError(
            f"{path} is a symbolic link to a directory, which DVC cannot track",
            hint="move the directory itself here, or mount it here (mount --bind)",
        )
    if rules.ignores(key, stat.S_ISDIR(found.st_mode)):
        raise TargetError(f"{path} is ignored by .dvcignore", hint="change the pattern there to track it")


def check_apart(paths: Iterable[str]) -> None:
    """Raise TargetError if one of the paths lies in another."""
    before: list[str] = []
    for path in sorted(paths):
        for other in before:
            if within(path, other):
                raise TargetError(
                    f"{path} lies in {other}, which is to be tracked as a whole", hint=f"name {other} alone"
                )
        before.append(path)


def _refuse_links(clone: Clone, argument: str) -> None:
    """Refuse a path through a link below the top: DVC would look for the metafile elsewhere than we write it."""
    top = os.path.realpath(clone.tree.top)
    directory = os.path.dirname(os.path.abspath(argument))
    while os.path.realpath(directory) != top and directory != os.path.dirname(directory):
        if os.path.islink(directory):
            raise TargetError(
                f"{argument}: {directory} is a link, and files behind linked directories cannot be tracked",
                hint=f"name it by its real path: {os.path.realpath(argument)}",
            )
        directory = os.path.dirname(directory)
