"""Pipelines with templates of every kind: a commit lists what the real DVC lists for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from dvc_repository import BOUND_S, DVC, DvcRepository

#: ``touch`` for every out; the real DVC runs it and writes the lock.
PIPELINE = """\
vars:
- conf/names.json
- more.toml:size
- settings.py
- deep: {dir: sub dir, list: [x, {y: z}]}
stages:
  plain:
    cmd: touch plain.bin
    outs: [plain.bin]
  text:
    wdir: ${deep.dir}
    cmd: touch "lr-${lr}" "on-${flag}" "${deep.list[1].y}-${Model.depth}"
    outs:
    - lr-${lr}
    - on-${flag}:
        cache: false
    - ${deep.list[1].y}-${Model.depth}
  each:
    foreach: ${names}
    do:
      cmd: mkdir -p "out/${item.dir}" && touch "out/${item.dir}/${key}.bin"
      outs:
      - out/${item.dir}/${key}.bin
  listed:
    foreach: [0.10, yes, true, 1e3]
    do:
      cmd: touch "l${item}"
      outs: ["l${item}"]
  grid:
    matrix:
      model: [big, small]
      step: ${steps}
    cmd: touch "${key}.${size}" "${item.model}-${item.step}.log"
    outs:
    - ${key}.${size}
    metrics:
    - ${item.model}-${item.step}.log:
        cache: false
  own:
    vars: [here.yaml]
    wdir: w
    cmd: touch "${mine}"
    outs: ["${mine}"]
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "params.yaml": "lr: 0.0010\nflag: True\nsteps: [1, 2.50]\n",
    "conf/names.json": '{"names": {"a": {"dir": "A"}, "b": {"dir": "B b"}}}',
    "more.toml": 'size = "xl"\nflag = false\n',
    "settings.py": "class Model:\n    depth: int = 3\n",
    "w/here.yaml": "mine: own.bin\n",
    "sub dir/keep": "",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> DvcRepository:
    """Three commits: as it was run; with other variables and the old lock; with a conflict in the variables."""
    made = DvcRepository.init(tmp_path_factory.mktemp("odd") / "repository")
    made.dvc("init", "-q")
    made.write({name: text.encode() for name, text in FILES.items()})
    made.dvc("repro", "-q")
    made.commit("as it was run")
    made.git("tag", "run")
    made.write(
        {"params.yaml": b"lr: 0.002\nflag: False\nsteps: [1]\n", "conf/names.json": b'{"names": {"b": {"dir": "B b"}}}'}
    )
    made.commit("other variables")
    made.git("tag", "changed")
    made.write({"params.yaml": b"<<<<<<< HEAD\nlr: 1\n=======\nlr: 2\n>>>>>>> x\n"})
    made.commit("a conflict")
    made.git("tag", "conflict")
    return made


def listed_by_dvc(repository: DvcRepository, revision: str) -> set[str]:
    done = subprocess.run(
        [DVC, "ls", "-R", "--dvc-only", "--rev", revision, repository.path],
        check=True,
        capture_output=True,
        timeout=BOUND_S,
    )
    return set(done.stdout.decode().splitlines())


def listed(cvfs_cli, repository: DvcRepository, revision: str) -> tuple[set[str], str]:
    done = cvfs_cli("ls", "-R", "--repo", repository.path, revision).ok()
    return {line for line in done.stdout.splitlines() if not line.endswith("/")}, done.stderr


#: Outs that ``dvc.yaml`` names and no run has made: DVC lists their names, cvfs what is recorded.
NEVER_RUN = {"run": set(), "changed": {"sub dir/lr-0.002"}}


@pytest.mark.parametrize("revision", ["run", "changed"])
def test_commit_lists_what_dvc_lists(cvfs_cli, repository: DvcRepository, revision: str) -> None:
    found, complaints = listed(cvfs_cli, repository, revision)
    # DVC takes what Git tracks (`cache: false`) for Git's; a mount has it.
    in_git = set(repository.git("ls-tree", "-r", "--name-only", revision).splitlines())
    assert found - in_git == listed_by_dvc(repository, revision) - NEVER_RUN[revision]
    assert complaints == ""
    if revision == "run":
        assert found & in_git == {"sub dir/on-true", *(f"{m}-{n}.log" for m in ("big", "small") for n in ("1", "2.5"))}


def test_work_tree_tracks_what_the_commit_lists(cvfs_cli, repository: DvcRepository) -> None:
    repository.git("checkout", "-q", "run")
    status = cvfs_cli("status", "--repo", repository.path)
    assert "resolved" not in status.stderr
    repository.git("checkout", "-q", "main")


def test_variables_in_conflict_are_named_and_the_rest_is_listed(cvfs_cli, repository: DvcRepository) -> None:
    found, complaints = listed(cvfs_cli, repository, "conflict")
    assert "plain.bin" in found
    assert "params.yaml:1: merge conflict (<<<<<<<) in lines 1-5" in complaints


def test_the_same_over_a_url(cvfs_cli, repository: DvcRepository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    for revision in ("run", "changed"):
        over_url = cvfs_cli("ls", "-R", "--repo", f"file://{repository.path}", revision).ok().stdout
        assert over_url == cvfs_cli("ls", "-R", "--repo", repository.path, revision).ok().stdout
