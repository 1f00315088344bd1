"""A directory on another machine, read by SFTP."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from cvfs.errors import AccessDeniedError, IntegrityError, StoreError, VersionNotFoundError
from cvfs.stores.ranges import check_range, range_end
from cvfs.stores.read_only import ReadOnlyStore
from cvfs.stores.ssh.link import Link
from cvfs.stores.ssh.options import SshOptions
from cvfs.stores.store import Piece, Stat

#: Bytes a request. Requests of one read are sent without waiting for the answers in between.
_CHUNK = 1 << 15


class SshStore(ReadOnlyStore):
    """The files below a directory of an SSH server. Implements ``Store``, but for all that writes."""

    def __init__(self, options: SshOptions) -> None:
        self._url = options.url
        self._directory = options.path
        self._link = Link(options)

    @property
    def url(self) -> str:
        """Name the directory, as an ssh URL."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the path of a file on the server."""
        return f"{self._directory.rstrip('/')}/{key}"

    def check(self) -> None:
        """Do nothing: who may sign in, only the server can tell."""

    def read_current(self, key: str, start: int, length: int | None) -> Piece:
        """Read a file."""
        check_range(start, length)
        with self._file(key) as (file, size, what):
            stop = range_end(size, start, length, what)
            chunks = [(at, min(_CHUNK, stop - at)) for at in range(start, stop, _CHUNK)]
            data = b"".join(file.readv(chunks))
        if len(data) != stop - start:
            raise IntegrityError(f"{what} has become shorter while it was read")
        return Piece(data, start, Stat(size, None, None))

    def stat_current(self, key: str) -> Stat:
        """Describe a file."""
        with self._file(key) as (_, size, _):
            return Stat(size, None, None)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    @contextmanager
    def _file(self, key: str) -> Iterator[tuple[paramiko.SFTPFile, int, str]]:
        """Open a file; give its size and its name for messages, too."""
        what = f"{self._url}: {key!r}"
        if any(part in {"", ".", ".."} for part in key.split("/")) or "\0" in key:
            raise VersionNotFoundError(f"{what} cannot be the name of a file there")
        with self._link.session() as session, _mapped(what):
            with session.open(self.full_key(key).encode("utf-8", "surrogateescape"), "rb") as file:
                found = file.stat()
                if found.st_size is None or found.st_mode is None or not stat.S_ISREG(found.st_mode):
                    raise VersionNotFoundError(f"{what} is not a file")
                yield file, found.st_size, what


@contextmanager
def _mapped(what: str) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise  # of the connection, which the link sees to
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            raise VersionNotFoundError(f"{what}: no such file") from error
        if error.errno == errno.EACCES:
            raise AccessDeniedError(f"{what}: access denied") from error
        raise StoreError(f"{what}: {error.strerror or error}") from error
