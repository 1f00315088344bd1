"""What the tests of metafiles share: settings of the property tests, and both parsers."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import settings

from cvfs.metafiles import events

# A busy machine makes single examples slow; how long a test may take as a whole is bounded elsewhere.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(params=["CBaseLoader", "BaseLoader"])
def each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with the parser in C, and with the one that is used where PyYAML was built without it."""
    monkeypatch.setattr(events, "PARSER", getattr(yaml, request.param))
