"""git itself, merging branches with the driver that ``cvfs init --merge-driver`` sets up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Outcome, Shell, cvfs_program
from metafile_texts import directory, entry, lock, stage
from repositories import GitRepository

from cvfs.merging.parts import Metafile

BASE = {"a": entry("a", "1"), "c": entry("c", "1")}
OURS = {**BASE, "b one": entry("b", "o"), "c": entry("d", "o")}
THEIRS = {**BASE, "b two": entry("e", "t"), "a": entry("f", "t")}
BOTH = {"a": THEIRS["a"], "b one": OURS["b one"], "b two": THEIRS["b two"], "c": OURS["c"]}
#: A folder and a file whose names a shell would take apart.
METAFILE = "a folder/it's $data.dvc"


@pytest.fixture(autouse=True)
def _cvfs_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{cvfs_program().parent}:{os.environ['PATH']}")


@pytest.fixture
def repository(make_repository: Callable[..., GitRepository]) -> GitRepository:
    """A clone without the driver, on the branch ``main``, which went another way than ``theirs``."""
    made = make_repository("repository")
    texts = {METAFILE: directory(BASE), "dvc.yaml": "stages: {}\n", "dvc.lock": lock(stage("s", BASE))}
    made.commit("base", {**texts, ".gitattributes": b"*.dvc merge=cvfs\ndvc.lock merge=cvfs\n"})
    made.git("switch", "-q", "-c", "theirs")
    made.commit("theirs", {METAFILE: directory(THEIRS), "dvc.lock": lock(stage("s", THEIRS))})
    made.git("switch", "-q", "main")
    made.commit("ours", {METAFILE: directory(OURS), "dvc.lock": lock(stage("s", OURS))})
    return made


def run_git(repository: GitRepository, *arguments: str) -> Outcome:
    done = subprocess.run(["git", *arguments], check=False, cwd=repository.path, capture_output=True, timeout=60)
    return Outcome(arguments, done.returncode, done.stdout, done.stderr.decode())


def set_up(shell: Shell, repository: GitRepository) -> None:
    shell.cvfs("init", "--merge-driver", cwd=repository.path).ok()
    repository.git("commit", "-q", "-m", "set up")


WAYS = (("merge", "-q", "theirs"), ("rebase", "-q", "theirs"), ("cherry-pick", "theirs"))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0])
def test_without_the_driver_git_has_a_conflict(repository: GitRepository, way: tuple[str, ...]) -> None:
    assert run_git(repository, *way).returncode == 1
    assert "<<<<<<<" in (repository.path / METAFILE).read_text()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0])
def test_with_the_driver_git_merges(shell: Shell, repository: GitRepository, way: tuple[str, ...]) -> None:
    set_up(shell, repository)
    run_git(repository, *way).ok()
    assert (repository.path / METAFILE).read_bytes() == directory(BOTH)
    merged = Metafile((repository.path / "dvc.lock").read_bytes()).entries()
    assert merged == Metafile(lock(stage("s", BOTH))).entries()
    assert repository.git("status", "--porcelain") == ""
    assert sorted(os.listdir(repository.path)) == [
        ".dvc", ".dvcignore", ".git", ".gitattributes", "a folder", "dvc.lock", "dvc.yaml",
    ]  # fmt: skip


def test_conflict_is_told_and_can_be_resolved_by_hand(shell: Shell, repository: GitRepository) -> None:
    set_up(shell, repository)
    repository.commit("ours, too", {METAFILE: directory({**OURS, "a": entry("9", "o")})})
    done = run_git(repository, "merge", "theirs")
    assert done.returncode == 1
    assert f"cvfs: {METAFILE}: conflict: data/a: changed differently on both sides\n" in done.stderr
    assert repository.git("status", "--porcelain").count("UU ") == 1
    text = (repository.path / METAFILE).read_text()
    before, _, rest = text.partition("<<<<<<< ours\n")
    _, _, after = rest.partition("=======\n")
    theirs, _, rest = after.partition(">>>>>>> theirs\n")
    (repository.path / METAFILE).write_text(before + theirs + rest)
    assert (repository.path / METAFILE).read_bytes() == directory(BOTH)


def test_both_branches_began_the_same_metafile(shell: Shell, repository: GitRepository) -> None:
    set_up(shell, repository)
    repository.commit("ours", {"new.dvc": directory({"a": entry("a", "o")}, "new")})
    repository.git("switch", "-q", "theirs")
    repository.commit("theirs", {"new.dvc": directory({"b": entry("b", "t")}, "new")})
    repository.git("switch", "-q", "main")
    run_git(repository, "merge", "-q", "theirs").ok()
    both = directory({"a": entry("a", "o"), "b": entry("b", "t")}, "new")
    assert (repository.path / "new.dvc").read_bytes() == both


def test_clone_without_the_driver_merges_as_git_does(shell: Shell, repository: GitRepository, tmp_path: Path) -> None:
    set_up(shell, repository)
    clone = repository.clone(tmp_path / "clone")
    assert run_git(clone, "merge", "origin/theirs").returncode == 1
    assert "<<<<<<<" in (clone.path / METAFILE).read_text()
    clone.git("merge", "--abort")
    assert "staged" not in shell.cvfs("init", "--merge-driver", cwd=clone.path).ok().stdout
    run_git(clone, "merge", "-q", "origin/theirs").ok()


def test_driver_says_what_is_missing(shell: Shell, tmp_path: Path) -> None:
    wrong = shell.cvfs("merge-driver", "--ancestor", "a", "--our", "b", "--their", "c", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "a is not there" in wrong.stderr
    assert shell.cvfs("merge-driver", "--our", "b").returncode == 2
