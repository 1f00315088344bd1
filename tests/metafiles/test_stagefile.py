"""``dvc.yaml``: where a stage's outs lie and what becomes of them."""

from __future__ import annotations

import pytest
from reading import FIXTURES

from cvfs.metafiles.stagefile import Stage, StageFile, StageOut, read_stages


def stages(text: str) -> StageFile:
    return read_stages(text.encode())


def stage(text: str) -> Stage:
    """Read one stage, given as a flow mapping's inside."""
    read = stages(f"stages:\n  s: {{cmd: x, {text}}}\n")
    assert not read.problems
    return read.stages["s"]


def test_pipeline_as_it_is_written() -> None:
    read = read_stages((FIXTURES / "r6/dvc.yaml").read_bytes())
    assert read.readable
    assert not read.problems
    assert read.stages["prep"].outs == {
        "out": StageOut(),
        "w.txt": StageOut(),
        "nocache.txt": StageOut(cache=False),
        "nopush.bin": StageOut(push=False),
        "m.json": StageOut(),
    }


def test_outs_metrics_and_plots_are_all_outs() -> None:
    found = stage(
        "outs: [a, {b: {cache: false, remote: Up, persist: true, type: model}}], metrics: [{c: {cache: false}}], "
        "plots: [d, {e: {x: loss, push: false}}, {f: [{x: a}, {x: b}]}, {g: }]"
    )
    assert found.outs == {
        "a": StageOut(),
        "b": StageOut(cache=False, remote="up"),
        "c": StageOut(cache=False),
        "d": StageOut(),
        "e": StageOut(push=False),
        "f": StageOut(),
        "g": StageOut(),
    }


def test_paths_are_compared_normalised() -> None:
    found = stage("wdir: sub, outs: [./a/, {b//c: {push: false}}]")
    assert found.wdir == "sub"
    assert found.out("a") == StageOut()
    assert found.out("b/c") == StageOut(push=False)
    assert found.out("c") is None


def test_item_of_foreach_and_matrix_is_the_stage_that_it_comes_from() -> None:
    read = stages(
        "stages:\n  each:\n    foreach: [a, b, bob@example.org]\n    do: {cmd: x, wdir: in, outs: ['${item}']}\n"
        "  grid: {matrix: {m: [1]}, cmd: x, outs: [o]}\n  each@special: {cmd: x, outs: [own]}\n"
    )
    assert read.stage("each@a") == Stage("in", {"a": StageOut()})
    assert read.stage("each@bob@example.org") == Stage("in", {"bob@example.org": StageOut()})
    assert read.stage("each@special") is read.stages["each@special"]
    assert read.stage("grid@1") is read.stages["grid"]
    assert read.stage("each@c") is None, "the list has no such item"
    assert read.stage("each") is None, "it stands for others only"
    assert read.stage("each@special@x") is None, "it stands for itself only"
    assert read.stages["each"].wdir == "in"
    assert read.stage("other@a") is None
    assert read.stage("other") is None
    assert read.stage("@a") is None


def test_out_of_a_template_has_the_flags_that_all_templates_share() -> None:
    found = stage("outs: [plain, {'${a}/x': {cache: false}}, {'data/${b}': {cache: false}}]")
    assert found.out("plain") == StageOut()
    assert found.out("data/1") == StageOut(cache=False)


def test_out_of_one_of_several_different_templates_is_not_guessed() -> None:
    found = stage("outs: [{'${a}': {cache: false}}, '${b}', plain]")
    assert found.out("plain") == StageOut()
    with pytest.raises(ValueError, match="templates"):
        found.out("x")


def test_template_in_wdir() -> None:
    assert stage("wdir: '${dir}'").has_templated_wdir
    assert not stage("wdir: $dir").has_templated_wdir


def test_anchors_and_merge_keys() -> None:
    read = stages(
        "x: &base\n  cmd: x\n  wdir: sub\n  outs: [a]\n"
        "stages:\n  one:\n    <<: *base\n  two:\n    <<: *base\n    outs: [b]\n"
    )
    assert read.stages["one"] == Stage("sub", {"a": StageOut()})
    assert read.stages["two"] == Stage("sub", {"b": StageOut()})


@pytest.mark.parametrize("text", ["artifacts: {m: {path: x}}", "stages:", "stages: {}", "vars: [a]"])
def test_file_without_stages(text: str) -> None:
    read = stages(text)
    assert (read.stages, read.problems, read.readable) == ({}, (), True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("text", "not a mapping"),
        ("[a]", "not a mapping"),
        ("{do: text}", "'do' is not a mapping"),
        ("{outs: a}", "'outs' is not a list"),
        ("{live: a}", "'live' is not a list"),
        ("{wdir: [x]}", "'wdir' is not a single value"),
    ],
)
def test_broken_stage_is_a_problem_and_the_others_stay(text: str, reason: str) -> None:
    read = stages(f"stages:\n  bad:\n    {text}\n  good: {{cmd: x}}\n")
    assert list(read.stages) == ["good"]
    (problem,) = read.problems
    assert "stage 'bad'" in problem.reason
    assert reason in problem.reason
    assert problem.line in (1, 3)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("[a]", "is not a mapping"),
        ("null", "is not a mapping"),
        ("{a: text}", "is not a mapping"),
        ("{a: {cache: no}}", "cache is 'no'"),
        ("{a: {remote: [x]}}", "'remote' is not a single value"),
        ("{a: null, cache: false}", "out 'cache' is not a mapping"),
    ],
)
def test_broken_out_is_a_problem_and_the_others_of_its_stage_stay(entry: str, reason: str) -> None:
    read = stages(f"stages:\n  one: {{outs: [kept], plots: [{entry}, other]}}\n")
    assert sorted(read.stages["one"].outs) == ["kept", "other"]
    (problem,) = read.problems
    assert "stage 'one'" in problem.reason
    assert reason in problem.reason


def test_keys_of_older_releases() -> None:
    read = stages(
        "stages:\n  one:\n    live: {dvclive: {summary: true, cache: false}}\n    outs_no_cache: [a]\n"
        "    metrics_no_cache: [{b: null}]\n    outs_persist: [c]\n    outs_persist_no_cache: [d]\n"
        "  two: {live: {l: null}}\n"
    )
    assert {path: out.cache for path, out in read.stages["one"].outs.items()} == {
        "a": False, "b": False, "c": True, "d": False, "dvclive": False,
    }  # fmt: skip
    assert read.stages["two"].outs == {"l": StageOut()}


def test_stages_that_are_no_mapping() -> None:
    read = stages("stages: [a]")
    assert read.readable
    assert read.problems[0].reason == "'stages' is not a mapping"


@pytest.mark.parametrize("text", ["", "stages: [", "a: 1\na: 2", "<<<<<<< HEAD\n", "[]"])
def test_broken_file_is_not_readable(text: str) -> None:
    read = stages(text)
    assert not read.readable
    assert len(read.problems) == 1
    assert not read.stages
