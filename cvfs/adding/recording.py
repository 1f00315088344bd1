"""Write what was added: the metafile, and the line in ``.gitignore``. Each is replaced whole or not at all.

Hold ``Clone.locked`` of the DVC root. Blocking.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping

from cvfs.adding.choosing import Chosen, has_no_scm
from cvfs.clone import Clone
from cvfs.errors import ChangedMeanwhileError, CvfsError, MetafileError
from cvfs.metafiles.dvc_scalars import dvc_pair
from cvfs.metafiles.editing import OutEdit, edit_metafile
from cvfs.metafiles.records import Recorded
from cvfs.tracking import TrackedMetafile
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.gitignore import add_to_gitignore, remove_from_gitignore
from cvfs.workspace.replacing import replace_file

#: That somebody else edits .gitignore at the same moment is unlikely, and three times in a row no accident.
_ATTEMPTS = 3


def new_metafile(name: str, files: Mapping[str, Recorded], *, is_directory: bool) -> bytes:
    """Return the text of a ``.dvc`` file for the out ``name`` beside it, as DVC writes it; a file's relpath is ''."""
    text = "\n".join(["outs:", "- hash: md5", *dvc_pair("path", name, 2), ""]).encode()
    edit = OutEdit(2, added=files, directory=True) if is_directory else OutEdit(2, recorded=files[""])
    return edit_metafile(text, [edit])


def write_new(clone: Clone, chosen: Chosen, text: bytes) -> list[str]:
    """Write the metafile of a new out; return the paths of what was written, relative to the top of the work tree.

    Raises:
        ChangedMeanwhileError: somebody else made the metafile at the same moment.
        WorkspaceError, LockedError: it cannot be written.
    """
    ignored = ignore(clone, chosen)
    try:
        with clone.dvc_locked(chosen.root):
            replace_file(clone.tree.absolute(chosen.metafile_path), text, expected=None)
    except CvfsError:
        if ignored:
            remove_from_gitignore(*os.path.split(clone.tree.absolute(chosen.path)))
        raise
    return [chosen.metafile_path, *ignored]


def write_update(clone: Clone, metafile: TrackedMetafile, edit: OutEdit) -> bool:
    """Make the edit if the metafile still is the one that was read; return whether it was.

    Raises:
        MetafileError: it is not in the style that DVC writes.
        WorkspaceError, LockedError: it cannot be written.
    """
    try:
        text = edit_metafile(metafile.text, [edit])
    except MetafileError as error:
        raise MetafileError(
            f"{metafile.path}: {error.message}", hint="write one key a line there, as DVC does"
        ) from error
    with clone.dvc_locked(metafile.root):
        try:
            replace_file(clone.tree.absolute(metafile.path), text, expected=metafile.text)
        except ChangedMeanwhileError:
            return False
    return True


def ignore(clone: Clone, chosen: Chosen) -> list[str]:
    """Have Git ignore an out, unless it does; return the path of the ``.gitignore`` if one was written."""
    if has_no_scm(clone, chosen.root):
        return []
    absolute = clone.tree.absolute(chosen.path)
    slash = "/" if os.path.isdir(to_bytes(absolute)) else ""
    if clone.tree.index.ignores(f"{chosen.path}{slash}"):
        return []
    for attempt in range(_ATTEMPTS):
        try:
            changed = add_to_gitignore(*os.path.split(absolute))
            break
        except ChangedMeanwhileError:
            if attempt + 1 == _ATTEMPTS:
                raise
    return [posixpath.join(posixpath.dirname(chosen.path), ".gitignore")] if changed else []
