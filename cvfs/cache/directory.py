"""Where the cache's files lie, and that nobody but their owner can reach them.

::

    DIRECTORY/v1/index-N.sqlite   what is in which pack, sizes, last use; only the highest N counts
    DIRECTORY/v1/packs/ID.pack    small contents, one after another
    DIRECTORY/v1/objects/AB/KEY   a large content each, whole or in part (``blockfile.py``)
    DIRECTORY/v1/new/             files that are being written
    DIRECTORY/v1/tidied           when somebody last looked for what killed processes left
    DIRECTORY/v1/*.lock           taken with flock while the index is replaced, or files are evicted

All of it can be deleted at any time, even while mounts use it: what is missing is fetched again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cvfs.errors import CacheError

#: Goes up when the files' meaning changes: an older cvfs then keeps its own folder beside the new one.
LAYOUT_VERSION = "v1"
_ELSEWHERE = "name a directory of your own with --cache-dir"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside one cache directory."""

    root: str

    @property
    def packs(self) -> str:
        """Give the folder of the packs."""
        return f"{self.root}/packs"

    @property
    def objects(self) -> str:
        """Give the folder whose subfolders hold a file for each large content."""
        return f"{self.root}/objects"

    @property
    def new(self) -> str:
        """Give the folder for files that have no name yet; it is on the same volume as where they go."""
        return f"{self.root}/new"

    @property
    def tidied(self) -> str:
        """Give the file whose time says when leftovers were last cleared."""
        return f"{self.root}/tidied"

    def pack(self, number: int) -> str:
        """Give the path of one pack."""
        return f"{self.packs}/{number:016x}.pack"

    def object(self, key: str) -> str:
        """Give the path of one large content."""
        return f"{self.objects}/{key[4:6]}/{key}"

    def temporary(self) -> str:
        """Give a path that no process has used."""
        return f"{self.new}/{secrets.token_hex(12)}"

    def create(self) -> None:
        """Make the folders that are missing. Raises CacheError."""
        for folder in (self.root, self.packs, self.objects, self.new):
            make_private(folder)


def open_layout(directory: str) -> Layout:
    """Make or check the cache directory and return its layout. Blocking.

    Raises:
        CacheError: it belongs to someone else, is no directory, or cannot be made or written.
    """
    directory = os.path.abspath(directory)
    try:
        os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
        if not os.path.isdir(directory):
            make_private(directory)
        owner = os.stat(directory).st_uid
    except OSError as error:
        raise CacheError(f"cannot use the cache directory {directory}: {error.strerror}", hint=_ELSEWHERE) from error
    if owner != os.geteuid():
        raise CacheError(
            f"the cache directory {directory} belongs to user id {owner}, and this process runs as {os.geteuid()}",
            hint=_ELSEWHERE,
        )
    layout = Layout(f"{directory}/{LAYOUT_VERSION}")
    layout.create()
    return layout


def make_private(folder: str) -> None:
    """Make a folder with mode 0700, or give an existing one that mode.

    Raises:
        CacheError: something else has that name, it belongs to someone else, or the system refuses.
    """
    try:
        # The umask can take bits away here but not add any, so there is no moment at which others may look in.
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise CacheError(f"cannot make the cache folder {folder}: {error.strerror}", hint=_ELSEWHERE) from error
    try:
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode):
            raise CacheError(f"{folder} is in the way: it is not a folder", hint=f"remove it, or {_ELSEWHERE}")
        if found.st_uid != os.geteuid():
            raise CacheError(f"the cache folder {folder} belongs to user id {found.st_uid}", hint=_ELSEWHERE)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.chmod(folder, 0o700)
    except OSError as error:
        raise CacheError(f"cannot use the cache folder {folder}: {error.strerror}", hint=_ELSEWHERE) from error


def create_private(path: str) -> int:
    """Create a file that must not exist, with mode 0600 whatever the umask, and return a descriptor to read and write.

    Raises:
        OSError
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file if nobody has it; closing the descriptor gives it back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def exclusive(layout: Layout, name: str) -> Iterator[None]:
    """Hold a lock of the whole cache, against threads and processes alike. Blocking.

    Raises:
        OSError: the lock file cannot be made.
    """
    descriptor = os.open(f"{layout.root}/{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
