"""Templates of ``dvc.yaml``: what expressions, variables, ``foreach`` and ``matrix`` stand for."""

from __future__ import annotations

import pytest

from cvfs.metafiles.stagefile import StageFile, StageOut, read_stages, wanted_files
from cvfs.metafiles.templates import Data, TemplateError, resolve, resolve_text
from cvfs.metafiles.yaml_types import typed

VARIABLES: dict = {"a": 1, "b": {"c": [True, {"d": "x"}], "e f": None}, "t": "text", "n": 0.1, "k": {1: "lost"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${a}", 1),
        ("${ a }", 1),
        ("${b.c[0]}", True),
        ("${b[c][1].d}", "x"),
        ("${b.c.1.d}", "x"),
        ("${b.c[-1].d}", "x"),
        ("${b.e f}", None),
        ("${b.c}", [True, {"d": "x"}]),
        ("${a}-${t}/${n}", "1-text/0.1"),
        ("is ${b.c[0]}", "is true"),
        (r"\${a}", "${a}"),
        (r"\${a} ${a}", "${a} 1"),
        ("${a}}", "1}"),
        ("$a {a}", "$a {a}"),
    ],
)
def test_expressions(text: str, value: Data) -> None:
    assert resolve(text, VARIABLES) == value


@pytest.mark.parametrize(
    "text",
    [
        "${}",
        "${z}",
        "${a.b}",
        "${b.c[2]}",
        "${b.c.x}",
        "${b..c}",
        "${b[c}]",
        "${k.1}",
        "x${b}",
        "${b.c[0].d}",
        "${[a]}",
    ],
)
def test_expressions_that_stand_for_nothing(text: str) -> None:
    with pytest.raises(TemplateError):
        resolve_text(text, VARIABLES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-1_000", -1000),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2001-12-14", "2001-12-14"),
        ("0x_", "0x_"),
        ("-_", "-_"),
        ("9" * 5000, "9" * 5000),
        ("", ""),
        ("1.2.3", "1.2.3"),
    ],
)
def test_unquoted_scalars(text: str, value: object) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)


def read(text: str, files: dict[str, str] | None = None) -> StageFile:
    given = {name: data.encode() for name, data in (files or {}).items()}
    return read_stages(text.encode(), given.get)


def outs(found: StageFile, name: str) -> list[str] | None:
    stage = found.stage(name)
    assert stage is None or stage.unresolved is None, stage
    return None if stage is None else sorted(stage.outs)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("params.yaml", "m: {lr: 0.10, on: yes}"),
        ("conf/p.json", '{"m": {"lr": 0.1, "on": "yes"}}'),
        ("p.toml", '[m]\nlr = 0.1\non = "yes"\n'),
        ("p.py", "import os\nclass m:\n    lr: float = 0.1\n    on = 'yes'\n    other = os.name\n"),
    ],
)
def test_files_of_variables(name: str, text: str) -> None:
    listed = "" if name == "params.yaml" else f"vars: [{name}]\n"
    found = read(f"{listed}stages: {{s: {{cmd: x, outs: ['${{m.on}}/${{m.lr}}']}}}}", {name: text})
    assert outs(found, "s") == ["yes/0.1"]


def test_variables_are_merged_and_never_overridden() -> None:
    text = "vars: [a.yaml, {x: {z: 2}}]\nstages: {s: {cmd: x, outs: ['${x.y}${x.z}']}}"
    assert outs(read(text, {"a.yaml": "x: {y: 1}"}), "s") == ["12"]
    twice = read(text, {"a.yaml": "x: {y: 1, z: 1}"}).stage("s")
    assert twice is not None
    assert "vars defines 'z', which is defined already" in (twice.unresolved or "")


def test_keys_of_a_file_and_variables_of_a_stage() -> None:
    text = (
        "vars: ['a.yaml:x,y']\n"
        "stages:\n"
        "  s: {cmd: x, wdir: '${x}', vars: [own.yaml, {z: 3}], outs: ['${y}${z}${w}']}\n"
        "  t: {cmd: x, outs: ['${z}']}\n"
    )
    found = read(text, {"a.yaml": "{x: sub, y: 2, z: 1}", "sub/own.yaml": "w: 4"})
    assert outs(found, "s") == ["234"]
    other = found.stage("t")
    assert other is not None
    assert "'z', which is not defined" in (other.unresolved or "")


def test_files_that_are_asked_for() -> None:
    text = (
        b"vars: ['../p.json:x', {d: s}]\nstages:\n  s: {foreach: '${x}', do: {cmd: x, wdir: 'w/${item}', "
        b"vars: [own.yaml], outs: ['${item}']}}\n"
    )
    assert wanted_files(text, {}.get) == {"params.yaml", "../p.json"}
    assert wanted_files(text, {"../p.json": b'{"x": ["a", "b"]}'}.get) == {
        "params.yaml",
        "../p.json",
        "w/a/own.yaml",
        "w/b/own.yaml",
    }
    assert wanted_files(b"vars: [p.yaml]\nstages: {s: {outs: [a]}}", {}.get) == set()
    assert wanted_files(b"${", {}.get) == set()


