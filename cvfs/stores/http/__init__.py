"""Web servers as ordinary DVC remotes: read-only, by the ``requests`` library."""

from __future__ import annotations

from cvfs.metafiles.config import RemoteConfig
from cvfs.stores.http.options import options_of
from cvfs.stores.http.store import HttpStore

__all__ = ["HttpStore", "open_remote"]


def open_remote(remote: RemoteConfig) -> HttpStore:
    """Make the store of a remote ``http(s)://HOST[:PORT]/PATH``; no request is sent.

    Raises:
        ConfigError, RemoteError: its options cannot be used.
    """
    return HttpStore(options_of(remote))
