"""The streaming reader against PyYAML's own loader, on metafiles as DVC, PyYAML and people write them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from reading import Read, dvc, lock

from cvfs.metafiles import events
from cvfs.metafiles.records import Recorded, Refusal
from cvfs.model import Kind

#: Scalars that some version of YAML takes for something else, and those that need quotes in some layout.
NASTY = """\
yes no on off Yes NO On y n true null ~ 1e3 017 0x1F 0o17 1_000 .inf .nan 12:30:45 1:30 190:20:30 2001-12-14
2001-12-14t21:59:43.10-05:00 = << ! & * - ? : [ ] { } , # | > @ ` % ' " \\ a:b a: :a a#b #a a\u00a0b é 日本 \U0001f600
--- ... a %YAML !!str &a *a a,b [a] {a} 1234567890 -1 +1 1.5 é/ü a/b/c back\\slash q?x star* <<<<<<< >>>>>>> ======="""
BLANKS = (
    " lead",
    "trail ",
    "a  b",
    "- dash",
    "a: b",
    "a #b",
    "a\nb",
    "\n",
    "\t",
    "a\tb",
    " ",
    "a\r\nb",
    "\u2028",
    "\x85",
    "\ufeff",
)

names = st.one_of(
    st.sampled_from(re.split("[ \n]", NASTY)),
    st.sampled_from(BLANKS),
    st.text(st.sampled_from("ab/:#'\"\\ \n-?é~"), min_size=1, max_size=12),
)
long_names = st.lists(st.text("abc", min_size=10, max_size=30), min_size=2, max_size=6).map(" ".join)
relpaths = st.one_of(names, names, long_names)
md5s = st.integers(0, 16**32 - 1).map("{:032x}".format)
ids = st.one_of(
    st.sampled_from(["null", "1715320123478160", "2023-01-02T03:04:05.1234567Z", '"0x8D"', "a-3"]), st.uuids().map(str)
)

hashes = st.fixed_dictionaries({"md5": md5s, "size": st.integers(0, 2**50)})
pushed = st.fixed_dictionaries({}, optional={"etag": ids, "version_id": ids})
clouds = st.dictionaries(st.sampled_from(["up", "Storage", "docs/dvc", "on", "1"]), pushed, min_size=1, max_size=1)
items = st.builds(
    lambda relpath, known, isexec, place: {"relpath": relpath, **known, **isexec, **place},
    relpaths,
    st.one_of(hashes, st.just({})),
    st.sampled_from([{}, {"isexec": True}, {"isexec": False}]),
    st.one_of(st.just({}), pushed, clouds.map(lambda cloud: {"cloud": cloud})),
)
metafiles = st.builds(
    lambda path, head, listing, tail: {"outs": [{**head, "path": path, "files": listing, **tail}]},
    relpaths.filter(lambda path: not re.match(r"/|[A-Za-z]:[\\/]|\w+://", path)),
    st.sampled_from([{}, {"hash": "md5"}, {"md5": "ab" * 16 + ".dir", "nfiles": 2}]),
    st.lists(items, max_size=5),
    st.sampled_from([{}, {"desc": "yes: no"}, {"meta": {"files": [{"relpath": "evil"}]}}, {"push": False}]),
)


def quoted(text: str) -> str:
    """Spell a scalar as DVC's emitter does where the text is harmless, else in double quotes."""
    plain = re.fullmatch(r"[a-z0-9][a-z0-9./ -]*[a-z0-9]", text) and not re.fullmatch(r"[0-9.e-]+|null", text)
    if plain:
        return text
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def canonical(node: Any, indent: str = "") -> str:
    """Write block style with sequences that are not indented, one key a line: DVC's own layout."""
    if isinstance(node, dict):
        return "".join(f"{indent}{quoted(key)}:{below(value, indent)}" for key, value in node.items()) if node else ""
    return "".join(f"{indent}- {canonical(item, indent + '  ').lstrip(' ')}" for item in node)


