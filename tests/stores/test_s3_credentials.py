"""Where credentials come from, that they are looked for again, and what is said when there are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import s3_store
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.errors import CredentialsError, RemoteError
from cvfs.stores.s3 import S3Store
from cvfs.stores.s3.options import S3Options

GOOD = Answer(200, b"data", {"ETag": '"e"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})
EXPIRED = Answer(400, b"<Error><Code>ExpiredToken</Code></Error>")

#: A plain name goes through obstore, one with a control character through botocore.
KEYS = pytest.mark.parametrize("key", ["plain", "tab\tb"], ids=["obstore", "botocore"])


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Take all credentials out of the environment; the result writes a profile's into the user's file."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    def write(access_key: str, profile: str = "default") -> None:
        file.write_text(profile_text(access_key, profile))

    return write


def profile_text(access_key: str, profile: str = "default") -> str:
    return f"[{profile}]\naws_access_key_id = {access_key}\naws_secret_access_key = secret\n"


def signer(request: Received) -> str | None:
    """Return the access key that signed a request, None for an unsigned one."""
    header = request.headers.get("authorization")
    return None if header is None else header.partition("Credential=")[2].partition("/")[0]


@KEYS
@pytest.mark.parametrize("source", ["options", "environment", "default", "profile", "AWS_PROFILE", "credentialpath"])
def test_credentials_are_found(
    scripted: ScriptedServer, ambient: Callable, monkeypatch, tmp_path: Path, key: str, source: str
) -> None:
    scripted.always(GOOD)
    options: dict[str, object] = {}
    if source == "options":
        options = {"access_key_id": "wanted", "secret_access_key": "secret"}
    elif source == "environment":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wanted")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    elif source == "default":
        ambient("wanted")
    elif source == "profile":
        ambient("wanted", "team")
        options = {"profile": "team"}
    elif source == "AWS_PROFILE":
        ambient("wanted", "team")
        monkeypatch.setenv("AWS_PROFILE", "team")
    else:
        monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
        file = tmp_path / "elsewhere"
        file.write_text(profile_text("wanted"))
        options = {"credentialpath": str(file)}
    assert s3_store(scripted.endpoint, **options).read(key, "v1").data == b"data"
    assert [signer(request) for request in scripted.received] == ["wanted"]


@KEYS
def test_options_of_the_remote_leave_no_room_for_the_environments_token(
    scripted: ScriptedServer, monkeypatch, key: str
) -> None:
    scripted.always(GOOD)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "someone-elses")
    store = s3_store(scripted.endpoint, access_key_id="mine", secret_access_key="secret")
    store.read(key, "v1")
    assert "x-amz-security-token" not in scripted.received[0].headers
    s3_store(scripted.endpoint, access_key_id="a", secret_access_key="b", session_token="own").read(key, "v1")
    assert scripted.received[1].headers["x-amz-security-token"] == "own"


def test_environments_file_goes_before_the_remotes_as_in_dvc(
    scripted: ScriptedServer, ambient: Callable, tmp_path: Path
) -> None:
    scripted.always(GOOD)
    ambient("environments")
    file = tmp_path / "elsewhere"
    file.write_text(profile_text("remotes"))
    s3_store(scripted.endpoint, credentialpath=str(file)).read("a", "v1")
    assert signer(scripted.received[0]) == "environments"


def test_configpath_is_read(scripted: ScriptedServer, ambient: Callable, tmp_path: Path) -> None:
    scripted.always(GOOD)
    file = tmp_path / "config"
    file.write_text(profile_text("from-config", "profile team"))
    s3_store(scripted.endpoint, configpath=str(file), profile="team").read("a", "v1")
    assert signer(scripted.received[0]) == "from-config"


@KEYS
def test_anonymous_access_signs_nothing(scripted: ScriptedServer, monkeypatch, key: str) -> None:
    scripted.always(GOOD)
    store = s3_store(scripted.endpoint, anonymous=True)
    store.check()
    assert store.read(key, "v1").data == b"data"
    assert [signer(request) for request in scripted.received] == [None]


def test_making_a_store_and_missing_credentials_ask_nobody(scripted: ScriptedServer, ambient: Callable) -> None:
    store = s3_store(scripted.endpoint)
    for ask in (store.check, lambda: store.read("a", "v1"), lambda: store.read("tab\t", "v1"), lambda: store.stat("a")):
        with pytest.raises(CredentialsError, match="no credentials found") as caught:
            ask()
        assert "remote 'up'" in caught.value.message
        assert "looked in the environment" in caught.value.message
    assert scripted.received == []


def test_missing_profile_is_told_at_once(scripted: ScriptedServer, ambient: Callable) -> None:
    with pytest.raises(RemoteError, match="nobody"):
        s3_store(scripted.endpoint, profile="nobody")


def test_half_of_the_credentials_is_told_at_once(scripted: ScriptedServer) -> None:
    with pytest.raises(RemoteError, match="no secret_access_key"):
        s3_store(scripted.endpoint, access_key_id="alone")


def test_silent_metadata_service_does_not_hold_up_for_long(ambient: Callable, monkeypatch, scripted) -> None:
    done = threading.Event()
    scripted.always(Answer(wait=done))
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", scripted.endpoint)
    store = s3_store("http://127.0.0.1:9")
    began = datetime.now(UTC)
    try:
        with pytest.raises(CredentialsError):
            store.check()
        first = datetime.now(UTC) - began
        with pytest.raises(CredentialsError):
            store.read("a", "v1")
    finally:
        done.set()
    assert scripted.received, "the metadata service was not asked at all"
    assert first < timedelta(seconds=20)
    # The second time, nobody was asked again.
    assert datetime.now(UTC) - began < first + timedelta(seconds=5)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@KEYS
def test_new_credentials_are_found_after_the_old_ones_were_refused(
    scripted: ScriptedServer, ambient: Callable, key: str
) -> None:
    scripted.answer = lambda request: GOOD if signer(request) == "second" else EXPIRED
    ambient("first")
    clock = Clock()
    store = S3Store(
        S3Options(label="remote 'up'", bucket="bucket", region="us-east-1", endpointurl=scripted.endpoint), clock=clock
    )
    with pytest.raises(CredentialsError, match="expired"):
        store.read(key, "v1")
    assert [signer(request) for request in scripted.received] == ["first"], "the same credentials were tried twice"
    ambient("second")
    with pytest.raises(CredentialsError):
        store.read(key, "v1")
    clock.now += 10.0
    assert store.read(key, "v1").data == b"data"


def test_credentials_that_appear_later_are_found(scripted: ScriptedServer, ambient: Callable) -> None:
    scripted.always(GOOD)
    clock = Clock()
    store = S3Store(
        S3Options(label="remote 'up'", bucket="bucket", region="us-east-1", endpointurl=scripted.endpoint), clock=clock
    )
    with pytest.raises(CredentialsError):
        store.read("a", "v1")
    ambient("late")
    clock.now += 10.0
    assert store.read("a", "v1").data == b"data"


@KEYS
def test_credentials_that_expire_are_refreshed(
    scripted: ScriptedServer, ambient: Callable, monkeypatch, key: str
) -> None:
    # Less than botocore's limit before the end, so that each use asks for the next ones.
    end = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given: list[str] = []

    def container(_: Received) -> Answer:
        given.append(f"key-{len(given)}")
        body = {"AccessKeyId": given[-1], "SecretAccessKey": "s", "Token": f"of-{given[-1]}", "Expiration": end}
        return Answer(200, json.dumps(body).encode())

    with ScriptedServer().running() as provider:
        provider.answer = container
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{provider.endpoint}/credentials")
        scripted.always(GOOD)
        store = s3_store(scripted.endpoint)
        store.read(key, "v1")
        store.read(key, "v1")
    first, second = scripted.received
    assert signer(first) != signer(second)
    assert second.headers["x-amz-security-token"] == f"of-{signer(second)}"


def test_failing_provider_is_named_without_its_secrets(
    scripted: ScriptedServer, ambient: Callable, monkeypatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/credentials?token=s3cr3t")
    with pytest.raises(CredentialsError) as caught:
        s3_store(scripted.endpoint).check()
    assert "s3cr3t" not in str(caught.value)
    assert scripted.received == []
