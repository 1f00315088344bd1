"""The scenes of ``scenes.py``, each played once per run, and fresh clones to look at them from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dvc_repository import DvcRepository
from repositories import GitRepository
from scenes import SCENES, Bucket
from servers.gcs import gcs, gcs_server  # noqa: F401 (fixtures)
from servers.moto import Moto


@pytest.fixture(scope="session")
def play(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], DvcRepository]:
    """Play a scene when it is asked for first, and return its repository then and ever after."""
    played: dict[str, DvcRepository] = {}

    def once(name: str) -> DvcRepository:
        if name not in played:
            played[name] = SCENES[name](tmp_path_factory.mktemp(name) / "repository", Bucket(moto))
        return played[name]

    return once


@pytest.fixture
def fresh_clone(tmp_path: Path) -> Callable[[GitRepository], GitRepository]:
    """Clone a repository the way a colleague would: no data, no DVC cache."""
    return lambda repository: repository.clone(tmp_path / "clone")
