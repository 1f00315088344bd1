"""By which account and which credentials an Azure remote is reached: options, environment, configuration file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config import Level, RemoteConfig, Value
from cvfs.stores.azure.login import EMULATOR_ACCOUNT, EMULATOR_KEY, Login, Way, login_of
from cvfs.stores.azure.options import AzureOptions, options_of
from cvfs.stores.azure.surroundings import Surroundings

KEY = "c2VjcmV0IGtleQ=="
SAS = "sv=2021-12-02&sig=secret%2Bsignature%3D"


def login(**options: Any) -> Login:
    return login_of(AzureOptions(label="remote 'up'", container="c", **options), Surroundings())


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path of Azure's configuration file, not yet written."""
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    return tmp_path / "config"


def remote(url: str = "azure://c/base/dir/", **options: str) -> RemoteConfig:
    return RemoteConfig("up", url, {key: Value(text, Level.LOCAL, "config.local") for key, text in options.items()})


def test_every_option_of_dvc() -> None:
    texts = dict.fromkeys(
        ("connection_string", "sas_token", "account_name", "account_key", "tenant_id", "client_id", "client_secret"),
    )
    texts = {name: name.upper() for name in texts}
    flags = dict.fromkeys(
        (
            *("allow_anonymous_login", "exclude_environment_credential", "exclude_visual_studio_code_credential"),
            *("exclude_shared_token_cache_credential", "exclude_managed_identity_credential"),
        ),
        "true",
    )
    found = options_of(remote(**texts, **flags, timeout="1", read_timeout="2", connection_timeout="3"))
    assert found == AzureOptions(
        label="remote 'up' (azure://c/base/dir/)",
        container="c",
        prefix="base/dir",
        **texts,
        anonymous=True,
        exclusions=tuple(flags)[1:],
        timeout=1,
        read_timeout=2,
        connection_timeout=3,
    )
    assert not any(text in repr(found) for text in ("CONNECTION_STRING", "SAS_TOKEN", "ACCOUNT_KEY", "CLIENT_SECRET"))


@pytest.mark.parametrize("wrong", [{"read_timeout": "soon"}, {"allow_anonymous_login": "maybe"}])
def test_value_that_is_none(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        options_of(remote(**wrong))


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({"connection_string": f"AccountName=cs;AccountKey={KEY}"}, Way.KEY),
        ({"connection_string": f"BlobEndpoint=https://cs.example/;SharedAccessSignature=?{SAS}"}, Way.SAS),
        ({"tenant_id": "t", "client_id": "i", "client_secret": "s"}, Way.PRINCIPAL),
        ({"account_key": KEY}, Way.KEY),
        ({"sas_token": SAS}, Way.SAS),
        ({}, Way.DEFAULT),
    ],
    ids=["string", "string-sas", "principal", "key", "sas", "default"],
)
def test_order_of_the_ways_in(options: dict[str, str], way: Way) -> None:
    everything = {"sas_token": SAS, "account_key": KEY, "tenant_id": "t", "client_id": "i", "client_secret": "s"}
    order = ["connection_string", "client_id", "account_key", "sas_token"]
    stronger = [name for name in order if name in options]
    weaker = order[order.index(stronger[0]) + 1 :] if stronger else []
    if "client_id" in weaker:
        weaker += ["tenant_id", "client_secret"]
    rest = {name: everything[name] for name in weaker}
    assert login(account_name="acc", **{**rest, **options}).way is way


def test_anonymous_access_is_the_last_way_and_needs_the_word() -> None:
    assert login(account_name="acc", anonymous=True).way is Way.ANONYMOUS
    assert login(account_name="acc", account_key=KEY, anonymous=True).way is Way.KEY
    assert login(account_name="acc").way is Way.DEFAULT


