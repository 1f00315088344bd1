"""``cvfs init --merge-driver``: what it writes, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from command import Shell
from repositories import GitRepository

from cvfs.errors import WorkspaceError
from cvfs.merging.setting_up import DRIVER, with_attributes

LINES = b"*.dvc merge=cvfs\ndvc.lock merge=cvfs\n"


@pytest.fixture
def repository(make_repository: Callable[..., GitRepository]) -> GitRepository:
    return make_repository("repository")


def test_new_repository_gets_all_of_it(shell: Shell, repository: GitRepository) -> None:
    printed = shell.cvfs("init", "--merge-driver", cwd=repository.path).ok().stdout
    assert "every other clone" in printed
    assert repository.git("status", "--porcelain").splitlines() == [
        "A  .dvc/.gitignore",
        "A  .dvc/config",
        "A  .dvcignore",
        "A  .gitattributes",
    ]
    assert (repository.path / ".gitattributes").read_bytes() == LINES
    assert repository.git("config", "--local", "merge.cvfs.driver") == DRIVER
    assert repository.git("check-attr", "merge", "x/y z.dvc", "p/dvc.lock").splitlines() == [
        "x/y z.dvc: merge: cvfs",
        "p/dvc.lock: merge: cvfs",
    ]


def test_repository_that_is_there_keeps_what_it_has(shell: Shell, repository: GitRepository) -> None:
    shell.cvfs("init", cwd=repository.path).ok()
    (repository.path / ".dvc/config").write_text("[core]\n    remote = up\n")
    (repository.path / ".gitattributes").write_bytes(b"*.png binary")
    for _ in range(2):
        shell.cvfs("init", "--merge-driver", cwd=repository.path).ok()
        assert (repository.path / ".gitattributes").read_bytes() == b"*.png binary\n" + LINES
    assert (repository.path / ".dvc/config").read_text() == "[core]\n    remote = up\n"
    assert repository.git("config", "--local", "--get-all", "merge.cvfs.driver") == DRIVER


def test_dvc_repository_below_the_top_has_attributes_of_its_own(shell: Shell, repository: GitRepository) -> None:
    (repository.path / "team").mkdir()
    shell.cvfs("init", "--subdir", "--merge-driver", "team", cwd=repository.path).ok()
    assert (repository.path / "team/.gitattributes").read_bytes() == LINES
    assert repository.git("check-attr", "merge", "x.dvc", "team/x.dvc").splitlines() == [
        "x.dvc: merge: unspecified",
        "team/x.dvc: merge: cvfs",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", LINES),
        (LINES, LINES),
        (b"# ours\r\n*.dvc text merge=dvc\r\n", b"# ours\r\n*.dvc text merge=cvfs\r\ndvc.lock merge=cvfs\r\n"),
        (b"dvc.lock merge=cvfs\n", b"dvc.lock merge=cvfs\n*.dvc merge=cvfs\n"),
        (b"*.dvc text eol=lf", b"*.dvc text eol=lf\n" + LINES),
        (b"*.csv merge=union\n\n", b"*.csv merge=union\n\n" + LINES),
    ],
)
def test_lines_of_others_stay(before: bytes, after: bytes) -> None:
    assert with_attributes(before, ".gitattributes") == after


@pytest.mark.parametrize("attribute", ["merge=union", "-merge", "merge"])
def test_another_merge_driver_is_not_overruled(shell: Shell, repository: GitRepository, attribute: str) -> None:
    (repository.path / ".gitattributes").write_text(f"x y\n*.dvc {attribute}\n")
    with pytest.raises(WorkspaceError, match=r"attributes:2 already says"):
        with_attributes(b"x y\n*.dvc " + attribute.encode() + b"\n", ".gitattributes")
    assert shell.cvfs("init", "--merge-driver", cwd=repository.path).returncode == 1
    assert "cvfs" not in repository.git("config", "--local", "--list")


def test_git_that_would_not_find_the_command_is_a_warning(shell: Shell, repository: GitRepository) -> None:
    assert "not on PATH" in shell.cvfs("init", "--merge-driver", cwd=repository.path).ok().stderr
