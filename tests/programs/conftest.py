"""A dataset for ordinary programs, and a mount of the commit that recorded it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import publishing
import pytest
from accounts import Account
from command import Shell
from mounted_dataset import Dataset, Mount, write_dataset
from repositories import GitRepository

from cvfs.stores.local import LocalStore


@pytest.fixture(scope="session")
def dataset(account: Account) -> Dataset:
    """Publish a dataset, then publish changed files over it, so that only the recorded versions hold the old bytes."""
    plain = account.directory / "plain"
    plain.mkdir()
    write_dataset(plain)
    repository = GitRepository.init(account.directory / "repository")
    store = LocalStore(str(account.directory / "store"))
    publishing.configure(repository.path, str(account.directory / "store"))
    shutil.copytree(plain / "data", repository.path / "data")
    publishing.publish(repository.path, "data", store)
    commit = repository.commit("Version one")
    committed = int(repository.git("show", "-s", "--format=%ct"))
    for file in (repository.path / "data").rglob("*"):
        if file.is_file():
            file.write_bytes(b"changed\n")
    publishing.publish(repository.path, "data", store)
    repository.commit("Version two")
    shutil.rmtree(repository.path / "data")
    account.own(account.directory)
    return Dataset(repository, commit, committed, plain)


@pytest.fixture(scope="module")
def mount(account: Account, dataset: Dataset, request: pytest.FixtureRequest) -> Iterator[Mount]:
    """Mount the dataset's commit with an empty cache."""
    shell = Shell(account)
    scratch = account.directory / request.module.__name__
    scratch.mkdir()
    account.own(scratch)
    options = ("--repo", dataset.repository.path, "--cache-dir", scratch / "cache")
    with shell.mounted(dataset.commit, scratch / "mount", *options) as top:
        yield Mount(top, dataset, shell, scratch)
