"""``dvc.lock``, and what ``dvc.yaml`` adds to it."""

from __future__ import annotations

import pytest
from reading import FIXTURES, MD5, OTHER_MD5, lock, sort_records

from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import OutRecord, Recorded, Source
from cvfs.metafiles.stagefile import read_stages
from cvfs.model import Kind

LOCK = f"""\
schema: '2.0'
stages:
  one:
    cmd: echo
    deps:
    - path: dep
      md5: {MD5}
    outs:
    - path: a
      hash: md5
      md5: {MD5}
      size: 3
      cloud:
        up:
          etag: e
          version_id: v
  two@x:
    cmd: echo
    outs:
    - path: d
      hash: md5
      files:
      - relpath: f
        md5: {OTHER_MD5}
        size: 1
        cloud: {{up: {{version_id: w}}}}
datasets:
- name: ds
  files:
  - relpath: no
"""


def test_pipeline_as_dvc_writes_it() -> None:
    stages = read_stages((FIXTURES / "r6/dvc.yaml").read_bytes())
    read = sort_records(read_lock((FIXTURES / "r6/dvc.lock").read_bytes(), stages))
    assert not read.refusals
    assert [(out.path, out.kind, out.source) for out in read.outs] == [
        ("m.json", Kind.FILE, Source.REMOTE),
        ("nocache.txt", Kind.FILE, Source.GIT),
        ("nopush.bin", Kind.FILE, Source.UNPUSHED),
        ("out", Kind.UNLISTED, Source.REMOTE),
        ("w.txt", Kind.FILE, Source.REMOTE),
    ]


def test_pushed_pipeline_with_files_of_a_directory() -> None:
    read = lock(LOCK)
    assert read.outs == [
        OutRecord(0, "a", Kind.FILE, Recorded(MD5, 3, False, "up", "v", "e"), False, Source.REMOTE, None, 9, "one"),
        OutRecord(1, "d", Kind.DIRECTORY, Recorded(), False, Source.REMOTE, None, 20, "two@x"),
    ]
    assert read.file.out == 1
    assert read.file.recorded == Recorded(OTHER_MD5, 1, False, "up", "w", None)
    assert not read.refusals


def test_wdir_and_flags_come_from_dvc_yaml() -> None:
    read = lock(
        LOCK,
        "stages:\n  one: {wdir: ../w, outs: [{./a: {remote: Cold}}]}\n"
        "  two: {foreach: [x], do: {wdir: sub, metrics: [{d: {push: false}}]}}\n",
    )
    assert [(out.path, out.source, out.remote) for out in read.outs] == [
        ("../w/a", Source.REMOTE, "cold"),
        ("sub/d", Source.UNPUSHED, None),
    ]


def test_dvc_ignores_stages_and_outs_that_dvc_yaml_no_longer_has() -> None:
    read = lock(LOCK, "stages:\n  two: {outs: [other]}\n")
    assert (read.outs, read.refusals) == ([], [])


def test_out_of_a_template_keeps_the_flags_of_the_template() -> None:
    read = lock(LOCK, "stages:\n  one: {outs: [{'${x}': {cache: false}}]}\n")
    assert (read.out.path, read.out.source) == ("a", Source.GIT)


def test_out_of_different_templates_is_refused_and_the_others_stay() -> None:
    read = lock(
        LOCK, "stages:\n  one: {outs: [{'${x}': {cache: false}}, '${y}']}\n  two: {foreach: [x], do: {outs: [d]}}"
    )
    assert read.out.path == "d"
    unresolved, refused = read.refusals
    assert "'x', which is not defined" in unresolved.reason
    assert refused.line == 9
    assert "out 'a'" in refused.reason
    assert "templates" in refused.reason


def test_wdir_that_cannot_be_resolved_is_refused_stage_by_stage() -> None:
    read = lock(LOCK, "stages:\n  one: {wdir: '${w}', outs: [a]}\n  two: {foreach: [x], do: {outs: [d]}}")
    assert read.out.path == "d"
    assert read.refusal.line == 9
    assert "stage 'one': its wdir '${w}' cannot be resolved: '${w}' names 'w'" in read.refusal.reason


def test_outs_of_resolved_templates_have_the_flags_of_their_own() -> None:
    read = lock(
        LOCK,
        "vars: [{x: a, w: sub, cold: Cold}]\n"
        "stages:\n  one: {wdir: '${w}', outs: [{'${x}': {cache: false, remote: '${cold}'}}, '${w}/b']}\n"
        "  two: {foreach: {x: {out: d}}, do: {wdir: '../${key}', outs: [{'${item.out}': {push: false}}]}}\n",
    )
    assert not read.refusals
    assert [(out.path, out.source, out.remote) for out in read.outs] == [
        ("sub/a", Source.GIT, "cold"),
        ("../x/d", Source.UNPUSHED, None),
    ]


