"""Names from metafiles that may, and that must not, become names in a mount."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.metafiles.names import NAME_MAX, check_relpath


@pytest.mark.parametrize(
    "path",
    ["a", "a/b/c", "...", "..a", "a..", ".hidden/..x", "back\\slash", "new\nline", "#?%+&=[]* ", "yes", "é", "é" * 127],
)
def test_accepted_as_they_are(path: str) -> None:
    assert check_relpath(path) == path.split("/")


def test_bytes_that_are_no_utf_8_count_as_bytes() -> None:
    name = b"\xff" * NAME_MAX
    assert check_relpath(name.decode("utf-8", "surrogateescape")) == [name.decode("utf-8", "surrogateescape")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/", "absolute"),
        ("/etc/passwd", "absolute"),
        ("//x", "absolute"),
        ("..", "'..'"),
        ("../evil", "'..'"),
        ("a/../../b", "'..'"),
        ("a/..", "'..'"),
        (".", "'.'"),
        ("a/./b", "'.'"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("a\0b", "NUL"),
        ("a" * (NAME_MAX + 1), "longer"),
        ("é" * 128, "longer"),
        ("\ud800", "surrogate"),
        ("a/\udbff/b", "surrogate"),
    ],
)
def test_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_relpath(path)


@given(st.text(st.sampled_from("./\0\\a\ud800\udcff"), max_size=8))
def test_what_is_accepted_can_neither_leave_nor_vanish(path: str) -> None:
    try:
        components = check_relpath(path)
    except ValueError:
        return
    assert "/".join(components) == path
    for component in components:
        encoded = component.encode("utf-8", "surrogateescape")
        assert encoded not in (b"", b".", b"..")
        assert b"/" not in encoded
        assert b"\0" not in encoded
