"""From DVC's options of an S3 remote to ours."""

from __future__ import annotations

import base64

import pytest

from cvfs.errors import ConfigError, CvfsError, RemoteError
from cvfs.metafiles.config import Level, RemoteConfig, Value
from cvfs.stores.s3.options import S3Options, options_of

SECRET_KEY = base64.b64encode(b"k" * 32).decode()


def options(url: str = "s3://bucket/base", **texts: str) -> S3Options:
    values = {name: Value(text, Level.LOCAL, ".dvc/config.local") for name, text in texts.items()}
    return options_of(RemoteConfig("up", url, values))


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket/base", "bucket", "base"),
        ("s3://bucket/base/sub/", "bucket", "base/sub/"),
        ("S3://bucket/with space#and?more%20", "bucket", "with space#and?more%20"),
    ],
)
def test_url(url: str, bucket: str, prefix: str) -> None:
    found = options(url)
    assert (found.bucket, found.prefix) == (bucket, prefix)
    assert "'up'" in found.label


@pytest.mark.parametrize(
    "name",
    [
        *("region", "profile", "credentialpath", "configpath", "endpointurl", "access_key_id", "secret_access_key"),
        *("session_token", "sse", "sse_kms_key_id", "sse_customer_algorithm", "acl"),
    ],
)
def test_text_is_passed_on(name: str) -> None:
    assert getattr(options(**{name: "some text"}), name) == "some text"


@pytest.mark.parametrize(
    ("texts", "name", "value"),
    [
        ({}, "anonymous", False),
        ({"allow_anonymous_login": "True"}, "anonymous", True),
        ({}, "use_ssl", True),
        ({"use_ssl": "false"}, "use_ssl", False),
        ({}, "verify", None),
        ({"ssl_verify": "true"}, "verify", None),
        ({"ssl_verify": "false"}, "verify", False),
        ({"ssl_verify": "/etc/ca.pem"}, "verify", "/etc/ca.pem"),
        ({"read_timeout": "7"}, "read_timeout", 7),
        ({"connect_timeout": "3"}, "connect_timeout", 3),
        ({"sse_customer_key": SECRET_KEY}, "sse_customer_key", b"k" * 32),
        ({}, "sse_customer_algorithm", "AES256"),
        (
            {"grant_read": "id=1", "grant_full_control": "id=2"},
            "grants",
            (("GrantFullControl", "id=2"), ("GrantRead", "id=1")),
        ),
    ],
)
def test_value_is_of_its_kind(texts: dict[str, str], name: str, value: object) -> None:
    assert getattr(options(**texts), name) == value


@pytest.mark.parametrize(
    ("texts", "error", "named"),
    [
        ({"use_ssl": "2"}, ConfigError, "use_ssl"),
        ({"read_timeout": "soon"}, ConfigError, "read_timeout"),
        ({"sse_customer_key": "short"}, RemoteError, "32 bytes"),
        ({"sse_customer_key": "!" * 44}, RemoteError, "32 bytes"),
        ({"sse_customer_key": SECRET_KEY, "sse_kms_key_id": "id"}, RemoteError, "exclude"),
        ({"acl": "private", "grant_read_acp": "id=1"}, RemoteError, "exclude"),
    ],
)
def test_value_that_makes_no_sense(texts: dict[str, str], error: type[CvfsError], named: str) -> None:
    with pytest.raises(error, match=named) as caught:
        options(**texts)
    assert SECRET_KEY not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    secrets = {name: f"s3cr3t-{name}" for name in ("access_key_id", "secret_access_key", "session_token")}
    text = repr(options(**secrets, sse_customer_key=SECRET_KEY))
    assert "s3cr3t" not in text
    assert "kkkk" not in text
