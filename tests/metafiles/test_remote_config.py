"""Options of a remote as values."""

from __future__ import annotations

import pytest

from cvfs.errors import ConfigError
from cvfs.metafiles.config import Level, RemoteConfig, Value


def remote(url: str = "s3://b", **options: str) -> RemoteConfig:
    return RemoteConfig("up", url, {name: Value(text, Level.COMMIT, ".dvc/config") for name, text in options.items()})


@pytest.mark.parametrize(
    ("url", "scheme"), [("s3://b/k", "s3"), ("S3://b", "s3"), ("/x", ""), ("/x://y", "/x"), ("file:///x", "file")]
)
def test_scheme(url: str, scheme: str) -> None:
    assert remote(url).scheme == scheme


@pytest.mark.parametrize(
    ("options", "aware"),
    [
        ({}, False),
        ({"version_aware": "true"}, True),
        ({"version_aware": "False"}, False),
        ({"worktree": "TRUE"}, True),
        ({"worktree": "true", "version_aware": "true"}, True),
        ({"worktree": "false", "version_aware": "true"}, True),
    ],
)
def test_version_aware(options: dict[str, str], aware: bool) -> None:
    assert remote(**options).version_aware is aware


def test_worktree_without_versions_is_an_error_as_in_dvc() -> None:
    with pytest.raises(ConfigError, match="needs version_aware"):
        assert remote(worktree="true", version_aware="false").version_aware


def test_text() -> None:
    assert [remote(region=text).text("region") for text in ("eu", "")] == ["eu", None]
    assert remote().text("region") is None


def test_flag() -> None:
    assert remote(use_ssl="False").flag("use_ssl", default=True) is False
    assert remote(use_ssl="").flag("use_ssl", default=True) is True
    assert remote().flag("use_ssl", default=True) is True


@pytest.mark.parametrize("text", ["yes", "no", "1", "0", "on", "SECRET"])
def test_flag_of_another_form_names_file_and_option_but_not_the_text(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^\.dvc/config: option 'use_ssl' of remote 'up': expected true or false$"):
        remote(use_ssl=text).flag("use_ssl", default=True)


def test_flag_or_text() -> None:
    texts = ("true", "False", " false ", "/ca.pem", "", "  ", "no")
    found = [remote(ssl_verify=text).flag_or_text("ssl_verify") for text in texts]
    assert found == [True, False, False, "/ca.pem", None, None, "no"]
    assert remote().flag_or_text("ssl_verify") is None


def test_integer() -> None:
    assert remote(read_timeout="60").integer("read_timeout") == 60
    assert remote().integer("read_timeout") is None


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "٣", "1" * 20])
def test_integer_of_another_form(text: str) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        remote(read_timeout=text).integer("read_timeout")
