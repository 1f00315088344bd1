"""Scalars as DVC writes them (tests/interop compares with DVC itself), and that they read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.metafiles.document import load_document
from cvfs.metafiles.dvc_scalars import dvc_pair

PLAIN = [
    "plain",
    "a b",
    "ü",
    "a#b",
    "a:b",
    "-x",
    "--",
    "yes",
    "12:30:45",
    "it's",
    'a"b',
    "a[b]",
    "?a",
    ":a",
    "😀",
    "a\\b",
]
SINGLE = [
    "#hash",
    "a #b",
    "a: b",
    "- x",
    "-",
    "1e3",
    "017",
    "0x1f",
    "~",
    "null",
    "true",
    "2020-01-01",
    "%a",
    "@a",
    " a",
    "...",
]
DOUBLE = ["'a", "a\tb", "a\nb", "x\x7f", "\ufeffx", "a: 'b'"]


@pytest.mark.parametrize("text", PLAIN)
def test_what_nobody_mistakes_stands_plain(text):
    assert dvc_pair("path", text, 2) == [f"  path: {text}"]


@pytest.mark.parametrize("text", SINGLE)
def test_what_would_be_something_else_is_quoted(text):
    assert dvc_pair("path", text, 2) == [f"  path: '{text}'"]


@pytest.mark.parametrize("text", DOUBLE)
def test_what_needs_escapes_is_in_double_quotes(text):
    (line,) = dvc_pair("path", text, 2)
    assert line.startswith('  path: "')
    assert "\n" not in line


def test_long_text_is_folded_between_words():
    assert dvc_pair("path", "x" * 73, 2) == ["  path: ", "    " + "x" * 73]
    lines = dvc_pair("path", "word " * 20 + "end", 2)
    assert [len(line) for line in lines] == [78, 37]
    assert lines[0].endswith("word ")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120))
def test_every_text_reads_back(text):
    written = "\n".join(["outs:", "- hash: md5", *dvc_pair("path", text, 2), ""])
    (out,) = load_document(written.encode())["outs"]
    assert out["path"] == text
