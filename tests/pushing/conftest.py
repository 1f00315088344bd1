"""A project on each kind of remote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clones import Clone
from command import Shell
from projects import AzureBucket, Bucket, LocalBucket, Project, S3Bucket
from repositories import GitRepository
from watched_store import WatchedStore

#: Any credentials will do for moto, but some have to be there.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(params=["local", "s3", "azure"])
def make_bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Bucket]:
    """Make versioned remotes of each kind that is supported."""

    def make(name: str) -> Bucket:
        if request.param == "local":
            return LocalBucket(tmp_path / f"store-{name}")
        if request.param == "azure":
            server = request.getfixturevalue("azure")
            monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", server.connection_string)
            return AzureBucket(server, server.make_container())
        moto = request.getfixturevalue("moto")
        return S3Bucket(moto, moto.make_bucket())

    return make


@pytest.fixture
def bucket(make_bucket: Callable[[str], Bucket]) -> Bucket:
    """Give the project's default remote."""
    return make_bucket("up")


@pytest.fixture
def project(bucket: Bucket, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a repository that cvfs itself set up, with one remote."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    made = Project(GitRepository.init(tmp_path / "project"), bucket, shell)
    made.cvfs("init").ok()
    made.connect("up", bucket, default=True)
    made.repository.commit("set up")
    return made


@pytest.fixture
def store() -> WatchedStore:
    """Give the store behind the default remote of ``clone``."""
    return WatchedStore()


@pytest.fixture
def clone(make_repository: Callable[[str], GitRepository], store: WatchedStore) -> Clone:
    """Give a clone with a directory that was never pushed."""
    made = Clone(make_repository("clone"), {"up": store, "two": WatchedStore()})
    made.write({"data/a": b"a", "data/b": b"b", "data/c": b"c"})
    made.track("data", a=b"a", b=b"b", c=b"c")
    return made


@pytest.fixture
def pushed_clone(clone: Clone, store: WatchedStore) -> Clone:
    """Give the same clone after its first push."""
    assert not clone.push().failures
    store.calls()
    return clone
