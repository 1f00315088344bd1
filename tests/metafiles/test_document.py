"""Hand-written YAML: anchors and merge keys work, and no text makes them cost more than it has room for."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cvfs.metafiles import document
from cvfs.metafiles.document import Block, load_document
from cvfs.metafiles.events import DocumentError

texts = st.text("ab:#'\"\\ \n\tyéx{}[]&*!|>%@`-?,~0", max_size=6)
values = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(texts, values, max_size=4))
def test_reads_what_was_dumped(content: dict[str, object]) -> None:
    # Each value stands twice, the second time as an alias where the dumper makes one.
    data = yaml.safe_dump({"first": content, "again": [content]}, allow_unicode=True, sort_keys=False).encode()
    assert load_document(data) == {"first": content, "again": [content]}


def test_null_is_none_and_scalars_stay_text() -> None:
    assert load_document(b"{a: , b: ~, c: '', d: yes, e: 12:30:45, f: 'null', g: 1e3}") == {
        "a": None,
        "b": None,
        "c": "",
        "d": "yes",
        "e": "12:30:45",
        "f": "null",
        "g": "1e3",
    }


def test_blocks_know_their_line() -> None:
    block = load_document(b"# top\na:\n  b: 1\n")
    assert isinstance(block["a"], Block)
    assert (block.line, block["a"].line) == (2, 3)


def test_merge_keys() -> None:
    text = b"""
base: &base {a: 1, b: 1}
more: &more {b: 2, c: 2}
one: {<<: *base, b: own}
list: {<<: [*more, *base]}
below: {b: own, <<: [*base, *more]}
quoted: {'<<': plain}
"""
    block = load_document(text)
    assert block["one"] == {"a": "1", "b": "own"}
    assert block["list"] == {"a": "1", "b": "2", "c": "2"}
    assert block["below"] == {"a": "1", "b": "own", "c": "2"}
    assert block["quoted"] == {"<<": "plain"}


def test_an_anchor_can_be_set_again() -> None:
    assert load_document(b"{a: &x 1, b: *x, c: &x 2, d: *x}") == {"a": "1", "b": "1", "c": "2", "d": "2"}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "empty"),
        ("[a]", 1, "not a mapping"),
        ("a: 1\na: 2", 2, "'a' comes twice"),
        ("x:\n  a: {b: 1, b: 2}", 2, "'b' comes twice"),
        ("a: *b", 1, "no anchor"),
        ("a: &a [*a]", 1, "inside what it names"),
        ("a: &a {b: {c: *a}}", 1, "inside what it names"),
        ("a: &a {<<: *a}", 1, "inside what it names"),
        ("a:\n  <<: text", 2, "takes a mapping"),
        ("a:\n  <<: [{b: 1}, text]", 2, "takes a mapping"),
        ("{[a]: b}", 1, "single value"),
        ("*a : b", 1, "single value"),
        ("a: !!binary aGk=", 1, "tag"),
        ("a: 1\n---\nb: 2", 2, "second YAML document"),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n", 2, "conflict"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: " + "[" * 1000, 1, "nested"),
        ("a: " + "{b: " * 1000, 1, "nested"),
    ],
)
def test_errors_name_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        load_document(text.encode())
    assert caught.value.refusal.line == line


def test_bomb_of_aliases_is_as_small_as_its_text() -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    loaded = load_document(text.encode())
    assert loaded["a59"][0] is loaded["a59"][1]


def test_bomb_of_merge_keys_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 10_000)
    base = "base: &base {" + ", ".join(f"k{n}: v" for n in range(100)) + "}\n"
    fits = base + "x: {<<: [" + ", ".join(["*base"] * 50) + "]}\n"
    assert len(load_document(fits.encode())["x"]) == 100
    bomb = base + "x: {<<: [" + ", ".join(["*base"] * 200) + "]}\n"
    with pytest.raises(DocumentError, match="more than"):
        load_document(bomb.encode())
