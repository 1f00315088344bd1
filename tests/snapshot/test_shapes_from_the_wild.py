"""Shapes of commits that public DVC repositories have, and that DVC's documents do not show. All texts are made up."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.listing import list_commit
from cvfs.model import Content, Kind
from cvfs.opening import CommitRequest, open_tree

CONFIG = "[core]\n    remote = up\n['remote \"up\"']\n    url = s3://bucket/base\n    version_aware = true\n"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a commit lists: the content of each file, the directories without a listing, and the warnings."""

    files: Mapping[str, Content]
    unlisted: list[str]
    problems: list[str]


@pytest.fixture
def listed(make_repository: Callable[[str], GitRepository], tmp_path: Path) -> Callable[[Mapping[str, str]], Shown]:
    """Commit these files and list the commit as ``cvfs ls -R`` does."""
    repository = make_repository("repository")

    def listed(files: Mapping[str, str]) -> Shown:
        commit = repository.commit("as found", files)
        request = CommitRequest(commit, os.environ, str(repository.path), cache_dir=str(tmp_path / "cache"))
        _, snapshot = open_tree(request)
        unlisted: list[str] = []
        names = list_commit(snapshot, "", recursive=True, on_unlisted=unlisted.append)
        contents = {one.path: snapshot.content(one.node.ino) for one in names if one.node.kind is Kind.FILE}
        return Shown(contents, unlisted, [str(problem) for problem in snapshot.problems])

    return listed


def out(path: str, md5: str = MD5) -> str:
    return f"outs:\n- md5: {md5}\n  size: 3\n  hash: md5\n  path: {path}\n"


def pushed(path: str, *files: str, versions: bool = True) -> str:
    """Return a ``.dvc`` file of a directory whose listing stands in it."""
    lines = ["outs:", "- hash: md5", f"  path: {path}", "  files:"]
    for number, name in enumerate(files):
        lines += [f"  - relpath: {name}", f"    md5: {MD5}", "    size: 0"]
        if versions:
            lines += [
                "    cloud:",
                "      up:",
                "        etag: 08ef90e5",
                f"        version_id: '176916680312638{number}'",
            ]
    return "\n".join(lines) + "\n"


