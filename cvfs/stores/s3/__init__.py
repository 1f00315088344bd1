"""Amazon S3 and everything that speaks its protocol.

boto3's core (botocore) reads the configuration, finds credentials and makes the control calls and large uploads. Other
bytes go through obstore, which does not hold the interpreter while it signs and parses. ``link`` puts the two together.
"""

from __future__ import annotations

from cvfs.metafiles.config import RemoteConfig
from cvfs.stores.s3.options import options_of
from cvfs.stores.s3.store import S3Store

__all__ = ["S3Store", "open_remote"]


def open_remote(remote: RemoteConfig) -> S3Store:
    """Make the store of a remote ``s3://BUCKET[/PREFIX]``; no request is sent.

    Raises:
        ConfigError, RemoteError: its options cannot be used.
    """
    return S3Store(options_of(remote))