def test_stage_that_its_foreach_no_longer_makes_is_ignored() -> None:
    read = lock(LOCK, "vars: [{all: [y]}]\nstages:\n  two: {foreach: '${all}', do: {outs: [d]}}\n")
    assert (read.outs, read.refusals) == ([], [])


def test_one_reason_for_many_stages_is_told_once() -> None:
    stages = "".join(f"  s@{number}:\n    cmd: x\n    outs:\n    - path: o{number}\n" for number in range(9))
    read = lock(f"schema: '2.0'\nstages:\n{stages}", "stages:\n  s: {foreach: '${all}', do: {outs: ['${item}']}}\n")
    assert len(read.outs) == 9
    assert "stage 's@0': its templates cannot be resolved: '${all}' names 'all'" in read.refusal.reason
    assert "dvc.lock alone" in read.refusal.reason


def test_lock_of_dvc_1_has_the_stages_at_the_top() -> None:
    read = lock(
        f"prep:\n  cmd: x\n  params:\n    params.yaml:\n      a: 1\n  outs:\n  - path: a\n    md5: {MD5}\n"
        f"gone:\n  cmd: x\n  outs:\n  - path: g\n    md5: {MD5}\n",
        "stages:\n  prep: {cmd: x, wdir: w, outs: [{a: {cache: false}}]}\n",
    )
    assert not read.refusals
    assert (read.out.path, read.out.stage, read.out.source, read.out.legacy) == ("w/a", "prep", Source.GIT, True)


def test_unknown_parts_of_a_lock_of_schema_2_are_no_stages() -> None:
    read = lock("schema: '2.0'\nstages: {}\nmore: {outs: [{path: a}]}\n")
    assert (read.outs, read.refusals) == ([], [])


def test_unreadable_dvc_yaml_counts_as_none() -> None:
    assert lock(LOCK, "stages: [") == lock(LOCK)


def test_external_wdir_of_dvc_yaml() -> None:
    read = lock(LOCK, "stages:\n  one: {wdir: /abs, outs: [a]}\n")
    assert not read.outs
    assert "external" in read.refusal.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("schema: '3.0'\nstages:\n  s: {outs: [{path: a}]}\n", "schema '3.0'"),
        ("schema: '2.0'\nstages: [a]\n", "a mapping is expected"),
        ("schema: [2]\n", "one value is expected"),
        ("one: [a]\n", "stage 'one': a list stands where a mapping is expected"),
        ("", "empty"),
    ],
)
def test_file_that_cannot_be_used(text: str, reason: str) -> None:
    read = lock(text)
    assert not read.outs
    assert reason in read.refusal.reason


def test_lock_with_no_stage_is_fine() -> None:
    assert lock("schema: '2.0'\n") == ([], [], [])


def test_broken_stage_is_refused_and_the_others_stay() -> None:
    read = lock(
        "schema: '2.0'\nstages:\n  bad: text\n  worse: {outs: 1}\n  twice: {outs: [], outs: []}\n"
        "  alias: *x\n  half:\n    outs:\n    - {path: a}\n    - {md5: 1}\n    - {path: b}\n"
        "  good: {outs: [{path: c}]}\n"
    )
    assert [out.path for out in read.outs] == ["a", "b", "c"]
    assert [refusal.line for refusal in read.refusals] == [3, 4, 5, 6, 10]
    assert "stage 'worse'" in read.refusals[1].reason
    assert len({out.out for out in read.outs}) == 3


def test_files_of_a_refused_out_never_get_into_the_next_one() -> None:
    read = lock(
        "schema: '2.0'\nstages:\n  s:\n    outs:\n    - files: [{relpath: lost}]\n      path: /external\n"
        "    - path: x\n      files: [{relpath: kept}]\n      size: 1\n      size: 2\n"
        "    - {path: good, files: [{relpath: fine}]}\n"
    )
    assert [file.relpath for file in read.files if file.out == read.out.out] == ["fine"]


def test_what_was_complete_before_the_text_breaks_stays() -> None:
    read = lock(LOCK.replace("datasets:", "<<<<<<< ours\ndatasets:"))
    assert read.outs[0].path == "a"
    assert (read.refusal.line, "merge conflict (<<<<<<<) in line 27" in read.refusal.reason) == (27, True)


def test_out_that_the_text_breaks_off_has_no_record() -> None:
    read = lock(LOCK[: LOCK.index("        cloud: {up")] + "        md5: [")
    assert [out.path for out in read.outs] == ["a"]
    assert "not valid YAML" in read.refusals[-1].reason
