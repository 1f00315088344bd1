"""What ``cvfs init`` and ``cvfs remote`` print, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cvfs_cli import init, remote
from repositories import GitRepository

from cvfs.errors import CvfsError


@pytest.fixture
def top(make_repository: Callable[..., GitRepository], monkeypatch: pytest.MonkeyPatch) -> Path:
    path = make_repository("repository").path
    monkeypatch.chdir(path)
    assert CliRunner().invoke(init.command, []).exit_code == 0
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(remote.command, arguments)


def output(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_init_names_the_directory_and_what_is_next(
    make_repository: Callable[..., GitRepository], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_repository("repository")
    (repository.path / "team").mkdir()
    monkeypatch.chdir(repository.path)
    printed = CliRunner().invoke(init.command, ["--subdir", "team"]).output
    assert printed.startswith(f"{repository.path}/team is a DVC repository now; staged: .dvc/.gitignore, .dvc/config")
    assert "cvfs remote add" in printed
    assert isinstance(CliRunner().invoke(init.command, ["--subdir", "team"]).exception, CvfsError)
    assert CliRunner().invoke(init.command, ["--subdir", "--force", "team"]).exit_code == 0


@pytest.mark.usefixtures("top")
def test_the_way_of_a_remote() -> None:
    printed = output("add", "-d", "Up", "s3://b/x")
    assert printed == "up is the default remote now\nnext: cvfs remote modify up version_aware true\n"
    assert output("modify", "up", "version_aware", "true") == ""
    assert output("add", "--local", "other", "/store").startswith("next: ")
    assert output("list") == "up\ts3://b/x\t(default)\nother\t/store\n"
    assert output("list", "--local") == "other\t/store\n"
    assert output("default") == "up\n"
    assert output("rename", "up", "far") == ""
    assert output("default", "--unset") == ""
    assert output("remove", "far") == ""
    assert output("list") == "other\t/store\n"


@pytest.mark.usefixtures("top")
def test_no_default_remote_is_a_failure_to_print_it() -> None:
    result = CliRunner().invoke(remote.command, ["default"], standalone_mode=False)
    assert (result.return_value, result.stdout) == (1, "")
    assert result.stderr == "there is no default remote\n"


def test_other_files_that_change_are_named(top: Path) -> None:
    output("add", "up", "s3://b")
    output("modify", "--local", "up", "secret_access_key", "hush")
    assert output("rename", "up", "far") == f"also changed: {top}/.dvc/config.local\n"
    assert output("remove", "far") == f"also changed: {top}/.dvc/config.local\n"


@pytest.mark.usefixtures("top")
def test_option_that_was_not_set_is_told() -> None:
    output("add", "up", "s3://b")
    assert "region was not set" in run("modify", "up", "region", "--unset").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "up", "s3://b", "--local", "--global"),
        ("modify", "up", "jobs"),
        ("modify", "up", "jobs", "3", "--unset"),
        ("default", "up", "--unset"),
        ("add", "up"),
    ],
)
@pytest.mark.usefixtures("top")
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.usefixtures("top")
def test_failure_is_an_error_of_cvfs() -> None:
    assert isinstance(run("remove", "none").exception, CvfsError)


def test_escape_sequences_of_a_repository_do_not_reach_the_terminal(top: Path) -> None:
    (top / ".dvc/config").write_text("['remote \"up\"']\n    url = s3://b\x1b[31m\n")
    assert output("list") == "up\ts3://b\\x1b[31m\n"
