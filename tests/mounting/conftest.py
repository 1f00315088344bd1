"""Datasets to mount, and the end of mounts that a test leaves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from accounts import Account
from leftovers import Leftovers, fuse_mounts, remove
from published import Published


@pytest.fixture
def published(account: Account) -> Iterator[Published]:
    """Publish a dataset as each kind of user, with an empty directory to mount it at."""
    made = Published.make(account, account.directory / uuid.uuid4().hex)
    made.mountpoint()
    yield made
    ours = frozenset(mount for mount in fuse_mounts() if mount.startswith(f"{made.directory}/"))
    remove(Leftovers(ours, frozenset()))
