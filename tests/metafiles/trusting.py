"""Remotes that options at several levels give, and what becomes of them."""

from __future__ import annotations

import pytest

from cvfs.errors import TrustError
from cvfs.metafiles.config import Config, Level, RemoteConfig, parse_config
from cvfs.metafiles.trust import check_trust

EVIL = "https://evil.example"
KEYS = "access_key_id = A\nsecret_access_key = S\n"
STORES = {"s3": "s3://bucket/k", "gs": "gs://bucket/k", "azure": "azure://container/k"}


def remote(
    commit: str = "", *, url: str = "s3://bucket/k", worktree: str = "", name: str = "up", **levels: str
) -> RemoteConfig:
    """Make the remote that options at several levels give; ``commit`` also has the URL."""
    texts = {"commit": f"url = '{url}'\n{commit}", "worktree": worktree, **levels}
    layers = [
        parse_config(f"['remote \"{name}\"']\n{text}", Level[level.upper()], f".dvc/{level}", "/repo/.dvc")
        for level, text in texts.items()
    ]
    return Config(layers).remote(name)


def refuse(refused: RemoteConfig) -> TrustError:
    """Make sure that a remote is refused, and that ``--trust-config`` accepts it."""
    with pytest.raises(TrustError) as caught:
        check_trust(refused, trusted=False)
    check_trust(refused, trusted=True)
    return caught.value


def accept(accepted: RemoteConfig) -> None:
    check_trust(accepted, trusted=False)