@pytest.mark.parametrize(
    ("text", "endpoint", "account"),
    [
        (f"AccountName=acc;AccountKey={KEY}", "https://acc.blob.core.windows.net", "acc"),
        (f"defaultendpointsprotocol=http;accountname=acc;accountkey={KEY};", "http://acc.blob.core.windows.net", "acc"),
        (f"AccountName=acc;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn",
         "https://acc.blob.core.chinacloudapi.cn", "acc"),
        (f"AccountName=acc;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/acc/",
         "http://127.0.0.1:10000/acc", "acc"),
        (f"BlobEndpoint=https://acc.blob.core.windows.net/;SharedAccessSignature={SAS}",
         "https://acc.blob.core.windows.net", "acc"),
        (f"BlobEndpoint=http://127.0.0.1:10000/acc;SharedAccessSignature={SAS}", "http://127.0.0.1:10000/acc", "acc"),
    ],
)  # fmt: skip
def test_connection_strings(text: str, endpoint: str, account: str) -> None:
    found = login(connection_string=text)
    assert (found.endpoint, found.account) == (endpoint, account)
    assert found.secret in {KEY, SAS}
    assert str(found.secret) not in f"{found!r}{found}"


def test_connection_string_of_the_emulator() -> None:
    found = login(connection_string="UseDevelopmentStorage=true")
    assert (found.account, found.secret) == (EMULATOR_ACCOUNT, EMULATOR_KEY)
    assert found.endpoint == "http://127.0.0.1:10000/devstoreaccount1"


@pytest.mark.parametrize(
    "text",
    [
        f"AccountKey={KEY}",
        "nonsense",
        f"AccountName=acc;AccountKey={KEY};BlobEndpoint=ftp://host",
        f"AccountName=acc;AccountKey={KEY};BlobEndpoint=https://me@host",
        f"AccountName=acc;BlobEndpoint=https://host?{SAS}",
        "AccountName=acc;AccountKey=not-base64",
    ],
)
def test_connection_string_that_cannot_be_used(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        login(connection_string=text)
    assert "the remote's connection_string" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (KEY, "signature", "not-base64"))


def test_environment_comes_after_the_options_and_before_the_file(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text(f"[storage]\naccount = file\nkey = {KEY}\n")
    assert (login().account, login().secret) == ("file", KEY)
    assert str(config_file) in str(login())
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "environment")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "ZW52")
    assert (login().account, login().secret) == ("environment", "ZW52")
    assert "AZURE_STORAGE_KEY" in str(login())
    found = login(account_name="option", account_key="b3B0")
    assert (found.account, found.secret, str(found)) == (
        *("option", "b3B0"),
        "credentials: account key from the remote's account_key",
    )


@pytest.mark.parametrize(
    ("name", "text", "way"),
    [
        ("CONNECTION_STRING", f"AccountName=acc;AccountKey={KEY}", Way.KEY),
        ("SAS_TOKEN", f"?{SAS}", Way.SAS),
        ("KEY", KEY, Way.KEY),
    ],
)
def test_environment_and_file_know_all_ways(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, way: Way
) -> None:
    config_file.write_text(f"[storage]\n{name.lower()} = {text}\n")
    assert login(account_name="acc").way is way
    config_file.unlink()
    monkeypatch.setenv(f"AZURE_STORAGE_{name}", text)
    assert login(account_name="acc").way is way
    assert login(account_name="acc").secret in {KEY, SAS}


@pytest.mark.parametrize("content", [b"no section\nkey = c2VjcmV0", b"[storage\n", b"\xff\xfe"])
def test_configuration_file_that_is_none(config_file: Path, content: bytes) -> None:
    config_file.write_bytes(content)
    with pytest.raises(RemoteError) as caught:
        login(account_name="acc")
    assert str(config_file) in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


def test_home_has_the_configuration_file_where_nothing_else_is_said() -> None:
    directory = Path(os.environ["HOME"]) / ".azure"
    directory.mkdir()
    (directory / "config").write_text("[storage]\naccount = home\n[core]\nx = %y\n")
    assert login().account == "home"


def test_no_account_is_named() -> None:
    with pytest.raises(RemoteError, match="no storage account is named") as caught:
        login(account_key=KEY)
    assert "AZURE_STORAGE_ACCOUNT" in str(caught.value.hint)


def test_half_a_service_principal() -> None:
    with pytest.raises(RemoteError, match="belong together"):
        login(account_name="acc", client_id="i", tenant_id="t")
