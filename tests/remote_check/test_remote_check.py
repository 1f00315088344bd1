"""``cvfs remote check``: every way in which a remote can be of no use, and what is said then."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Outcome
from repositories import GitRepository
from servers.moto import GuardedMoto, Moto
from servers.scripted import Answer, Received, ScriptedServer

from cvfs.clone import open_clone
from cvfs.remote_check import CONTENT, PROBE, Finding, check_remote

STATES = {"ok": "ok", "failed": "FAILED", "not tried": "-"}


@pytest.fixture
def repository(make_repository: Callable[..., GitRepository]) -> Path:
    path = make_repository().path
    configure(path, url="s3://bucket/base")
    return path


def configure(path: Path, **options: str) -> None:
    (path / ".dvc").mkdir(exist_ok=True)
    lines = [
        "[core]",
        "    remote = up",
        "['remote \"up\"']",
        *(f"    {key} = {text}" for key, text in options.items()),
    ]
    (path / ".dvc" / "config").write_text("\n".join(lines) + "\n")


def check(
    repository: Path, server: Moto | ScriptedServer, bucket: str = "bucket", *, enable: bool = False, **options: str
) -> list[Finding]:
    """Check a remote at ``server``, whose options are the user's own word."""
    given = {
        "url": f"s3://{bucket}/base",
        "endpointurl": server.endpoint,
        "version_aware": "true",
        "access_key_id": "key",
        "secret_access_key": "secret",
        "region": "us-east-1",
        **options,
    }
    overrides = [f"up.{name}={value}" for name, value in given.items()]
    with open_clone(os.environ, str(repository), overrides) as clone:
        return list(check_remote(clone, str(repository), enable=enable))


def states(findings: list[Finding]) -> dict[str, str]:
    assert len({finding.check for finding in findings}) == len(findings), findings
    return {finding.check: STATES[finding.state.value] for finding in findings}


def one(findings: list[Finding], check: str) -> Finding:
    return next(finding for finding in findings if finding.check == check)


ALL_IS_WELL = dict.fromkeys(("remote", "credentials", "connection", "versioning", "write", "read"), "ok")


def test_remote_that_can_be_used(repository: Path, moto: Moto) -> None:
    bucket = moto.make_bucket()
    findings = check(repository, moto, bucket)
    assert states(findings) == ALL_IS_WELL
    assert states(check(repository, moto, bucket)) == ALL_IS_WELL
    # One object, however often it is checked; nothing deleted.
    assert {(version.key, version.deleted) for version in moto.versions(bucket)} == {(f"base/{PROBE}", False)}
    assert f"base/{PROBE}" in one(findings, "write").message


def test_versioning_that_is_off_is_turned_on_if_asked_to(repository: Path, moto: Moto) -> None:
    bucket = moto.make_bucket(versioned=False)
    findings = check(repository, moto, bucket)
    assert states(findings) == ALL_IS_WELL | {"versioning": "FAILED", "write": "-", "read": "-"}
    assert "cvfs remote check up --enable" in str(one(findings, "versioning").hint)
    assert moto.versions(bucket) == []
    assert states(check(repository, moto, bucket, enable=True)) == ALL_IS_WELL
    assert states(check(repository, moto, bucket)) == ALL_IS_WELL


def test_missing_bucket(repository: Path, moto: Moto) -> None:
    findings = check(repository, moto, "no-such-bucket")
    assert states(findings) == ALL_IS_WELL | {"connection": "FAILED", "versioning": "-", "write": "-", "read": "-"}
    assert "the bucket does not exist" in one(findings, "connection").message


def test_wrong_credentials(repository: Path, guarded_moto: GuardedMoto) -> None:
    server = guarded_moto.server
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
    findings = check(
        repository, server, server.make_bucket(), access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key=secret
    )
    assert states(findings)["connection"] == "FAILED"
    assert "unknown there" in one(findings, "connection").message
    assert not [finding for finding in findings if secret in repr(finding)]


def test_credentials_that_may_nothing(repository: Path, guarded_moto: GuardedMoto) -> None:
    server, (access_key, secret_key) = guarded_moto
    bucket = server.make_bucket()
    findings = check(repository, server, bucket, enable=True, access_key_id=access_key, secret_access_key=secret_key)
    assert states(findings) == ALL_IS_WELL | {"versioning": "-", "write": "FAILED", "read": "-"}
    assert "s3:PutObject" in str(one(findings, "write").hint)
    assert server.versions(bucket) == []


