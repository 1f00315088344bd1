"""A project on each kind of remote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Shell
from projects import Bucket, LocalBucket, Project, S3Bucket
from repositories import GitRepository

#: Any credentials will do for moto, but some have to be there.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(params=["local", "s3"])
def make_bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Bucket]:
    """Make versioned remotes of each kind that is supported."""

    def make(name: str) -> Bucket:
        if request.param == "local":
            return LocalBucket(tmp_path / f"store-{name}")
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
