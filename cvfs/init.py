"""Make a DVC repository of a directory in a Git work tree: the files that ``dvc init`` makes, without DVC."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from cvfs.errors import RepositoryError, WorkspaceError
from cvfs.git.index import Index
from cvfs.workspace.gitignore import with_entry
from cvfs.workspace.replacing import read_file, replace_file

#: What DVC keeps git away from, in the order in which it does.
_IGNORED = ("config.local", "tmp", "cache")
#: Word for word what DVC writes, so that a repository is the same whoever made it.
_DVCIGNORE = b"""\
# Add patterns of files dvc should ignore, which could improve
# the performance. Learn more at
# https://dvc.org/doc/user-guide/dvcignore
"""


@dataclass(frozen=True, slots=True)
class Initialised:
    """A new DVC repository: its directory, and the files that were staged, relative to it."""

    root: str
    staged: tuple[str, ...]


def initialise(directory: str, env: Mapping[str, str], *, subdir: bool = False, force: bool = False) -> Initialised:
    """Make ``directory`` a DVC repository and stage its new files. Blocking.

    ``subdir`` allows one below the top of the Git repository. ``force`` begins with an empty configuration where there
    is one already; unlike DVC's, it keeps ``config.local`` and the local cache. What a killed run left is completed.

    Raises:
        RepositoryError: not in a Git work tree, or below its top without ``subdir``; git ignores ``.dvc``; git add
            failed, after everything else was done.
        WorkspaceError: it is a DVC repository already, or a file cannot be written.
    """
    root = os.path.abspath(directory)
    index = Index(root, env)
    _check_place(root, index, subdir)
    config = os.path.join(root, ".dvc", "config")
    before = _existing(config)
    if before is not None and not force:
        raise WorkspaceError(
            f"{root} is a DVC repository already", hint="--force begins with an empty configuration, and keeps the data"
        )
    try:
        os.makedirs(os.path.dirname(config), exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"cannot make {os.path.dirname(config)}: {error.strerror}") from error
    _complete_gitignore(os.path.join(root, ".dvc", ".gitignore"))
    ignore_file = os.path.join(root, ".dvcignore")
    if read_file(ignore_file) is None:
        replace_file(ignore_file, _DVCIGNORE, expected=None)
    # The last one: it says that all others are there.
    if before != b"":
        replace_file(config, b"", expected=before)
    staged = (".dvc/.gitignore", ".dvc/config", ".dvcignore")
    index.add(staged)
    return Initialised(root, staged)


def is_initialised(directory: str) -> bool:
    """Tell whether ``directory`` is a DVC repository. What a killed ``initialise`` left is not."""
    return os.path.exists(os.path.join(directory, ".dvc", "config"))


def _check_place(root: str, index: Index, subdir: bool) -> None:
    if not os.path.isdir(root):
        raise WorkspaceError(f"{root} is not a directory")
    top = index.top
    if not subdir and os.path.realpath(root) != os.path.realpath(top):
        raise RepositoryError(
            f"{root} is not the top of its Git repository, which is {top}",
            hint="run this there, or make a DVC repository of this directory alone with --subdir",
        )
    if index.ignores(".dvc/"):
        raise RepositoryError(f"git ignores {root}/.dvc", hint="add a line !.dvc to .gitignore, so that git tracks it")


def _existing(config: str) -> bytes | None:
    parent = os.path.dirname(config)
    if os.path.lexists(parent) and not os.path.isdir(parent):
        raise WorkspaceError(f"{parent} is in the way: it is not a directory", hint="move it away")
    return read_file(config)


def _complete_gitignore(path: str) -> None:
    before = read_file(path)
    after = before or b""
    for name in _IGNORED:
        after = with_entry(after, name)
    if after != before:
        replace_file(path, after, expected=before)