def test_missing_credentials(repository: Path, moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    findings = check(repository, moto, access_key_id="", secret_access_key="")
    assert states(findings) == ALL_IS_WELL | {
        **dict.fromkeys(("connection", "versioning", "write", "read"), "-"),
        "credentials": "FAILED",
    }
    assert "AWS_ACCESS_KEY_ID" in str(one(findings, "credentials").hint)


def test_unreachable_endpoint(repository: Path, scripted: ScriptedServer) -> None:
    findings = check(repository, scripted, endpointurl="http://127.0.0.1:9")
    assert states(findings)["connection"] == "FAILED"
    assert "cannot be reached" in one(findings, "connection").message


def test_options_that_make_no_sense(repository: Path, scripted: ScriptedServer) -> None:
    (finding,) = check(repository, scripted, read_timeout="soon")
    assert (finding.check, STATES[finding.state.value]) == ("remote", "FAILED")
    assert "read_timeout" in finding.message


def test_version_aware_that_is_missing_is_told_and_all_else_checked(repository: Path, moto: Moto) -> None:
    findings = check(repository, moto, moto.make_bucket(), version_aware="false")
    assert states(findings) == ALL_IS_WELL | {"configuration": "FAILED"}
    assert one(findings, "configuration").hint == "cvfs remote modify up version_aware true"


class Bucket:
    """A bucket whose state of versioning may not be asked; ``denied`` are methods that are refused."""

    def __init__(self, *, versions: bool = True, there: bool = False, denied: tuple[str, ...] = ()) -> None:
        self.headers = {"ETag": '"e"', **({"x-amz-version-id": "v1"} if versions else {})}
        self.there = there
        self.denied = denied
        self.content = CONTENT

    def __call__(self, request: Received) -> Answer:
        if "versioning" in request.target or request.method in self.denied:
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if request.method == "PUT":
            taken = self.there and "if-none-match" in request.headers
            self.there = True
            return Answer(412) if taken else Answer(200, headers=self.headers)
        return Answer(200, self.content, self.headers) if self.there else Answer(404)


@pytest.mark.parametrize("there", [True, False])
def test_versioning_that_may_not_be_asked_shows_in_the_answer(
    repository: Path, scripted: ScriptedServer, there: bool
) -> None:
    scripted.answer = Bucket(there=there)
    findings = check(repository, scripted)
    assert states(findings) == ALL_IS_WELL
    assert "answer to the write" in one(findings, "versioning").message


def test_unknown_versioning_that_turns_out_to_be_off(repository: Path, scripted: ScriptedServer) -> None:
    scripted.answer = Bucket(versions=False)
    findings = check(repository, scripted, enable=True)
    assert states(findings) == ALL_IS_WELL | {"versioning": "FAILED", "read": "-"}
    hint = str(one(findings, "versioning").hint)
    assert "aws s3api put-bucket-versioning --bucket bucket" in hint
    assert f"--endpoint-url {scripted.endpoint}" in hint
    assert "Enabling versioning on buckets" in hint


@pytest.mark.parametrize("denied", [(), ("HEAD", "GET")])
def test_what_may_have_no_versions_is_not_overwritten(
    repository: Path, scripted: ScriptedServer, denied: tuple[str, ...]
) -> None:
    scripted.answer = Bucket(versions=False, there=True, denied=denied)
    findings = check(repository, scripted)
    assert states(findings) == ALL_IS_WELL | {"versioning": "FAILED", "write": "-", "read": "-"}
    assert "s3:GetBucketVersioning" in str(one(findings, "versioning").hint)
    assert all("if-none-match" in request.headers for request in scripted.received if request.method == "PUT")


def versioned(bucket: Bucket) -> Callable[[Received], Answer]:
    """Let the state of versioning be asked: it is on."""
    on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    return lambda request: Answer(200, on) if request.target.endswith("?versioning") else bucket(request)


@pytest.mark.parametrize(("there", "read"), [(True, "ok"), (False, "-")])
def test_who_may_not_write_can_still_read_what_is_there(
    repository: Path, scripted: ScriptedServer, there: bool, read: str
) -> None:
    scripted.answer = versioned(Bucket(there=there, denied=("PUT",)))
    findings = check(repository, scripted)
    assert states(findings) == ALL_IS_WELL | {"write": "FAILED", "read": read}


def test_denied_read(repository: Path, scripted: ScriptedServer) -> None:
    scripted.answer = versioned(Bucket(denied=("GET",)))
    findings = check(repository, scripted)
    assert states(findings) == ALL_IS_WELL | {"read": "FAILED"}
    assert "s3:GetObjectVersion" in str(one(findings, "read").hint)


def test_read_that_gives_other_bytes(repository: Path, scripted: ScriptedServer) -> None:
    bucket = Bucket()
    bucket.content = b"something else"
    scripted.answer = versioned(bucket)
    assert states(check(repository, scripted)) == ALL_IS_WELL | {"read": "FAILED"}


def test_versioning_that_is_not_in_effect_yet(repository: Path, scripted: ScriptedServer) -> None:
    scripted.answer = versioned(Bucket(versions=False))
    findings = check(repository, scripted)
    assert states(findings) == ALL_IS_WELL | {"write": "FAILED", "read": "-"}
    assert "15 minutes" in str(one(findings, "write").hint)


@pytest.mark.parametrize("status", [501, 405])
def test_store_that_knows_no_such_setting(repository: Path, scripted: ScriptedServer, status: int) -> None:
    bucket = Bucket()
    scripted.answer = lambda request: Answer(status) if "versioning" in request.target else bucket(request)
    assert states(check(repository, scripted, enable=True)) == ALL_IS_WELL


def test_remote_of_the_dvc_repository_that_one_stands_in(repository: Path, tmp_path: Path) -> None:
    for name in ("team", "team/sub", "other"):
        configure_at = repository / name
        configure_at.mkdir()
        configure(configure_at, url=str(tmp_path / f"store-{name.replace('/', '-')}"), version_aware="true")
    (repository / "team/sub/data").mkdir()
    with open_clone(os.environ, str(repository)) as clone:
        found = {
            place: next(check_remote(clone, str(repository / place))).message
            for place in (".", "team", "team/sub/data", "other")
        }
    assert {place: message.rpartition("/")[2] for place, message in found.items()} == {
        ".": "base",
        "team": "store-team",
        "team/sub/data": "store-team-sub",
        "other": "store-other",
    }


def test_place_in_no_dvc_repository(make_repository: Callable[..., GitRepository], tmp_path: Path) -> None:
    top = make_repository("several").path
    for name in ("one", "two"):
        (top / name).mkdir()
        configure(top / name, url=str(tmp_path / name), version_aware="true")
    with open_clone(os.environ, str(top)) as clone:
        (finding,) = check_remote(clone, str(top))
    assert isinstance(finding, Finding)
    assert "one, two" in str(finding.hint)


def test_command_on_a_directory(repository: Path, tmp_path: Path, cvfs_cli: Callable[..., Outcome]) -> None:
    store = tmp_path / "store"
    configure(repository, url=str(store))
    first = cvfs_cli("remote", "check", cwd=repository)
    assert first.returncode == 1
    assert "cvfs remote modify up version_aware true" in first.stdout
    configure(repository, url=str(store), version_aware="true")
    printed = cvfs_cli("remote", "check", "UP", cwd=repository).ok().stdout
    assert [line.split()[:2] for line in printed.splitlines()] == [
        [check, "ok"] for check in ("remote", "directory", "connection", "versioning", "write", "read")
    ]
    assert (store / PROBE).read_bytes() == CONTENT


def test_command_prints_json(repository: Path, tmp_path: Path, cvfs_cli: Callable[..., Outcome]) -> None:
    url = f"up.url={tmp_path / 'store'}"
    outcome = cvfs_cli("remote", "check", "--json", "--repo", repository, "--remote-config", url)
    lines: list[dict[str, Any]] = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert outcome.returncode == 1
    assert [line["check"] for line in lines if line["state"] == "failed"] == ["configuration"]
    assert {frozenset(line) for line in lines} == {frozenset(("check", "state", "message", "hint"))}
    missing = cvfs_cli("remote", "check", "other", "--json", cwd=repository)
    assert missing.returncode == 1
    assert "'other' is not configured" in json.loads(missing.stdout)["message"]


def test_directory_that_cannot_be_written(repository: Path, tmp_path: Path, cvfs_cli: Callable[..., Outcome]) -> None:
    (tmp_path / "file").touch()
    configure(repository, url=str(tmp_path / "file" / "store"), version_aware="true")
    outcome = cvfs_cli("remote", "check", cwd=repository)
    assert outcome.returncode == 1
    assert "Not a directory" in next(line for line in outcome.stdout.splitlines() if line.startswith("write"))
    assert outcome.stderr == ""


def test_no_default_remote(make_repository: Callable[..., GitRepository], cvfs_cli: Callable[..., Outcome]) -> None:
    path = make_repository("bare-config").path
    (path / ".dvc").mkdir()
    (path / ".dvc" / "config").write_text("['remote \"up\"']\n    url = /srv/store\n")
    outcome = cvfs_cli("remote", "check", cwd=path)
    assert outcome.returncode == 1
    assert "there is no default remote" in outcome.stdout
    assert "configured remotes: up" in outcome.stdout
