"""Azure Blob Storage.

The SDK finds credentials, writes, copies, lists and describes. Bytes of old versions come through obstore, which does
not hold the interpreter while it signs and parses. ``link`` puts the two together.
"""

from __future__ import annotations

from cvfs.metafiles.config import RemoteConfig
from cvfs.stores.azure.options import options_of
from cvfs.stores.azure.store import AzureStore

__all__ = ["AzureStore", "open_remote"]


def open_remote(remote: RemoteConfig) -> AzureStore:
    """Make the store of a remote ``azure://CONTAINER[/PREFIX]``; no request is sent.

    Raises:
        ConfigError, RemoteError: its options, or what Azure's environment and configuration say, cannot be used.
    """
    return AzureStore(options_of(remote))