def below(value: Any, indent: str) -> str:
    if isinstance(value, dict):
        return "\n" + canonical(value, indent + "  ") if value else " {}\n"
    if isinstance(value, list):
        return "\n" + canonical(value, indent) if value else " []\n"
    return f" {json.dumps(value) if isinstance(value, bool | int) else quoted(value)}\n"


def expected(text: str) -> tuple[list[tuple[str, Recorded]], str]:
    """Read the metafile a second time, the slow and simple way."""
    (out,) = yaml.load(text, Loader=yaml.BaseLoader)["outs"]
    files = []
    for item in out["files"]:
        remote, place = next(iter(item.get("cloud", {}).items()), (None, {}))
        merged = {**item, **place}
        size = merged.get("size")
        files.append(
            (
                item["relpath"],
                Recorded(
                    merged.get("md5"),
                    None if size is None else int(size),
                    merged.get("isexec") == "true",
                    remote and remote.lower(),
                    merged.get("version_id"),
                    merged.get("etag"),
                ),
            )
        )
    return files, out["path"]


def check(read: Read, text: str) -> None:
    files, path = expected(text)
    assert not read.refusals
    assert [(file.relpath, file.recorded) for file in read.files] == files
    assert read.out.path == path
    assert read.out.kind is (Kind.DIRECTORY if files else Kind.UNLISTED)
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    assert all("relpath" in lines[file.line - 1] for file in read.files)


@given(metafiles)
def test_layout_of_dvc(metafile: dict[str, Any]) -> None:
    text = canonical(metafile)
    assert [file["relpath"] for file in yaml.load(text, Loader=yaml.BaseLoader)["outs"][0]["files"]] == [
        file["relpath"] for file in metafile["outs"][0]["files"]
    ]
    check(dvc(text), text)


@given(metafiles, st.sampled_from([20, 80, 1000]), st.sampled_from([None, False, True]))
def test_layouts_of_pyyaml_folded_and_in_flow_style(metafile: dict[str, Any], width: int, flow: bool | None) -> None:
    text = yaml.safe_dump(metafile, sort_keys=False, width=width, default_flow_style=flow, allow_unicode=True)
    files, path = expected(text)
    read = dvc(text)
    assert not read.refusals
    assert [(file.relpath, file.recorded) for file in read.files] == files
    assert read.out.path == path


@given(metafiles)
def test_lock_reads_an_out_like_a_dvc_file(metafile: dict[str, Any]) -> None:
    text = canonical({"schema": "2.0", "stages": {"s": {"cmd": "x", **metafile}}})
    (in_lock,) = lock(text).outs
    (alone,) = dvc(canonical(metafile)).outs
    assert in_lock.path == alone.path
    assert (in_lock.kind, in_lock.recorded, in_lock.legacy) == (alone.kind, alone.recorded, alone.legacy)


FRAGMENTS = """outs:|- |path: a|\n|\n  |files:|[|]|{|}|: |relpath: |'|"|&a |*a|<<: |? |!!int |---|...|>|#|\t|<<<<<<< x|\
cloud: {up: {version_id: 1}}|md5: ''|size: 1|\xff|\0"""
fragments = st.sampled_from([*FRAGMENTS.split("|"), "|"])


@pytest.mark.parametrize("parser", ["CBaseLoader", "BaseLoader"])
@given(text=st.lists(fragments, max_size=25).map("".join), stages=st.lists(fragments, max_size=25).map("".join))
def test_no_text_does_worse_than_refusals(parser: str, text: str, stages: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "PARSER", getattr(yaml, parser))
        for read in (dvc(text), dvc(text.encode("latin-1")), lock(f"schema: '2.0'\nstages:\n  s:\n    {text}", stages)):
            assert all(isinstance(refusal, Refusal) and refusal.reason for refusal in read.refusals)
            assert len({out.out for out in read.outs}) == len(read.outs)
