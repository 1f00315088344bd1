"""Directories on other machines as ordinary DVC remotes: read-only, by SFTP, with the ``paramiko`` library.

The library is an optional extra: ``pip install cvfs[ssh]``.
"""

from __future__ import annotations

from cvfs.errors import RemoteError
from cvfs.metafiles.config import RemoteConfig
from cvfs.stores.ssh.options import options_of
from cvfs.stores.store import Store

try:
    from cvfs.stores.ssh.store import SshStore
except ModuleNotFoundError as error:
    if error.name != "paramiko":
        raise
    _LIBRARY = False
else:
    _LIBRARY = True

__all__ = ["open_remote"]


def open_remote(remote: RemoteConfig) -> Store:
    """Make the store of a remote ``ssh://[USER@]HOST[:PORT]/PATH``; nothing is asked yet.

    Raises:
        ConfigError, RemoteError: its options cannot be used, or the library is missing.
    """
    if not _LIBRARY:
        raise RemoteError(f"remote {remote.name!r}: ssh needs another library", hint="pip install 'cvfs[ssh]'")
    return SshStore(options_of(remote))
