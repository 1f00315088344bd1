"""Azurite, Microsoft's own emulator, on a free port of loopback: a pytest plugin with the fixture ``azurite``.

It keeps no versions. ``make test`` installs it (``.ci/azurite``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.process import running

_PROGRAMS = Path(__file__).parents[2] / ".azurite/node_modules/.bin"
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the connection string of an account in Azurite."""
    if not _PROGRAMS.exists():
        pytest.fail("Azurite is missing: run `make ready-to-test`, or `.ci/azurite .azurite`", pytrace=False)
    command = [_PROGRAMS / "node", _PROGRAMS / "azurite-blob", "--blobPort", "0", "--inMemoryPersistence"]
    # It may be older than the SDK, which sends the newest version of the API that it knows.
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    directory = tmp_path_factory.mktemp("azurite")
    with running([str(part) for part in command], r"listens on (http://127\.0\.0\.1:\d+)", directory) as (url, _):
        yield f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={url}/{_ACCOUNT};"
