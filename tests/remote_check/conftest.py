"""A server whose answers the test writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.scripted import ScriptedServer


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """Give a server whose answers the test writes."""
    with ScriptedServer().running() as server:
        yield server