def test_the_only_dvc_root_lies_below_the_top(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    shown = listed(
        {
            "README.md": "",
            "data/.dvc/config": CONFIG,
            "data/raw.dvc": pushed("raw", "a.csv"),
            "data/enriched.dvc": pushed("enriched", "b.csv", versions=False),
            "data/processed.dvc": out("processed", f"{MD5}.dir"),
        }
    )
    assert set(shown.files) == {"data/raw/a.csv", "data/enriched/b.csv"}
    assert shown.unlisted == ["data/processed"]
    assert shown.problems == []
    version = shown.files["data/raw/a.csv"].version
    assert version is not None
    assert (version.key, version.remote) == ("raw/a.csv", "up")
    assert shown.files["data/enriched/b.csv"].version is None
    assert {content.root for content in shown.files.values()} == {"data"}


def test_git_keeps_a_directorys_place_that_dvc_has_too(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    shown = listed(
        {
            ".dvc/config": CONFIG,
            "data/.gitkeep": "",
            "data.dvc": pushed("data", ".gitkeep", "processed/.gitignore", "x"),
        }
    )
    assert set(shown.files) == {"data/.gitkeep", "data/processed/.gitignore", "data/x"}
    assert all(content.version is not None for content in shown.files.values())
    assert shown.problems == []


def test_a_metafile_of_dvc_0_that_dvc_3_refuses(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    stage = (
        "md5: 0f" + "1" * 30 + "\ncmd: python clean.py\nwdir: ../..\n"
        f"deps:\n- md5: {MD5}\n  path: data/raw.csv\n"
        f"outs:\n- md5: {MD5}\n  path: data/clean.csv\n  cache: true\n  metric: false\n  persist: false\n"
    )
    shown = listed({".dvc/config": CONFIG, "stages/clean/clean.dvc": stage})
    assert set(shown.files) == {"data/clean.csv"}
    assert shown.files["data/clean.csv"].text_md5 == MD5
    assert shown.problems == []


def test_entries_that_the_lock_kept_of_iterations_that_are_gone(
    listed: Callable[[Mapping[str, str]], Shown],
) -> None:
    stages = (
        "stages:\n  evaluate:\n    foreach: [en-small, en-large]\n    do:\n      cmd: evaluate ${item}\n"
        "      outs: ['models/${item}']\n      metrics:\n      - reports/${item}.json:\n          cache: false\n"
    )
    # ``small`` is of before the items were renamed, and named its outs as ``en-small`` does now.
    lock = "schema: '2.0'\nstages:\n" + "".join(
        f"  evaluate@{item}:\n    cmd: evaluate {item}\n    outs:\n"
        f"    - path: models/en-{size}\n      md5: {MD5[:-1]}{digit}\n      size: 3\n      hash: md5\n"
        f"    - path: reports/en-{size}.json\n      md5: {MD5}\n      size: 2\n      hash: md5\n"
        for item, size, digit in (("small", "small", 0), ("en-small", "small", 1), ("en-large", "large", 2))
    )
    shown = listed({".dvc/config": CONFIG, "dvc.yaml": stages, "dvc.lock": lock, "reports/en-small.json": "{}"})
    assert {path: content.md5 for path, content in shown.files.items() if content.md5} == {
        "models/en-small": f"{MD5[:-1]}1",
        "models/en-large": f"{MD5[:-1]}2",
    }
    assert set(shown.files) - {"models/en-small", "models/en-large"} == {"reports/en-small.json"}
    assert shown.problems == []


def test_a_template_whose_value_ends_in_a_slash(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    stages = (
        "stages:\n  train:\n    cmd: train\n    outs:\n    - ${train.dir}/model\n"
        "    - ${train.dir}/model.json:\n        cache: false\n"
    )
    lock = (
        f"schema: '2.0'\nstages:\n  train:\n    cmd: train\n    outs:\n"
        f"    - path: models//model\n      md5: {MD5}\n      size: 3\n"
        f"    - path: models//model.json\n      md5: {MD5}\n      size: 2\n"
    )
    shown = listed(
        {
            ".dvc/config": CONFIG,
            "dvc.yaml": stages,
            "dvc.lock": lock,
            "params.yaml": "train:\n  dir: models/\n",
            "models/model.json": "{}",
        }
    )
    assert set(shown.files) == {"models/model", "models/model.json"}
    assert shown.files["models/model"].text_md5 == MD5
    assert shown.problems == []


def test_a_lock_that_lost_its_stages(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    lock = f"schema: '2.0'\nstages:\n  a:\n    cmd: a\n    outs:\n    - path: x\n      md5: {MD5}\n      size: 3\n"
    shown = listed({".dvc/config": CONFIG, "old/dvc.lock": lock, "y.dvc": out("y")})
    assert set(shown.files) == {"y"}
    assert shown.problems == ["old/dvc.lock: there is no dvc.yaml beside it, so DVC would not see it"]


def test_outs_that_never_were_made(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    stages = "stages:\n  prepare:\n    cmd: make\n    outs:\n    - features.csv\n    - data/processed \\\n"
    shown = listed({".dvc/config": CONFIG, "dvc.yaml": stages, "y.dvc": out("y")})
    assert set(shown.files) == {"y"}
    assert shown.unlisted == []
    assert shown.problems == []


def test_metafiles_without_a_dvc_directory(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    shown = listed({"examples/first/code/pool.dvc": out("pool", f"{MD5}.dir"), "examples/first/x.dvc": out("x")})
    assert set(shown.files) == {"examples/first/x"}
    assert shown.unlisted == ["examples/first/code/pool"]
    assert len(shown.problems) == 1


def test_an_import_of_another_repository(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    imported = (
        "md5: " + "1" * 32 + "\nfrozen: true\n"
        "deps:\n- path: registry/data.xml\n  repo:\n    url: https://git.invalid/registry\n    rev_lock: "
        + "2" * 40
        + f"\nouts:\n- md5: {MD5}\n  size: 3\n  path: data.xml\n"
    )
    shown = listed({".dvc/config": CONFIG, "data/data.xml.dvc": imported})
    assert set(shown.files) == {"data/data.xml"}
    assert shown.files["data/data.xml"].text_md5 == MD5
    assert shown.problems == []


def test_no_newline_no_size_and_a_comment_at_the_end(listed: Callable[[Mapping[str, str]], Shown]) -> None:
    shown = listed(
        {
            ".dvc/config": CONFIG,
            "x.dvc": f"# by hand\r\nouts:\r\n- md5: {MD5}\r\n  path: x\r\nmeta:\r\n  any: [1, 2] # end",
        }
    )
    assert set(shown.files) == {"x"}
    assert shown.files["x"].size is None
    assert shown.problems == []


def test_outs_below_what_dvcignore_ignores_and_a_metafile_that_is_a_template(
    listed: Callable[[Mapping[str, str]], Shown],
) -> None:
    # DVC refuses such a commit as a whole, for either reason.
    shown = listed(
        {
            ".dvc/config": CONFIG,
            ".dvcignore": "data/\n",
            "snapshots/x.csv.dvc": f"wdir: ../data/snapshots\n{out('x.csv')}",
            "templates/{{name}}.dvc": "meta:\n  {%- if name %}\n  name: {{name}}\n",
        }
    )
    assert set(shown.files) == {"data/snapshots/x.csv"}
    assert len(shown.problems) == 1
    assert shown.problems[0].startswith("templates/{{name}}.dvc:")
