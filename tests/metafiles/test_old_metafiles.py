"""Metafiles of every age, and as editors, mergers and other systems leave them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import FIXTURES, MD5, OTHER_MD5, dvc, lock, sort_records

from cvfs.errors import MetafileError
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.importfile import read_import
from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import Source
from cvfs.metafiles.stagefile import read_stages, wanted_files
from cvfs.model import Kind

#: What ``dvc run -m`` of DVC 0.x wrote: DVC 3 refuses ``cmd``, ``metric`` and ``locked``.
DVC_0 = f"""\
cmd: python train.py
deps:
- md5: {OTHER_MD5}
  path: train.py
md5: {OTHER_MD5}
locked: true
outs:
- cache: true
  md5: {MD5}.dir
  metric: false
  path: model
  persist: false
- cache: false
  md5: {MD5.upper()}
  metric:
    type: json
    xpath: AUC
  path: auc.json
  plot: true
wdir: ../work
"""


def test_stage_file_of_dvc_0() -> None:
    read = dvc(DVC_0)
    assert not read.refusals
    assert [(out.path, out.kind, out.source, out.legacy) for out in read.outs] == [
        ("../work/model", Kind.UNLISTED, Source.REMOTE, True),
        ("../work/auc.json", Kind.FILE, Source.GIT, True),
    ]
    assert read.outs[1].recorded.md5 == MD5


def test_versions_of_dvc_2_beside_those_of_dvc_3() -> None:
    read = dvc(
        f"outs:\n- md5: {MD5}.dir\n  size: 3\n  nfiles: 2\n  path: data\n  files:\n"
        f"  - size: 1\n    version_id: old\n    etag: e\n    md5: {MD5}\n    relpath: a\n"
        f"  - relpath: b\n    md5: {OTHER_MD5}\n    size: 2\n    cloud: {{Up: {{etag: f, version_id: new}}}}\n"
        "- {path: one, md5: ab, version_id: '1715320123478160'}\n"
    )
    versions = [(file.relpath, file.recorded.remote, file.recorded.version_id) for file in read.files]
    assert versions == [("a", None, "old"), ("b", "up", "new")]
    assert "'one'" in read.reasons, "two digits are no md5"


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
@pytest.mark.usefixtures("each_parser")
def test_byte_order_mark_and_line_ends_of_other_systems(change) -> None:
    assert dvc(change(DVC_0)) == dvc(DVC_0)
    text = f"schema: '2.0'\nstages:\n  s:\n    outs:\n    - path: a\n      md5: {MD5}\n"
    stages = "vars: [{x: a}]\nstages:\n  s:\n    cmd: x\n    outs: ['${x}']\n"
    assert lock(change(text), change(stages)) == lock(text, stages)


@pytest.mark.usefixtures("each_parser")
def test_tabs_as_indentation() -> None:
    broken = dvc(f"outs:\n-\tpath: a\n\t\tmd5: {MD5}\n")
    assert not broken.outs
    assert "not valid YAML" in broken.refusal.reason


CONFLICT = "<<<<<<< HEAD\n- path: a\n||||||| base\n=======\n- path: b\n>>>>>>> theirs\n"


@pytest.mark.usefixtures("each_parser")
def test_conflicts_are_named_with_their_lines() -> None:
    read = dvc(f"outs:\n{CONFLICT}- path: c\n{CONFLICT * 3}")
    assert not read.outs
    assert read.refusal.line == 2
    assert read.refusal.reason == (
        "merge conflict (<<<<<<<) in lines 2-7, 9-14, 15-20 and 1 more: resolve it and commit the file again"
    )
    (problem,) = read_stages(f"stages:\n  a: {{cmd: x}}\n{CONFLICT}".encode()).problems
    assert (problem.line, "in lines 3-8:" in problem.reason) == (3, True)
    in_lock = lock(f"schema: '2.0'\nstages:\n  s:\n    outs:\n    - path: kept\n    - path: lost\n{CONFLICT}")
    assert (in_lock.out.path, "in lines 7-12:" in in_lock.refusal.reason) == ("kept", True)


def test_a_conflict_whose_end_is_gone() -> None:
    assert "in line 2:" in dvc("outs:\n<<<<<<< HEAD\n- path: a\n").refusal.reason


SAMPLES = [path.read_bytes() for path in sorted(Path(FIXTURES).rglob("*")) if path.suffix in (".dvc", ".lock", ".yaml")]
TEMPLATED = b"""\
vars: [p.json, {a: [1, {b: c}], d: {e: f}}]
stages:
  s: {wdir: '${d.e}', vars: [own.yaml], cmd: x, outs: ['${a[1].b}', {'${d.e}': {cache: false, remote: '${r}'}}]}
  e: {foreach: '${d}', do: {outs: ['${item}-${key}']}}
  m: {matrix: {x: '${a}', y: [0.1, yes]}, outs: ['${item.y}', '${key}']}
"""
LOCKED = b"schema: '2.0'\nstages:\n" + b"".join(
    b"  %s:\n    outs:\n    - {path: x, md5: %s}\n" % (name, MD5.encode())
    for name in (b"s", b"e@e", b"m@1-0.1", b"m@x1-yes")
)
PIECES = [
    b"",
    b"\0",
    b"\xff",
    b"\n",
    b"- ",
    b": ",
    b"${",
    b"}",
    b"[",
    b"{",
    b"*a",
    b"&a ",
    b"<<: ",
    b"\t",
    b"'",
    b"<<<<<<< x\n",
]


@st.composite
def mutated(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """Take a real metafile and cut, double, swap or insert pieces of it."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        end = min(end, start + 200)
        piece = draw(st.sampled_from([*PIECES, data[start:end], data[start:end] * 2, b"1" * 30]))
        data = data[:start] + piece + data[end:]
    return data


@settings(max_examples=300)
@given(mutated(SAMPLES), mutated([TEMPLATED, *SAMPLES]))
def test_mutated_metafiles_give_records_or_refusals(data: bytes, stages: bytes) -> None:
    for records in (read_dvc(data), read_lock(data, None), read_lock(data, read_stages(stages))):
        read = sort_records(records)
        assert all(refusal.reason for refusal in read.refusals)
    with suppress(MetafileError):
        read_import(data)


@settings(max_examples=300)
@given(
    mutated([TEMPLATED]),
    mutated([LOCKED]),
    st.sampled_from(["p.json", "params.yaml", "own.yaml", "f/own.yaml"]),
    mutated([b'{"r": "up", "x": [1, 2.5, null]}', b"r: up\nx: &x [1, *x]\n", TEMPLATED]),
)
def test_mutated_templates_give_records_or_refusals(stages: bytes, locked: bytes, name: str, variables: bytes) -> None:
    files = {name: variables}
    assert all(isinstance(wanted, str) for wanted in wanted_files(stages, files.get))
    read = sort_records(read_lock(locked, read_stages(stages, files.get)))
    assert all(refusal.reason for refusal in read.refusals)


def test_the_samples_themselves_are_read() -> None:
    read = sort_records(read_lock(LOCKED, read_stages(TEMPLATED, {"p.json": b'{"r": "up"}', "f/own.yaml": b""}.get)))
    assert not read.refusals
    assert len(SAMPLES) > 10
