"""Sizes as people write them."""

from __future__ import annotations

import pytest

from cvfs.cache.limits import Limits, Size, parse_size
from cvfs.errors import CacheError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("1K", 1024),
        ("1k", 1024),
        ("3M", 3 * 1024**2),
        ("20G", 20 * 1024**3),
        ("20GB", 20 * 1024**3),
        ("20GiB", 20 * 1024**3),
        ("20 gib", 20 * 1024**3),
        ("1.5T", 1024**4 * 3 // 2),
        (" 7P ", 7 * 1024**5),
    ],
)
def test_bytes(text, number):
    assert parse_size(text) == Size(number)
    assert parse_size(text).of(1) == number


@pytest.mark.parametrize(("text", "of_1000"), [("80%", 800), ("0%", 0), ("100 %", 1000), ("2.5%", 25)])
def test_shares_of_the_volume(text, of_1000):
    assert parse_size(text).of(1000) == of_1000


@pytest.mark.parametrize("text", ["", "G", "-1", "10X", "10 G B", "1e9", "101%", "10%G", "1,5G", "١G", "0x10", "10Gi%"])
def test_what_is_no_size_is_refused_by_name(text):
    with pytest.raises(CacheError) as caught:
        parse_size(text)
    assert repr(text).strip("'") in caught.value.message
    assert caught.value.hint


def test_a_twentieth_of_the_volume_is_left_free_by_default():
    assert Limits().max_size is None
    assert Limits().min_free.of(1000) == 50


def test_sizes_are_shown_as_they_are_meant():
    assert str(parse_size("80%")) == "80%"
    assert str(parse_size("2K")) == "2048 bytes"
