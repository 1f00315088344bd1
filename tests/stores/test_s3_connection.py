"""Endpoints, styles of address, TLS, and what else goes with every request."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import s3_store
from servers.certificates import Authority, self_signed
from servers.scripted import Answer, ScriptedServer

from cvfs.errors import RemoteError, StoreError, UnavailableError
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.session import Address, AwsSession

GOOD = Answer(200, b"data", {"ETag": '"e"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})
KEYS = pytest.mark.parametrize("key", ["plain", "tab\tb"], ids=["obstore", "botocore"])
KEY = {"access_key_id": "key", "secret_access_key": "secret"}


def session(**options: object) -> AwsSession:
    return AwsSession(S3Options(**{"label": "remote 'up'", "bucket": "bucket", **options}))


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"region": "eu-west-1"}, Address("https://bucket.s3.eu-west-1.amazonaws.com", True)),
        ({"region": "cn-north-1"}, Address("https://bucket.s3.cn-north-1.amazonaws.com.cn", True)),
        # A dot in the name would break the wildcard of the certificate.
        ({"region": "eu-west-1", "bucket": "b.c"}, Address("https://s3.eu-west-1.amazonaws.com", False)),
        ({"endpointurl": "https://minio.example:9000"}, Address("https://minio.example:9000", False)),
        ({"endpointurl": "http://gateway.example/s3/"}, Address("http://gateway.example/s3", False)),
    ],
)
def test_address_is_botocores(options: dict[str, str], address: Address) -> None:
    assert session(**options).address == address


@pytest.mark.parametrize(
    ("style", "address"),
    [
        ("path", Address("https://s3.eu-west-1.amazonaws.com", False)),
        ("virtual", Address("https://bucket.s3.eu-west-1.amazonaws.com", True)),
    ],
)
def test_addressing_style_of_the_aws_config_is_followed(tmp_path: Path, style: str, address: Address) -> None:
    file = tmp_path / "config"
    file.write_text(f"[default]\ns3 =\n    addressing_style = {style}\n")
    assert session(configpath=str(file), region="eu-west-1").address == address


def test_virtual_style_below_a_custom_endpoint(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("[default]\ns3 =\n    addressing_style = virtual\n")
    found = session(configpath=str(file), endpointurl="http://store.example:8000").address
    assert found == Address("http://bucket.store.example:8000", True)


def test_region_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session(region="eu-north-1").region == "eu-north-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    assert session().region == "ap-south-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert session().region == "us-east-1"


@KEYS
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_endpoint_of_the_environment_is_used(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, key: str, name: str
) -> None:
    scripted.always(GOOD)
    monkeypatch.setenv(name, scripted.endpoint)
    store = s3_store(None, **KEY)
    assert store.read(key, "v1").data == b"data"
    assert store.url == f"s3://bucket at {scripted.endpoint}"


@KEYS
def test_endpoint_of_the_remote_goes_before_the_environments(
    scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    scripted.always(GOOD)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("AWS_SKIP_SIGNATURE", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"):
        monkeypatch.setenv(name, "true")
    assert s3_store(scripted.endpoint, **KEY).read(key, "v1").data == b"data"
    assert "authorization" in scripted.received[0].headers
    assert scripted.received[0].target.startswith("/bucket/")


def test_url_is_an_identity_without_secrets() -> None:
    assert s3_store(None, prefix="base/").url == "s3://bucket/base"
    assert s3_store("https://me:s3cr3t@store.example/x/").url == "s3://bucket at https://store.example/x"


@pytest.mark.parametrize(
    ("prefix", "full"), [("", "a/b"), ("base", "base/a/b"), ("base/", "base/a/b"), ("x//y", "x//y/a/b")]
)
def test_key_in_the_bucket(scripted: ScriptedServer, prefix: str, full: str) -> None:
    scripted.always(GOOD)
    store = s3_store(scripted.endpoint, prefix=prefix, **KEY)
    store.read("a/b", "v1")
    assert store.full_key("a/b") == full
    assert scripted.received[0].target == f"/bucket/{full}?versionId=v1"


def test_line_break_in_a_name_is_sent(scripted: ScriptedServer) -> None:
    scripted.always(GOOD)
    s3_store(scripted.endpoint, **KEY).read("new\nline", "v1")
    assert scripted.received[0].target == "/bucket/new%0Aline?versionId=v1"


@KEYS
def test_customers_key_goes_with_every_read(scripted: ScriptedServer, key: str) -> None:
    scripted.always(GOOD)
    store = s3_store(scripted.endpoint, sse_customer_key=b"k" * 32, **KEY)
    store.read(key, "v1")
    store.stat(key, "v1")
    assert len(scripted.received) == 2
    for request in scripted.received:
        name = "x-amz-server-side-encryption-customer"
        assert request.headers[f"{name}-algorithm"] == "AES256"
        assert request.headers[f"{name}-key"] == base64.b64encode(b"k" * 32).decode()


@contextmanager
def secure_server(certificate: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(certificate).running() as server:
        server.always(GOOD)
        yield server


@KEYS
def test_unknown_authority_is_refused_and_not_tried_again(tmp_path: Path, key: str) -> None:
    with secure_server(Authority(tmp_path).certify("127.0.0.1")) as server:
        with pytest.raises(StoreError, match="certificate") as caught:
            s3_store(server.endpoint, **KEY).read(key, "v1")
        assert not isinstance(caught.value, UnavailableError)
        assert "AWS_CA_BUNDLE" in str(caught.value.hint)
        assert server.received == []


@KEYS
@pytest.mark.parametrize("source", ["ssl_verify", "AWS_CA_BUNDLE"])
def test_authority_of_the_users_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, source: str
) -> None:
    authority = Authority(tmp_path)
    if source == "AWS_CA_BUNDLE":
        monkeypatch.setenv(source, str(authority.path))
    verify = str(authority.path) if source == "ssl_verify" else None
    with secure_server(authority.certify("127.0.0.1")) as server:
        assert s3_store(server.endpoint, verify=verify, **KEY).read(key, "v1").data == b"data"


@KEYS
def test_certificate_for_another_host_is_refused(tmp_path: Path, key: str) -> None:
    authority = Authority(tmp_path)
    with secure_server(authority.certify("127.0.0.9")) as server, pytest.raises(StoreError, match="certificate"):
        s3_store(server.endpoint, verify=str(authority.path), **KEY).read(key, "v1")


def test_self_signed_certificate_of_the_users_own_is_taken(tmp_path: Path) -> None:
    certificate, bundle = self_signed(tmp_path, "127.0.0.1")
    with secure_server(certificate) as server:
        store = s3_store(server.endpoint, verify=str(bundle), **KEY)
        assert store.read("plain", "v1").data == b"data"
        assert store.read("plain", "v1").data == b"data"
        assert len(server.received) == 2


@KEYS
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_check_of_certificates_can_be_turned_off(tmp_path: Path, key: str) -> None:
    with secure_server(Authority(tmp_path).certify("127.0.0.9")) as server:
        assert s3_store(server.endpoint, verify=False, **KEY).read(key, "v1").data == b"data"


def test_unreadable_bundle_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="no-such-file"):
        s3_store("https://127.0.0.1:9", verify=str(tmp_path / "no-such-file"), **KEY)


def test_bundle_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("nothing here\n")
    with pytest.raises(StoreError, match="certificate"):
        s3_store("https://127.0.0.1:9", verify=str(tmp_path / "empty"), **KEY).read("a", "v1")


def test_plain_http_is_not_spoken_to_a_secure_server_nor_the_reverse(tmp_path: Path, scripted: ScriptedServer) -> None:
    with pytest.raises(UnavailableError):
        s3_store(scripted.endpoint.replace("http://", "https://"), **KEY).read("a", "v1")
    assert scripted.received == []
