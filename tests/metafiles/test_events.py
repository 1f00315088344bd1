"""Text that is no metafile: broken, hostile, or both. It costs little, and gives a refusal with line and reason."""

from __future__ import annotations

import tracemalloc

import pytest
import yaml
from reading import MD5, directory, dvc

from cvfs.metafiles import events
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.records import FileRecord

pytestmark = pytest.mark.usefixtures("each_parser")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~", "\ufeff"])
def test_empty_file(text: str) -> None:
    assert dvc(text).refusal.reason == "the file is empty"


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"outs:\n- path: a\n  meta: [\n", 4, "not valid YAML"),
        (b"outs:\n- path: a\n  b: c: d\n", 3, "mapping values are not allowed"),
        (b"outs:\n\t- path: a\n", 2, "cannot start any token"),
        (b"outs:\n- path: \xff\n", 2, "not valid YAML"),
        (b"outs:\n- path: a\n- path: b\0\n", 3, "not valid YAML"),
        (b"outs:\n- path: 'a\n", 3, "not valid YAML"),
        (b"- path: a\n", 1, "not a mapping"),
        (b"just text\n", 1, "not a mapping"),
        (b"outs:\n- path: a\n---\nouts:\n- path: b\n", 3, "second YAML document"),
        (b"outs:\n- path: a\n...\n---\n", 4, "second YAML document"),
        (b"%YAML 3.0\n---\nouts: []\n", None, "not valid YAML"),
        (b"a: !<tag:x> b\nouts: @x\n", 2, "not valid YAML"),
    ],
)
def test_broken_text_is_one_refusal_with_its_line(data: bytes, line: int | None, reason: str) -> None:
    read = dvc(data)
    assert not read.outs
    assert reason in read.refusal.reason
    if line is not None and events.PARSER is yaml.CBaseLoader:
        assert abs((read.refusal.line or 0) - line) <= 1


CONFLICT = """\
outs:
- hash: md5
  path: data
  files:
  - relpath: a
<<<<<<< HEAD
    size: 1
=======
    size: 2
>>>>>>> theirs
"""


@pytest.mark.parametrize("text", [CONFLICT, "<<<<<<< HEAD\n" + CONFLICT, CONFLICT.replace("\n", "\r\n")])
def test_conflict_markers_are_called_that(text: str) -> None:
    read = dvc(text)
    assert not read.outs
    assert read.refusal.line == text[: text.index("<<<<<<<")].count("\n") + 1
    assert "conflict" in read.refusal.reason


def test_byte_order_mark_and_crlf_are_fine() -> None:
    text = directory(f"- relpath: a\n  md5: {MD5}\n  size: 1")
    expected = dvc(text)
    assert dvc(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == expected
    assert expected.file.recorded.md5 == MD5


@pytest.mark.parametrize(
    "text",
    [
        "outs:\n- path: a\n  meta: " + "[" * 200_000,
        "outs:\n- path: a\n  meta: " + "{a: " * 200_000,
        "outs:\n- path: a\n  files: " + "[" * 5_000 + "]" * 5_000,
        "meta:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 1500)),
        "[" * 5_000,
        "? " * 5_000,
    ],
)
def test_depth_has_a_bound(text: str) -> None:
    read = dvc(text)
    assert not read.outs
    assert any(reason in read.reasons for reason in ("nested more than", "not a mapping", "stands where"))


def test_bomb_of_aliases_stays_small() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert dvc(bomb + "outs:\n- path: a\n  meta: *a59").out.path == "a"
    assert "alias" in dvc(bomb + "outs: *a59").refusal.reason


def test_memory_does_not_grow_with_the_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PARSER", yaml.CBaseLoader)

    def peak(count: int) -> int:
        items = "\n".join(
            f"- relpath: dir/{n}\n  md5: {n:032x}\n  cloud: {{up: {{version_id: v{n}}}}}" for n in range(count)
        )
        data = directory(items).encode()
        tracemalloc.start()
        files = sum(isinstance(record, FileRecord) for record in read_dvc(data))
        peaked = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert files == count
        return peaked

    peak(10)
    assert peak(3000) < peak(300) + 50_000
