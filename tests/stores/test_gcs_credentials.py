"""Where credentials for Google Cloud Storage come from, what is said without them, and how they are renewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gcs_harness import gcs_store
from servers.gcs import ADMIN, Gcs
from servers.gcs_http import Request
from servers.scripted import Answer

from cvfs.errors import CredentialsError, RemoteError, StoreError, UnavailableError
from cvfs.stores.gcs import GcsStore
from cvfs.stores.gcs.options import GcsOptions


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def bucket(gcs: Gcs) -> str:
    return gcs.make_bucket()


@pytest.fixture
def version(gcs: Gcs, bucket: str) -> str:
    return str(gcs_store(gcs, bucket).put("a", b"x").version_id)


def ambient(gcs: Gcs, bucket: str, **options: object) -> GcsStore:
    return GcsStore(GcsOptions(**{"label": "remote 'up'", "bucket": bucket, "endpointurl": gcs.endpoint, **options}))


def test_key_that_the_environment_names(gcs: Gcs, bucket: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs.key_file()))
    store = ambient(gcs, bucket)
    store.check()
    assert store.read("a", version).data == b"x"
    assert store.stat("a").version_id == version


def test_key_in_gclouds_files(
    gcs: Gcs, bucket: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcs.key_file(directory=tmp_path).rename(tmp_path / "application_default_credentials.json")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "test-project")
    assert ambient(gcs, bucket).read("a", version).data == b"x"


def test_remotes_own_key_goes_before_the_environments(
    gcs: Gcs, bucket: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs.key_file("nobody@elsewhere")))
    assert gcs_store(gcs, bucket).read("a", version).data == b"x"


def test_no_credentials_anywhere(gcs: Gcs, bucket: str) -> None:
    store = ambient(gcs, bucket)
    mark = gcs.mark()
    for action in (store.check, lambda: store.read("a", "17"), lambda: store.put("a", b"x"), store.versioning):
        with pytest.raises(CredentialsError, match="no credentials found") as caught:
            action()
        for way in ("gcloud auth application-default login", "GOOGLE_APPLICATION_CREDENTIALS", "allow_anonymous_login"):
            assert way in str(caught.value)
    assert gcs.requests(since=mark) == []


def test_anonymous(gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not even looked at.
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    public = gcs.make_bucket(public=True)
    version = str(gcs_store(gcs, public).put("a", b"x").version_id)
    store = ambient(gcs, public, anonymous=True)
    mark = gcs.mark()
    assert store.read("a", version).data == b"x"
    assert store.stat("a", version).size == 1
    assert [found.key for found in store.listing("")] == ["a"]
    assert not any("authorization" in one.headers for one in gcs.received(mark))
    with pytest.raises(CredentialsError, match="allow_anonymous_login"):
        store.put("a", b"y")


def test_emulator_that_the_environment_names_is_asked_anonymously(gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:
    public = gcs.make_bucket(public=True)
    version = str(gcs_store(gcs, public).put("a", b"x").version_id)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.endpoint)
    store = GcsStore(GcsOptions("remote 'up'", public))
    assert store.url == f"gs://{public} at {gcs.endpoint}"
    assert store.read("a", version).data == b"x"
    with pytest.raises(CredentialsError, match="STORAGE_EMULATOR_HOST"):
        store.put("a", b"y")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.endpoint.removeprefix("http://"))
    assert GcsStore(GcsOptions("remote 'up'", public)).read("a", version).data == b"x"


def test_emulator_with_a_key_of_the_remotes(gcs: Gcs, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.endpoint)
    store = GcsStore(GcsOptions("remote 'up'", bucket, credentialpath=str(gcs.key_file())))
    assert store.put("a", b"x").size == 1


def test_endpoint_of_the_remote_goes_before_the_environments(
    gcs: Gcs, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    assert gcs_store(gcs, bucket).put("a", b"x").size == 1


@pytest.mark.parametrize("endpoint", ["ftp://host", "http://", "https:///path"])
def test_endpoint_that_is_none(endpoint: str) -> None:
    with pytest.raises(RemoteError, match="no URL of a server"):
        GcsStore(GcsOptions("remote 'up'", "bucket", endpointurl=endpoint))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("", "Expecting value"),
        ("[]", "neither the key of a service account"),
        ('{"type": "external_account", "credential_source": {"executable": {"command": "sh"}}}', "neither the key"),
        ('{"type": "service_account", "private_key": "SECRET"}', "missing fields"),
        ('{"type": "authorized_user", "refresh_token": "SECRET"}', "missing fields"),
    ],
)
def test_file_that_is_no_key(gcs: Gcs, tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    store = ambient(gcs, "bucket", credentialpath=str(path))
    with pytest.raises(CredentialsError, match=words) as caught:
        store.check()
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_key_that_was_withdrawn(gcs: Gcs, bucket: str) -> None:
    store = gcs_store(gcs, bucket, credentialpath=str(gcs.key_file("withdrawn@test-project.example")))
    for action in (store.check, lambda: store.read("a", "17"), lambda: store.put("a", b"x")):
        with pytest.raises(CredentialsError, match=r"withdrawn@test-project\.example.*invalid_grant"):
            action()


def test_token_endpoint_that_cannot_be_reached(gcs: Gcs, bucket: str, tmp_path: Path) -> None:
    path = gcs.key_file(directory=tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "token_uri": "http://127.0.0.1:9/token"}))
    with pytest.raises(UnavailableError, match="gives out tokens"):
        gcs_store(gcs, bucket, credentialpath=str(path)).check()


def test_token_is_used_as_long_as_it_lasts(gcs: Gcs, bucket: str, version: str) -> None:
    store = gcs_store(gcs, bucket)
    mark = gcs.mark()
    for _ in range(3):
        store.read("a", version)
        store.stat("a")
    assert len(gcs.requests("/token", mark)) == 1


def test_token_that_runs_out_is_renewed_before_that(gcs: Gcs, bucket: str, version: str) -> None:
    gcs.accounts.lifetime = 1  # less than google-auth leaves for a request
    store = gcs_store(gcs, bucket)
    mark = gcs.mark()
    assert [store.read("a", version).data for _ in range(3)] == [b"x"] * 3
    assert len(gcs.requests("/token", mark)) == 3


def test_refused_token_is_replaced_once_in_a_while(gcs: Gcs, bucket: str, version: str) -> None:
    clock = Clock()
    store = GcsStore(
        GcsOptions("remote 'up'", bucket, endpointurl=gcs.endpoint, credentialpath=str(gcs.key_file())), clock=clock
    )
    store.read("a", version)
    gcs.accounts.revoke_tokens()
    mark = gcs.mark()
    for _ in range(3):
        with pytest.raises(CredentialsError, match="refused"):
            store.read("a", version)
    assert gcs.requests("/token", mark) == []
    clock.now = 11.0
    assert store.read("a", version).data == b"x"
    assert store.stat("a").version_id == version


def test_new_key_in_the_place_of_a_withdrawn_one_is_found(gcs: Gcs, bucket: str, version: str, tmp_path: Path) -> None:
    clock = Clock()
    path = gcs.key_file("withdrawn@test-project.example", tmp_path)
    store = GcsStore(GcsOptions("remote 'up'", bucket, endpointurl=gcs.endpoint, credentialpath=str(path)), clock=clock)
    with pytest.raises(CredentialsError):
        store.read("a", version)
    gcs.key_file(ADMIN, tmp_path).rename(path)
    clock.now = 11.0
    assert store.read("a", version).data == b"x"


def test_token_endpoint_that_answers_nonsense(gcs: Gcs, bucket: str) -> None:
    def nonsense(request: Request) -> Answer | None:
        return (
            Answer(400, b"<html>ya29.SECRET-SECRET-SECRET-SECRET-SECRET-SECRET</html>")
            if request.segments == ("token",)
            else None
        )

    store = gcs_store(gcs, bucket)
    with gcs.intercepted(nonsense), pytest.raises(StoreError) as caught:
        store.check()
    assert "SECRET" not in str(caught.value)
