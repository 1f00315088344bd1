"""Remotes are added, changed and listed in the files that they belong in."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs import config_files
from cvfs.errors import ChangedMeanwhileError, ConfigError, RemoteError, RepositoryError
from cvfs.init import initialise
from cvfs.metafiles.config import Level
from cvfs.remote_settings import ListedRemote, RemoteSettings

REPO, LOCAL, GLOBAL, SYSTEM = Level.WORKTREE, Level.LOCAL, Level.GLOBAL, Level.SYSTEM


@pytest.fixture
def top(make_repository: Callable[..., GitRepository], monkeypatch: pytest.MonkeyPatch) -> Path:
    path = make_repository("repository").path
    initialise(str(path), os.environ)
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def settings(top: Path) -> RemoteSettings:
    return RemoteSettings(str(top), os.environ)


def text(top: Path, name: str = "config") -> str:
    return (top / ".dvc" / name).read_text()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_remote(top: Path, settings: RemoteSettings) -> None:
    assert settings.add("Up", "s3://b/x", REPO, default=True) == [str(top / ".dvc/config")]
    assert text(top) == "[core]\n    remote = up\n['remote \"up\"']\n    url = s3://b/x\n"
    assert settings.listed() == [ListedRemote("up", "s3://b/x", is_default=True)]
    assert settings.default() == "up"


def test_name_that_is_taken(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b/x", REPO)
    settings.modify("up", "region", "eu-north-1", REPO)
    with pytest.raises(RemoteError, match="exists already"):
        settings.add("UP", "s3://c", REPO)
    settings.add("up", "s3://c", REPO, force=True)
    assert text(top) == "['remote \"up\"']\n    url = s3://c\n"


@pytest.mark.parametrize("name", ["", " up", "a\nb", "a\x1b[1m"])
def test_impossible_name(settings: RemoteSettings, name: str) -> None:
    with pytest.raises(RemoteError, match="name of a remote"):
        settings.add(name, "s3://b", REPO)
    settings.add("up", "s3://b", REPO)
    with pytest.raises(RemoteError, match="name of a remote"):
        settings.rename("up", name, REPO)


def test_relative_path_begins_at_the_file(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (top / "sub").mkdir()
    monkeypatch.chdir(top / "sub")
    settings = RemoteSettings(".", os.environ)
    settings.add("store", "../../store", REPO)
    settings.add("home", "~/store", REPO)
    settings.add("abs", "/store", REPO)
    settings.modify("store", "url", "../there", REPO)
    settings.add("bucket", "s3://b", REPO)
    settings.modify("bucket", "credentialpath", "credentials", REPO)
    assert "url = ../there\n" in text(top)
    assert "url = ~/store\n" in text(top)
    assert "credentialpath = ../sub/credentials\n" in text(top)
    urls = {remote.name: remote.url for remote in settings.listed()}
    assert urls == {
        "store": f"{top}/there",
        "home": f"{os.environ['HOME']}/store",
        "abs": "/store",
        "bucket": "s3://b",
    }


def test_levels_lie_over_each_other(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://system", SYSTEM, default=True)
    settings.add("up", "s3://user", GLOBAL)
    settings.add("own", "gs://own", LOCAL, default=True)
    assert settings.listed() == [
        ListedRemote("up", "s3://user", is_default=False),
        ListedRemote("own", "gs://own", is_default=True),
    ]
    assert settings.listed(SYSTEM) == [ListedRemote("up", "s3://system", is_default=True)]
    assert (settings.default(), settings.default(GLOBAL), settings.default(SYSTEM)) == ("own", None, "up")
    assert text(top) == ""


def test_outside_of_a_repository_only_the_users_files_count(tmp_path: Path) -> None:
    settings = RemoteSettings(str(tmp_path), os.environ)
    settings.add("up", "s3://user", GLOBAL, default=True)
    assert settings.listed() == [ListedRemote("up", "s3://user", is_default=True)]
    for level in (REPO, LOCAL):
        for action in (
            lambda level=level: settings.add("up", "s3://b", level),
            lambda level=level: settings.listed(level),
            lambda level=level: settings.modify("up", "jobs", "3", level),
            lambda level=level: settings.rename("up", "new", level),
        ):
            with pytest.raises(RepositoryError, match="not in a DVC repository"):
                action()


def test_files_are_where_dvc_looks(top: Path, tmp_path: Path) -> None:
    env = {"DVC_GLOBAL_CONFIG_DIR": str(tmp_path / "g"), "DVC_SYSTEM_CONFIG_DIR": str(tmp_path / "s")}
    settings = RemoteSettings(str(top), env)
    settings.add("a", "s3://a", GLOBAL)
    settings.add("b", "s3://b", SYSTEM)
    assert (tmp_path / "g/config").exists()
    assert (tmp_path / "s/config").exists()
    RemoteSettings(str(top), {"XDG_CONFIG_HOME": str(tmp_path / "x")}).add("a", "s3://a", GLOBAL)
    assert (tmp_path / "x/dvc/config").exists()


@pytest.mark.parametrize("option", ["secret_access_key", "access_key_id", "session_token", "sse_customer_key"])
@pytest.mark.parametrize("level", [REPO, SYSTEM])
def test_secret_goes_nowhere_where_others_read_it(
    top: Path, settings: RemoteSettings, option: str, level: Level
) -> None:
    settings.add("up", "s3://b", level)
    with pytest.raises(ConfigError) as caught:
        settings.modify("up", option, "hush", level)
    assert "--local" in (caught.value.hint or "")
    assert "hush" not in str(caught.value)
    assert "hush" not in text(top)


def test_password_in_a_url_is_a_secret(top: Path, settings: RemoteSettings) -> None:
    with pytest.raises(ConfigError, match="secret"):
        settings.add("up", "ssh://me:hush@host/x", REPO)
    settings.add("up", "ssh://me:hush@host/x", LOCAL)
    assert "hush" not in text(top)


def test_file_with_secrets_is_its_owners_alone(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    (top / ".dvc/config.local").write_text("")
    (top / ".dvc/config.local").chmod(0o644)
    (top / ".dvc/.gitignore").write_text("/tmp\n")
    settings.modify("up", "secret_access_key", 'a,b#c"d', LOCAL)
    assert mode(top / ".dvc/config.local") == 0o600
    assert mode(top / ".dvc/config") == 0o644
    assert text(top, ".gitignore") == "/tmp\n/config.local\n"
    assert text(top, "config.local") == "['remote \"up\"']\n    secret_access_key = 'a,b#c\"d'\n"
    settings.add("other", "gs://b", GLOBAL)
    path = Path(os.environ["HOME"]) / ".config/dvc/config"
    assert mode(path) == 0o644
    settings.add("third", "azure://c", GLOBAL)
    settings.modify("third", "sas_token", "hush", GLOBAL)
    assert mode(path) == 0o600


def test_option_that_the_scheme_does_not_have(settings: RemoteSettings) -> None:
    settings.add("up", "gs://b", REPO)
    settings.add("link", "remote://up/sub", REPO)
    for name in ("up", "link"):
        with pytest.raises(ConfigError) as caught:
            settings.modify(name, "region", "eu", REPO)
        assert "projectname" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="1 or more"):
        settings.modify("up", "jobs", "0", REPO)


def test_url_whose_scheme_does_not_have_the_options(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    settings.modify("up", "region", "eu", REPO)
    before = text(top)
    with pytest.raises(ConfigError, match="region"):
        settings.modify("up", "url", "gs://b", REPO)
    with pytest.raises(RemoteError, match="unknown scheme"):
        settings.modify("up", "url", "ftp://b", REPO)
    assert text(top) == before


def test_links_in_a_circle(settings: RemoteSettings) -> None:
    settings.add("a", "remote://b", REPO)
    settings.add("b", "remote://a", REPO)
    with pytest.raises(RemoteError, match="circle"):
        settings.modify("a", "jobs", "3", REPO)


def test_option_of_a_remote_of_another_level(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    settings.modify("UP", "Profile", "me", LOCAL)
    assert text(top, "config.local") == "['remote \"up\"']\n    profile = me\n"
    settings.add("own", "s3://c", LOCAL)
    with pytest.raises(RemoteError) as caught:
        settings.modify("own", "profile", "me", REPO)
    assert "--local" in (caught.value.hint or "")
    with pytest.raises(RemoteError, match="no remote 'none'"):
        settings.modify("none", "profile", "me", REPO)


def test_unset(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    settings.modify("up", "profile", "me", LOCAL)
    assert settings.modify("up", "profile", None, LOCAL) == [str(top / ".dvc/config.local")]
    assert text(top, "config.local") == ""
    before = text(top)
    assert settings.modify("up", "profile", None, REPO) == []
    with pytest.raises(RemoteError, match="no url"):
        settings.modify("up", "url", None, REPO)
    assert text(top) == before
    settings.modify("up", "url", "s3://mine", LOCAL)
    settings.modify("up", "url", None, LOCAL)
    assert settings.listed() == [ListedRemote("up", "s3://b", is_default=False)]


def test_rename_takes_default_and_local_options_along(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO, default=True)
    settings.modify("up", "secret_access_key", "hush", LOCAL)
    settings.set_default("up", LOCAL)
    changed = settings.rename("up", "Far", REPO)
    assert changed == [str(top / ".dvc/config"), str(top / ".dvc/config.local")]
    assert text(top) == "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://b\n"
    assert text(top, "config.local") == "[core]\n    remote = far\n['remote \"far\"']\n    secret_access_key = hush\n"
    settings.add("near", "s3://c", LOCAL)
    with pytest.raises(RemoteError, match="exists already"):
        settings.rename("far", "near", REPO)
    with pytest.raises(RemoteError, match="no remote"):
        settings.rename("none", "new", REPO)


def test_remote_of_the_same_name_in_another_file_is_another_one(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    settings.add("up", "s3://mine", LOCAL, default=True)
    assert settings.rename("up", "far", REPO) == [str(top / ".dvc/config")]
    assert settings.remove("far", REPO) == [str(top / ".dvc/config")]
    assert settings.listed() == [ListedRemote("up", "s3://mine", is_default=True)]


def test_remove_leaves_no_trace(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO, default=True)
    settings.add("other", "s3://c", REPO)
    settings.modify("up", "secret_access_key", "hush", LOCAL)
    settings.set_default("up", LOCAL)
    settings.remove("up", REPO)
    assert text(top) == "['remote \"other\"']\n    url = s3://c\n"
    assert text(top, "config.local") == ""
    with pytest.raises(RemoteError) as caught:
        settings.remove("up", REPO)
    assert "other" in (caught.value.hint or "")


def test_default(top: Path, settings: RemoteSettings) -> None:
    settings.add("up", "s3://b", REPO)
    assert settings.default() is None
    with pytest.raises(RemoteError, match="no remote 'none'"):
        settings.set_default("none", REPO)
    settings.set_default("UP", REPO)
    assert settings.default() == "up"
    settings.set_default(None, REPO)
    assert text(top) == "['remote \"up\"']\n    url = s3://b\n"


def test_configuration_from_below_the_root(top: Path) -> None:
    (top / "a/b").mkdir(parents=True)
    RemoteSettings(str(top / "a/b"), os.environ).add("up", "s3://b", REPO)
    assert "s3://b" in text(top)


def test_nearest_root_counts(top: Path) -> None:
    (top / "team/.dvc").mkdir(parents=True)
    RemoteSettings(str(top / "team"), os.environ).add("up", "s3://b", REPO)
    assert text(top) == ""
    assert "s3://b" in text(top / "team")


def test_change_of_somebody_else_is_merged(
    top: Path, settings: RemoteSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, interfered = config_files.replace_file, []

    def interfere(path: str, data: bytes, **options: object) -> None:
        if not interfered:
            interfered.append(path)
            Path(path).write_text("['remote \"theirs\"']\n    url = s3://theirs\n")
        replace(path, data, **options)

    monkeypatch.setattr(config_files, "replace_file", interfere)
    settings.add("ours", "s3://ours", REPO)
    assert interfered
    assert {remote.name for remote in settings.listed()} == {"ours", "theirs"}


def test_file_that_never_rests_is_an_error(settings: RemoteSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(path: str, _data: bytes, **_options: object) -> None:
        calls.append(path)
        raise ChangedMeanwhileError(path)

    monkeypatch.setattr(config_files, "replace_file", refuse)
    with pytest.raises(ChangedMeanwhileError):
        settings.add("ours", "s3://ours", REPO)
    assert len(calls) == 3


def test_broken_file_is_named_and_left_alone(top: Path, settings: RemoteSettings) -> None:
    (top / ".dvc/config").write_text("[core\n")
    with pytest.raises(ConfigError, match=r"\.dvc/config:1"):
        settings.add("up", "s3://b", REPO)
    assert text(top) == "[core\n"
