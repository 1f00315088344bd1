"""DVC's hashes, against a plain account of how DVC 2 and DVC 3 compute them."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.fetch.hashing import Md5, TextMd5, hash_for, is_text, recorded_hash
from cvfs.model import Content

MIB = 1024 * 1024


def md5(data):
    return hashlib.md5(data).hexdigest()


def pieces(data):
    return [data[at : at + MIB] for at in range(0, len(data), MIB)]


def as_dvc_2(data):
    """dvc/utils: one decision for the file, by its first 512 bytes."""
    if not is_text(data[:512]):
        return md5(data)
    return md5(b"".join(piece.replace(b"\r\n", b"\n") for piece in pieces(data)))


def as_dvc_3(data):
    """dvc_data/hashfile/hash.py: a decision for each mebibyte."""
    return md5(b"".join(p.replace(b"\r\n", b"\n") if is_text(p[:512]) else p for p in pieces(data)))


def fed(data, step):
    found = TextMd5()
    for at in range(0, len(data), step):
        found.update(data[at : at + step])
    return found


TEXT = b"a line\r\n" * 1000
BINARY = b"\0\r\n" * 1000
LONG_TEXT = b"0123456\r\n" * (2 * MIB // 9)
MIXED = (b"text\r\n" * MIB)[:MIB] + (b"\0\r\n" * MIB)[:MIB] + b"end\r\n"
MIXED_REVERSED = (b"\0\r\n" * MIB)[:MIB] + (b"text\r\n" * MIB)[:MIB]


@pytest.mark.parametrize("data", [b"", b"\r\n", TEXT, BINARY, LONG_TEXT, MIXED, MIXED_REVERSED, b"\r" * (MIB + 1)])
@pytest.mark.parametrize("step", [1000, 256 * 1024, MIB, 5 * MIB])
def test_both_of_dvcs_ways_are_accepted(data, step):
    for value in {as_dvc_2(data), as_dvc_3(data)}:
        assert fed(data, step).matches(value)
    assert not fed(data, step).matches("0" * 32)


def test_the_two_ways_differ_where_text_and_binary_mix():
    assert as_dvc_2(MIXED) != as_dvc_3(MIXED)
    assert as_dvc_2(MIXED_REVERSED) != as_dvc_3(MIXED_REVERSED)


def test_line_ends_that_a_piece_cuts_stay():
    data = b"x" * (MIB - 1) + b"\r\n"
    assert as_dvc_3(data) == md5(data)
    assert fed(data, 1000).matches(md5(data))


@given(st.binary(max_size=2000), st.integers(1, 300))
def test_small_contents_in_any_pieces(data, step):
    assert fed(data, step).matches(as_dvc_3(data))


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (b"", True),
        (b"plain\t\f\b\r\n", True),
        (b"a\0b", False),
        (b"\x80" * 30 + b"a" * 70, True),
        (b"\x80" * 31 + b"a" * 69, False),
        ("ünïcödé".encode(), False),
        (b"\x1b[0m ansi colours", True),
    ],
)
def test_what_dvc_takes_for_text(sample, text):
    assert is_text(sample) is text


def test_md5_of_bytes_in_pieces():
    data = random.Random(1).randbytes(100_000)
    found = Md5()
    for at in range(0, len(data), 777):
        found.update(memoryview(data)[at : at + 777])
    assert found.matches(md5(data))
    assert not found.matches(md5(data).upper())
    assert str(found) == f"md5 {md5(data)}"


def test_the_message_names_the_kind():
    assert str(fed(TEXT, 100)) == f"md5-dos2unix {as_dvc_3(TEXT)}"


def test_the_hash_fits_the_record():
    assert isinstance(hash_for(Content(1, "a" * 32, None, None)), Md5)
    assert isinstance(hash_for(Content(1, None, "a" * 32, None)), TextMd5)
    assert hash_for(Content(1, None, None, None)) is None
    assert recorded_hash(Content(1, None, "b" * 32, None)) == "b" * 32
