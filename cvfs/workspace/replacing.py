"""Replace a small file that people edit, too: all of it or nothing, and only if it is still the one that was read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from cvfs.errors import ChangedMeanwhileError, WorkspaceError
from cvfs.workspace.file_state import to_bytes
from cvfs.workspace.temporary import write_all, written_aside

#: Most metafiles come with one call.
_READ_CHUNK = 1 << 20


def read_file(path: str) -> bytes | None:
    """Return a file's content, None if there is none. Symbolic links are not followed.

    Raises:
        WorkspaceError: it cannot be read, or is no ordinary file.
    """
    directory = None
    try:
        directory = _open_directory(path)
        return _read(directory, _name(path))[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot("read", path, error) from error
    finally:
        if directory is not None:
            os.close(directory)


def replace_file(path: str, data: bytes, *, expected: bytes | None, mode: int | None = None) -> None:
    """Write ``data`` to ``path``, durably, if what is there now is ``expected`` (None: nothing may be there).

    A crash at any moment leaves the old content or the new one. Permissions and, where the system lets us, owner stay
    as they were, unless ``mode`` gives permissions; a new file has what the umask leaves of ``mode`` or 0666. Between
    the last look and the renaming lie a few instructions in which another program's change would be lost: hold the
    locks of ``lock.py`` against those that know them.

    Raises:
        ChangedMeanwhileError: something else is there. Read it again, and merge.
        WorkspaceError: it cannot be written, or is a symbolic link or no ordinary file.
    """
    try:
        directory = _open_directory(path)
    except OSError as error:
        raise _cannot("write", path, error) from error
    try:
        _replace(directory, path, data, expected, mode)
    except OSError as error:
        raise _cannot("write", path, error) from error
    finally:
        os.close(directory)


def remove_file(path: str, *, expected: bytes) -> None:
    """Delete a file if it still holds ``expected``.

    Raises:
        ChangedMeanwhileError: it holds something else.
        WorkspaceError: it cannot be deleted.
    """
    if read_file(path) != expected:
        raise _changed(path)
    try:
        os.unlink(to_bytes(path))
        directory = _open_directory(path)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _cannot("delete", path, error) from error


def _replace(directory: int, path: str, data: bytes, expected: bytes | None, mode: int | None) -> None:
    name = _name(path)
    found = _present(directory, name)
    if (found[0] if found else None) != expected:
        raise _changed(path)
    with written_aside(directory, 0o666 if mode is None else mode) as (temporary, descriptor):
        write_all(descriptor, data)
        if found is not None:
            _dress(descriptor, found[1], mode)
        os.fsync(descriptor)
        if found is None:
            # Unlike a rename, a link never takes the place of a file that came meanwhile.
            _give_name(directory, temporary, name, path)
        else:
            now = _present(directory, name)
            if now is None or now[0] != expected:
                raise _changed(path)
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)


def _give_name(directory: int, temporary: bytes, name: bytes, path: str) -> None:
    try:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError as error:
        raise _changed(path) from error
    except OSError as error:
        # File systems without hard links.
        if _present(directory, name) is not None:
            raise _changed(path) from error
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _dress(descriptor: int, old: os.stat_result, mode: int | None) -> None:
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        # root may give the file back to its owner; for anybody else it is theirs, as with any editor.
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode) if mode is None else mode)


def _present(directory: int, name: bytes) -> tuple[bytes, os.stat_result] | None:
    try:
        return _read(directory, name)
    except FileNotFoundError:
        return None


def _read(directory: int, name: bytes) -> tuple[bytes, os.stat_result]:
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "not an ordinary file")
        pieces = []
        while piece := os.read(descriptor, _READ_CHUNK):
            pieces.append(piece)
        return b"".join(pieces), found
    finally:
        os.close(descriptor)


def _open_directory(path: str) -> int:
    return os.open(to_bytes(os.path.dirname(path) or "."), os.O_RDONLY | os.O_DIRECTORY)


def _name(path: str) -> bytes:
    return to_bytes(os.path.basename(path))


def _changed(path: str) -> ChangedMeanwhileError:
    return ChangedMeanwhileError(f"{path} was changed by another program meanwhile, and was left alone")


def _cannot(verb: str, path: str, error: OSError) -> WorkspaceError:
    if os.path.islink(to_bytes(path)):
        return WorkspaceError(f"{path} is a symbolic link, and cvfs only writes to ordinary files")
    return WorkspaceError(f"cannot {verb} {path}: {error.strerror}")
