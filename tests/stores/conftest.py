"""The stores that the contract suite runs on, and the servers behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import azure_harness
import pytest
from azure_harness import AzureHarness, served_azure
from gcs_harness import GcsHarness
from harness import HARNESSES, Harness, LocalHarness, MemoryHarness, S3Harness, external_server
from servers.azure import AzureServer
from servers.gcs import Gcs, gcs, gcs_server  # noqa: F401 (fixtures)
from servers.moto import GuardedMoto, guarded_moto, moto  # noqa: F401 (fixtures)
from servers.scripted import ScriptedServer


@pytest.fixture(params=HARNESSES)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Give one kind of store, and the means to do to it what others than cvfs do."""
    if request.param == "memory":
        return MemoryHarness()
    if request.param == "local":
        return LocalHarness(tmp_path / "store")
    if request.param == "s3-external":
        return S3Harness(external_server(tmp_path), outsider=None)
    if request.param == "azure":
        server: AzureServer = request.getfixturevalue("azure")
        return served_azure(server)
    if request.param == "azure-external":
        return AzureHarness(str(azure_harness.EXTERNAL))
    if request.param == "gcs-external":
        return GcsHarness(None)
    if request.param == "gcs":
        google: Gcs = request.getfixturevalue("gcs")
        return GcsHarness(google)
    guarded: GuardedMoto = request.getfixturevalue("guarded_moto")
    return S3Harness(guarded.server, guarded.outsider)


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """Give a server whose answers the test writes."""
    with ScriptedServer().running() as server:
        yield server
