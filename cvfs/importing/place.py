"""Where a new import may go: nowhere that something is, or that something else tracks. Nothing is written."""

from __future__ import annotations

import os
import posixpath

from cvfs.adding.choosing import Chosen
from cvfs.adding.places import check_name, locate, within
from cvfs.clone import Clone
from cvfs.errors import TargetError
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.gitignore import with_entry
from cvfs.workspace.scanning import read_ignore_rules


def choose_place(clone: Clone, url: str, argument: str | None) -> Chosen:
    """Decide where the import of ``url`` goes: to ``argument``, into it if it is a directory, else to its last name.

    Raises:
        TargetError, WorkspaceError: nothing can be imported there.
        RepositoryError: git fails.
    """
    if "://" not in url and not url.startswith("/"):
        raise TargetError(
            f"{url!r} is not a URL", hint="s3://BUCKET/PATH, or remote://NAME/PATH below a remote that is configured"
        )
    name = posixpath.basename(url.partition("://")[2].partition("/")[2].rstrip("/"))
    if argument is None or os.path.isdir(to_bytes(argument)):
        if not name:
            raise TargetError(f"{url} has no name of its own", hint="say where it is to go: cvfs import-url URL OUT")
        argument = os.path.join(argument or "", name)
    path, root = locate(clone, argument)
    check_name(path)
    _check_free(clone, path)
    key = path[len(root) + 1 :] if root else path
    rules = read_ignore_rules(clone.directory(root), key)
    for ignored in (key, f"{key}.dvc"):
        if rules.ignores(ignored, is_dir=False):
            raise TargetError(f"{ignored} would be ignored by .dvcignore", hint="change the pattern there")
    return Chosen(path, root, rules)


def _check_free(clone: Clone, path: str) -> None:
    absolute = clone.tree.absolute(path)
    for taken in (path, f"{path}.dvc"):
        if os.path.lexists(to_bytes(clone.tree.absolute(taken))):
            raise TargetError(f"{taken} is there already", hint="name another place: cvfs import-url URL OUT")
    if not os.path.isdir(to_bytes(os.path.dirname(absolute))):
        raise TargetError(f"{path}: there is no directory {posixpath.dirname(path)}", hint="make it first")
    for metafile in clone.metafiles():
        for out in metafile.outs:
            if within(path, out.path) or within(out.path, path):
                raise TargetError(f"{path} overlaps with {out.path}, which {metafile.path} tracks")
    if clone.tree.index.tracks(path):
        raise TargetError(f"{path} is tracked by Git", hint=f"git rm -r --cached {path}")
    if clone.tree.index.ignores(f"{path}.dvc"):
        raise TargetError(f"{path}.dvc would be ignored by git", hint="change .gitignore")
    with_entry(b"", posixpath.basename(path))
