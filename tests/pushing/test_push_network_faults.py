"""Pushes to S3 over a network that fails: what is recorded is true, and the others are not stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Shell
from projects import Project, S3Bucket
from repositories import GitRepository
from servers.fault_proxy import FaultProxy, fault_proxy
from servers.moto import Moto

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "secret-key-value",
    "AWS_DEFAULT_REGION": "us-east-1",
}
OLD = {"data/a": b"a\n", "data/b": b"b\n", "data/c": b"c" * 200_000}
NEW = {"data/a": b"new a\n", "data/b": b"new b\n", "data/c": b"C" * 200_000}


@pytest.fixture
def proxy(moto: Moto) -> Iterator[FaultProxy]:
    with fault_proxy(moto.endpoint) as running:
        yield running


@pytest.fixture
def pushed(moto: Moto, proxy: FaultProxy, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    made = Project(GitRepository.init(tmp_path / "project"), S3Bucket(moto, moto.make_bucket()), shell)
    made.cvfs("init").ok()
    made.connect("up", made.bucket, default=True)
    made.cvfs("remote", "modify", "up", "endpointurl", proxy.endpoint).ok()
    made.write(OLD)
    made.add("data")
    made.push()
    made.repository.commit("one")
    made.write(NEW)
    return made


def current(project: Project) -> dict[str, bytes]:
    """Return what each recorded version holds."""
    return {
        name: project.bucket.read(f"data/{name}", version) for name, version in project.versions("data.dvc").items()
    }


def test_errors_of_the_server_are_waited_out(pushed: Project, proxy: FaultProxy) -> None:
    rules = [proxy.spoil("PUT", "data/a", status=500, times=2), proxy.spoil("PUT", "data/b", status=503)]
    pushed.push()
    assert [rule.struck for rule in rules] == [2, 1]
    pushed.check_recorded("data.dvc")
    assert current(pushed) == {name.removeprefix("data/"): data for name, data in NEW.items()}


def test_denied_file_keeps_its_entry_and_the_others_are_pushed(pushed: Project, proxy: FaultProxy) -> None:
    proxy.spoil("PUT", "data/b", status=403, times=100)
    failed = pushed.cvfs("push")
    assert failed.returncode == 1
    assert "data/b" in failed.stderr
    assert "access denied" in failed.stderr
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in failed.stderr
    assert "2 files pushed" in failed.stdout
    assert current(pushed) == {"a": NEW["data/a"], "b": OLD["data/b"], "c": NEW["data/c"]}
    assert pushed.bucket.contents("data/b") == [OLD["data/b"]]


def test_connection_cut_in_mid_body_is_tried_again(pushed: Project, proxy: FaultProxy) -> None:
    rule = proxy.spoil("PUT", "data/c", cut_after=100_000, times=2)
    pushed.push()
    assert rule.struck == 2
    pushed.check_recorded("data.dvc")
    assert pushed.bucket.contents("data/c") == [OLD["data/c"], NEW["data/c"]]


def test_lost_answer_costs_a_version_and_nothing_else(pushed: Project, proxy: FaultProxy) -> None:
    rule = proxy.spoil("PUT", "data/a", lost_answer=True)
    pushed.push()
    assert rule.struck == 1
    pushed.check_recorded("data.dvc")
    assert pushed.bucket.contents("data/a") == [OLD["data/a"], NEW["data/a"], NEW["data/a"]]


def test_network_that_is_down_is_reported_and_nothing_is_recorded(pushed: Project) -> None:
    before = (pushed.path / "data.dvc").read_bytes()
    failed = pushed.cvfs("push", "--remote-config", "up.endpointurl=http://127.0.0.1:9")
    assert failed.returncode == 1
    assert "3 files" in failed.stderr or "and 2 more" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert (pushed.path / "data.dvc").read_bytes() == before
