"""The table of options; that it is DVC's is tested in tests/interop/test_remote_settings.py."""

from __future__ import annotations

import pytest

from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config_file import PATH_OPTIONS
from cvfs.metafiles.remote_schema import SECRETS, check_option, is_secret, known_options, scheme_of


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("s3://b/x", "s3"),
        ("GS://b", "gs"),
        ("azure://container/path", "azure"),
        ("remote://other/sub", "remote"),
        ("/abs", ""),
        ("../rel", ""),
        ("~/x", ""),
        ("file:///abs", ""),
        ("C:\\x", ""),
    ],
)
def test_scheme(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


def test_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(RemoteError) as caught:
        scheme_of("ftp://host/x")
    assert "ftp" in caught.value.message
    assert "s3" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("scheme", "option", "good", "bad"),
    [
        ("s3", "jobs", ["1", "64"], ["0", "-1", "many", "1.5", ""]),
        ("", "checksum_jobs", ["2"], ["0"]),
        ("s3", "version_aware", ["true", "False"], ["yes", "1", ""]),
        ("s3", "ssl_verify", ["false", "/etc/ca.pem"], [""]),
        ("s3", "read_timeout", ["60", "0"], ["soon", "1.5"]),
        ("http", "connect_timeout", ["1.5", "0"], ["-1", "nan", "inf", "soon"]),
        ("http", "auth", ["basic", "Digest"], ["none"]),
        ("", "type", ["reflink,copy", "symlink", "hardlink, copy"], ["move", "copy,"]),
        ("", "shared", ["group"], ["all"]),
        ("remote", "account_name", ["x"], [""]),
        ("remote", "timeout", ["3"], ["soon"]),
    ],
)
def test_values(scheme: str, option: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        check_option(scheme, option, value)
    for value in bad:
        with pytest.raises(ConfigError, match=option):
            check_option(scheme, option, value)


def test_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        check_option("gs", "region", "eu")
    assert "projectname" in (caught.value.hint or "")
    assert "region" not in (caught.value.hint or "")


def test_message_never_shows_the_value() -> None:
    with pytest.raises(ConfigError) as caught:
        check_option("azure", "timeout", "my-secret")
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "secret"),
    [
        ("secret_access_key", "x", True),
        ("connection_string", "x", True),
        ("url", "ssh://user:password@host/x", True),
        ("url", "ssh://user@host/x", False),
        ("url", "s3://bucket/a:b@c", False),
        ("endpointurl", "http://x", False),
        ("profile", "x", False),
    ],
)
def test_secrets(option: str, value: str, secret: bool) -> None:
    assert is_secret(option, value) == secret


def test_names_in_other_tables_are_options() -> None:
    everything = known_options("remote")
    assert everything >= SECRETS
    assert everything >= PATH_OPTIONS["remote"]
