"""The dataset that is pulled."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulled import Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.make(tmp_path)
