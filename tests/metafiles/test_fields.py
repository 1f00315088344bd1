"""The scalars of an entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.metafiles.fields import CLOUD_NAME, boolean, integer, lower, recorded_of
from cvfs.metafiles.records import Recorded


@given(st.integers(0, 10**18 - 1))
def test_every_size_that_fits_is_read(size: int) -> None:
    assert integer("size", str(size)) == size


@given(st.text())
def test_no_text_makes_an_integer_that_is_negative_or_too_large(text: str) -> None:
    try:
        size = integer("size", text)
    except ValueError:
        return
    assert size is not None
    assert 0 <= size < 2**63


def test_booleans_are_those_of_yaml_1_2() -> None:
    assert [boolean("push", text, default=False) for text in ("true", "True", "TRUE", None)] == [
        True,
        True,
        True,
        False,
    ]
    assert [boolean("push", text, default=True) for text in ("false", "False", "FALSE", None)] == [False] * 3 + [True]
    for text in ("yes", "no", "on", "1", "tRUE", ""):
        with pytest.raises(ValueError, match="push"):
            boolean("push", text, default=True)


def test_lower() -> None:
    assert [lower(text) for text in ("AbC", "", None)] == ["abc", None, None]


def test_nothing_recorded() -> None:
    assert recorded_of({}) == Recorded()
    assert recorded_of({"md5": None, "size": None, "version_id": "", "etag": "", "isexec": None}) == Recorded()


def test_all_recorded() -> None:
    fields = {
        "md5": "AB" * 16 + ".dir",
        "size": "7",
        "isexec": "true",
        "version_id": "V",
        "etag": '"E"',
        CLOUD_NAME: "up",
    }
    assert recorded_of(fields) == Recorded("ab" * 16 + ".dir", 7, True, "up", "V", '"E"')
