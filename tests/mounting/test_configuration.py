"""Which configuration files count for a commit, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.configuration import load_configs
from cvfs.errors import ConfigError, TrustError
from cvfs.metafiles.config import Level
from cvfs.metafiles.trust import check_trust


@dataclass
class Commit:
    config_blobs: dict[str, str]
    roots: list[str] = field(default_factory=lambda: [""])
    commit: str = "0123456789abcdef" * 3


def remote(url: str, name: str = "up") -> str:
    return f"['remote \"{name}\"']\n    url = {url}\n"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": f"{tmp_path}/etc:/nowhere"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_later_levels_win_and_the_work_tree_only_confirms(tmp_path: Path, env: dict[str, str]) -> None:
    commit = Commit({"": remote("s3://commit")})
    work_tree = tmp_path / "work"

    def url(overrides: tuple[str, ...] = ()) -> tuple[str, str | None]:
        found = load_configs(commit, str(work_tree), env, overrides)[""].remote("up")
        return found.url, found.confirmed.get("url")

    write(tmp_path / "etc" / "dvc" / "config", remote("s3://system"))
    write(tmp_path / "home" / ".config" / "dvc" / "config", remote("s3://global"))
    assert url() == ("s3://commit", None)
    write(work_tree / ".dvc" / "config", remote("s3://worktree"))
    assert url() == ("s3://commit", "s3://worktree")
    write(work_tree / ".dvc" / "config.local", remote("s3://local"))
    assert url() == ("s3://local", "s3://worktree")
    assert url(("up.url=s3://override",)) == ("s3://override", "s3://worktree")
    commit.config_blobs.clear()
    (work_tree / ".dvc" / "config.local").unlink()
    assert url()[0] == "s3://global"
    (tmp_path / "home" / ".config" / "dvc" / "config").unlink()
    assert url()[0] == "s3://system"


@pytest.mark.parametrize("trick", ["tracked", "linked file", "linked directory"])
def test_config_local_that_came_with_the_repository_is_not_the_users_word(
    tmp_path: Path, env: dict[str, str], trick: str
) -> None:
    repository = GitRepository.init(tmp_path / "clone")
    top = repository.path
    write(top / "elsewhere" / "config.local", "['remote \"up\"']\n    credentialpath = /home/victim/keys\n")
    (top / ".dvc").mkdir()
    if trick == "tracked":
        (top / "elsewhere" / "config.local").rename(top / ".dvc" / "config.local")
    elif trick == "linked file":
        (top / ".dvc" / "config.local").symlink_to("../elsewhere/config.local")
    else:
        (top / ".dvc").rmdir()
        (top / ".dvc").symlink_to("elsewhere")
    repository.git("add", "-A", "-f")
    found = load_configs(Commit({"": remote("s3://commit")}), str(top), env)[""].remote("up")
    assert found.options["credentialpath"].level is Level.COMMIT
    with pytest.raises(TrustError):
        check_trust(found, trusted=False)


def test_config_local_that_git_ignores_is_the_users_word(tmp_path: Path, env: dict[str, str]) -> None:
    repository = GitRepository.init(tmp_path / "clone")
    write(repository.path / ".dvc" / ".gitignore", "/config.local\n")
    write(repository.path / ".dvc" / "config.local", "['remote \"up\"']\n    profile = mine\n")
    repository.git("add", "-A")
    found = load_configs(Commit({"": remote("s3://commit")}), str(repository.path), env)[""].remote("up")
    assert found.options["profile"].level is Level.LOCAL


def test_directories_named_in_the_environment(tmp_path: Path) -> None:
    write(tmp_path / "g" / "config", remote("s3://global", "g"))
    write(tmp_path / "s" / "config", remote("s3://system", "s"))
    write(tmp_path / "x" / "dvc" / "config", remote("s3://xdg", "x"))
    named = {"DVC_GLOBAL_CONFIG_DIR": str(tmp_path / "g"), "DVC_SYSTEM_CONFIG_DIR": str(tmp_path / "s")}
    assert load_configs(Commit({}), None, named)[""].remote_names() == ["g", "s"]
    assert load_configs(Commit({}), None, {"XDG_CONFIG_HOME": str(tmp_path / "x")})[""].remote_names() == ["x"]


def test_each_root_has_its_own_configuration(tmp_path: Path, env: dict[str, str]) -> None:
    commit = Commit({"": remote("s3://top"), "sub": remote("s3://sub")}, ["", "bare", "sub"])
    write(tmp_path / "sub" / ".dvc" / "config.local", "['remote \"up\"']\n    profile = mine\n")
    configs = load_configs(commit, str(tmp_path), env)
    assert configs[""].remote("up").url == "s3://top"
    assert configs["sub"].remote("up").url == "s3://sub"
    assert configs["sub"].remote("up").options["profile"].level is Level.LOCAL
    assert configs["bare"].remote_names() == []


def test_relative_paths_begin_where_they_are_written(
    tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commit = Commit({"sub": remote("../../store")}, ["sub"])
    assert load_configs(commit, "/srv/clone", env)["sub"].remote("up").url == "/srv/clone/store"
    overridden = load_configs(commit, "/srv/clone", env, ["up.url=elsewhere"])["sub"]
    assert overridden.remote("up").url == str(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="relative path"):
        load_configs(commit, None, env)["sub"].remote("up")


def test_message_names_the_commit_or_the_file(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"sub/\.dvc/config of commit 0123456789ab:1"):
        load_configs(Commit({"sub": "[broken"}, ["sub"]), None, env)
    local = tmp_path / ".dvc" / "config.local"
    write(local, "[broken")
    with pytest.raises(ConfigError, match=str(local)):
        load_configs(Commit({}), str(tmp_path), env)


def test_file_that_cannot_be_read_is_an_error_and_not_an_empty_one(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / ".dvc" / "config.local").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"config\.local cannot be read: Is a directory"):
        load_configs(Commit({}), str(tmp_path), env)