@pytest.mark.parametrize(
    ("foreach", "names"),
    [
        ("[a, 1.50, true, yes, null]", ["a", "1.5", "true", "yes", "None"]),
        ("[{x: 1}, a]", ["0", "1"]),
        ("{k: 1, 2: x}", ["k", "2"]),
        ("'${list}'", ["a", "True", "0.1"]),
        ("['${list[1]}', true]", ["True", "true"]),
        ("'${map}'", ["p", "q"]),
    ],
)
def test_foreach(foreach: str, names: list[str]) -> None:
    variables = "vars: [{list: [a, true, 0.10], map: {p: 1, q: {r: 2}}}]\n"
    found = read(f"{variables}stages: {{s: {{foreach: {foreach}, do: {{cmd: x, outs: [o]}}}}}}")
    assert [name for name in names if outs(found, f"s@{name}") != ["o"]] == []
    assert outs(found, "s@other") is None


def test_matrix() -> None:
    found = read(
        "vars: [{m: [big, {n: small}]}]\n"
        "stages: {s: {matrix: {model: '${m}', lr: [0.10, 1]}, cmd: x, outs: [{'${key}': {cache: false}}, "
        "'${item.lr}.txt']}}"
    )
    for key in ("big-0.1", "big-1", "model1-0.1", "model1-1"):
        stage = found.stage(f"s@{key}")
        assert stage is not None
        assert stage.outs == {key: StageOut(cache=False), f"{key[key.index('-') + 1 :]}.txt": StageOut()}
    assert found.stage("s@small-1") is None


@pytest.mark.parametrize(
    ("text", "files", "reason"),
    [
        ("vars: [gone.yaml]", {}, "gone.yaml is not there"),
        ("vars: ['p.yaml:x']", {"p.yaml": "y: 1"}, "p.yaml has no 'x'"),
        ("vars: p.yaml", {}, "'vars' is not a list"),
        ("vars: [[a]]", {}, "neither a file nor a mapping"),
        ("vars: ['${x}']", {}, "by a template"),
        ("", {"params.yaml": "[a]"}, "params.yaml:1: not a mapping"),
        ("", {"params.yaml": "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n"}, "params.yaml:2: merge conflict"),
        ("vars: [p.json]", {"p.json": "{"}, "p.json cannot be read"),
        ("vars: [p.json]", {"p.json": "[" * 100_000}, "p.json cannot be read"),
        ("vars: [p.json]", {"p.json": '{"a":' * 500 + "1" + "}" * 500}, "nested too deep"),
        ("vars: [p.json]", {"p.json": "[1]"}, "not a mapping"),
        ("vars: [p.toml]", {"p.toml": "a"}, "p.toml cannot be read"),
        ("vars: [p.toml]", {"p.toml": "\udcff"}, "p.toml cannot be read"),
        ("vars: [p.py]", {"p.py": "("}, "p.py cannot be read"),
        ("vars: [p.py]", {"p.py": "x = " + "-" * 100_000 + "1"}, "p.py cannot be read"),
    ],
)
def test_variables_that_cannot_be_had(text: str, files: dict[str, str], reason: str) -> None:
    given = {name: data.encode("utf-8", "surrogateescape") for name, data in files.items()}
    stages = f"{text}\nstages: {{s: {{cmd: x, outs: ['${{v}}']}}, t: {{cmd: x, outs: [o]}}}}"
    found = read_stages(stages.encode(), given.get)
    stage = found.stage("s")
    assert stage is not None
    assert reason in (stage.unresolved or "")
    assert outs(found, "t") == ["o"], "what needs no variables stays"


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("{foreach: 3, do: {outs: ['${item}']}}", "neither a list nor a mapping"),
        ("{foreach: '${x}', do: {outs: ['${item}']}}", "'x', which is not defined"),
        ("{matrix: [a], outs: ['${item}']}", "'matrix' is not a mapping"),
        ("{matrix: {a: b}, outs: ['${item}']}", "'a' in 'matrix' is not a list"),
        (
            f"{{matrix: {{{', '.join(f'a{n}: [1, 2, 3, 4, 5]' for n in range(20))}}}, outs: ['${{key}}']}}",
            "100000 stages",
        ),
    ],
)
def test_iterations_that_cannot_be_resolved(definition: str, reason: str) -> None:
    stage = read(f"stages: {{s: {definition}}}").stage("s@1")
    assert stage is not None
    assert reason in (stage.unresolved or "")


def bomb(leaf: str) -> str:
    lines = [f"a0: &a0 {leaf}"]
    lines += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 60)]
    return "\n".join(lines)


def test_aliases_do_not_multiply() -> None:
    merged = read(
        "vars: [a.yaml, b.yaml]\nstages: {s: {outs: ['${a1.x}']}}", {"a.yaml": bomb("{}"), "b.yaml": bomb("{}")}
    )
    stage = merged.stage("s")
    assert stage is not None
    assert "too many values" in (stage.unresolved or "")
    walked = read(bomb("z") + "\nstages: {s: {foreach: *a59, do: {outs: [o]}}}").stage("s@x")
    assert walked is not None
    assert "more than" in (walked.unresolved or "")
    assert outs(read("stages: {s: {outs: ['${a59.x.y.x}']}}", {"params.yaml": bomb("z")}), "t") is None
