"""Google Cloud Storage.

google-cloud-storage and google-auth read the environment, find credentials, write, copy, list and describe. Bytes are
read through obstore, which does not hold the interpreter while it parses. ``link`` puts the two together.
"""

from __future__ import annotations

from cvfs.metafiles.config import RemoteConfig
from cvfs.stores.gcs.options import options_of
from cvfs.stores.gcs.store import GcsStore

__all__ = ["GcsStore", "open_remote"]


def open_remote(remote: RemoteConfig) -> GcsStore:
    """Make the store of a remote ``gs://BUCKET[/PREFIX]``; no request is sent.

    Raises:
        ConfigError, RemoteError: its options cannot be used.
    """
    return GcsStore(options_of(remote))
