"""A bucket of somebody else's, and an empty repository that knows it as the remote ``src``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from buckets import Bucket
from command import Shell
from repositories import GitRepository
from servers.moto import ANY, Moto


@pytest.fixture
def bucket(moto: Moto) -> Bucket:
    return Bucket(moto)


@pytest.fixture(autouse=True)
def _credentials(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plain ``s3://`` URLs mean moto, for cvfs as for DVC."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name, value in zip(names, ANY, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def repository(make_repository: Callable[..., GitRepository], shell: Shell, bucket: Bucket) -> GitRepository:
    made = make_repository("repository")
    shell.cvfs("init", cwd=made.path).ok()
    bucket.connect(made, shell)
    return made
