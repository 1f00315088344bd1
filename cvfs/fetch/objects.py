"""Where DVC keeps a content on a remote that names objects by their hash.

Layouts: ``dvc/data_cloud.py`` and ``dvc_objects/db.py``. DVC 3 has ``files/md5/AB/CDEF…``, below ``.dvc`` on a worktree
remote; DVC 2, whose hashes are "md5-dos2unix", has ``AB/CDEF…``. The listing of a directory has ``.dir`` behind its
hash. What was pushed before a remote was made version-aware still lies there.
"""

from __future__ import annotations

from cvfs.model import Addressing


def object_keys(md5: str, addressing: Addressing, *, legacy: bool, suffix: str = "") -> list[str]:
    """Name the objects, relative to the remote's URL, that may be the content with this hash; the likeliest first.

    ``legacy`` says that the hash is a "md5-dos2unix".
    """
    name = f"{md5[:2]}/{md5[2:]}{suffix}"
    if legacy:
        return [name]
    key = f"files/md5/{name}"
    return [f".dvc/{key}", key] if addressing is Addressing.WORKTREE else [key]
