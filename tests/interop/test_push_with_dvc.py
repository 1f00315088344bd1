"""Pushing in turns with the real DVC: what either pushed, the other takes for its own."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Shell
from dvc_repository import DVC, DvcRepository, md5_of_files
from repositories import GitRepository
from scenes import Bucket
from servers.moto import Moto

FILES = {
    "data/a.csv": b"a\n",
    "data/b.csv": b"b\n",
    "data/sub/c.bin": bytes(range(256)) * 300,
    "data/sp ace.txt": b"spaces\n",
    "data/\u00fc.txt": b"umlaut\n",
    "data/yes": b"yes\n",
    "data/empty": b"",
    "model.bin": b"weights",
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def bucket(moto: Moto) -> Bucket:
    return Bucket(moto)


class Team:
    """A repository and clones of it, in which cvfs and DVC are used in turns."""

    def __init__(self, path: Path, bucket: Bucket, shell: Shell) -> None:
        self.repository = DvcRepository.init(path)
        self.bucket = bucket
        self.shell = shell

    def cvfs(self, *arguments: str, clone: GitRepository | None = None) -> Any:
        return self.shell.cvfs(*arguments, cwd=(clone or self.repository).path).ok()

    def set_up(self) -> None:
        """Set everything up with cvfs alone."""
        self.cvfs("init")
        self.cvfs("remote", "add", "-d", "up", f"s3://{self.bucket.name}/base")
        self.cvfs("remote", "modify", "up", "endpointurl", self.bucket.moto.endpoint)
        self.cvfs("remote", "modify", "up", "version_aware", "true")

    def fresh(self, path: Path) -> DvcRepository:
        """Clone what is committed, with nothing in DVC's cache."""
        return DvcRepository(self.repository.clone(path).path)

    def entries(self, metafile: str = "data.dvc") -> dict[str, dict[str, Any]]:
        (out,) = yaml.safe_load((self.repository.path / metafile).read_text(encoding="utf-8"))["outs"]
        return {entry["relpath"]: entry for entry in out["files"]}

    def versions(self) -> dict[str, str]:
        return {name: entry["cloud"]["up"]["version_id"] for name, entry in self.entries().items()}

    def live(self) -> dict[str, bytes]:
        """Return the current objects: what DVC hides behind delete markers is not among them."""
        s3, name = self.bucket.moto.s3, self.bucket.name
        found = [one for one in self.bucket.moto.versions(name) if one.latest and not one.deleted]
        return {one.key.removeprefix("base/"): s3.get_object(Bucket=name, Key=one.key)["Body"].read() for one in found}

    def hidden(self) -> list[str]:
        return [one.key for one in self.bucket.moto.versions(self.bucket.name) if one.deleted]


@pytest.fixture
def team(tmp_path: Path, bucket: Bucket, shell: Shell) -> Team:
    return Team(tmp_path / "repository", bucket, shell)


@pytest.fixture
def pushed(team: Team) -> Team:
    """Push and commit FILES with cvfs."""
    team.set_up()
    team.repository.write(FILES)
    team.cvfs("add", "data", "model.bin")
    team.cvfs("push")
    team.repository.commit("one")
    return team


def dvc_status(repository: DvcRepository) -> str:
    done = subprocess.run([DVC, "status"], check=True, cwd=repository.path, capture_output=True, text=True, timeout=120)
    return done.stdout.strip()


def test_pushed_by_cvfs_pulled_by_dvc(pushed: Team, tmp_path: Path) -> None:
    clone = pushed.fresh(tmp_path / "fresh")
    clone.dvc("pull", "-q")
    assert md5_of_files(clone.path, "data", "model.bin") == {
        name: hashlib.md5(data).hexdigest() for name, data in FILES.items()
    }
    assert dvc_status(clone) == "Data and pipelines are up to date."
    assert clone.git("status", "--porcelain") == ""


def test_pushed_by_dvc_continued_by_cvfs_continued_by_dvc(team: Team, tmp_path: Path) -> None:
    repository = team.repository
    repository.dvc("init", "-q")
    team.bucket.connect(repository)
    repository.write(FILES)
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    repository.commit("by DVC")
    before = team.versions()
    assert team.cvfs("push").stdout == "Everything is up to date.\n"
    assert repository.git("status", "--porcelain") == ""

    clone = team.fresh(tmp_path / "second")
    team.cvfs("pull", clone=clone)
    clone.write({"data/a.csv": b"by cvfs\n", "data/new": b"new\n", "model.bin": b"better"})
    team.cvfs("push", clone=clone)
    clone.commit("by cvfs")
    repository.git("pull", "-q", str(clone.path))
    after = team.versions()
    assert {name for name in before if before[name] != after[name]} == {"a.csv"}

    third = team.fresh(tmp_path / "third")
    third.dvc("pull", "-q")
    assert (third.path / "data/a.csv").read_bytes() == b"by cvfs\n"
    third.write({"data/b.csv": b"by DVC again\n"})
    third.dvc("add", "-q", "data")
    third.dvc("push", "-q")
    third.commit("by DVC again")
    team.cvfs("check", "HEAD", clone=third)
    last = third.clone(tmp_path / "last")
    team.cvfs("pull", clone=last)
    assert md5_of_files(last.path, "data", "model.bin") == md5_of_files(third.path, "data", "model.bin")


def test_added_by_dvc_pushed_by_cvfs_from_its_cache(team: Team, tmp_path: Path) -> None:
    team.set_up()
    repository = team.repository
    repository.write(FILES)
    repository.dvc("add", "-q", "data", "model.bin")
    for name in ("data/a.csv", "data/sub/c.bin", "model.bin"):
        (repository.path / name).unlink()
    team.cvfs("push")
    repository.commit("one")
    clone = team.fresh(tmp_path / "fresh")
    clone.dvc("pull", "-q")
    assert md5_of_files(clone.path, "data", "model.bin") == {
        name: hashlib.md5(data).hexdigest() for name, data in FILES.items()
    }


def test_pipeline_outs_are_pushed_in_the_lock_and_dvc_agrees(team: Team, tmp_path: Path) -> None:
    team.set_up()
    repository = team.repository
    stages = {
        "make": {
            "cmd": "mkdir -p out && echo 1 > out/x && echo 2 > kept.txt && echo 3 > mine.bin",
            "outs": ["out", {"kept.txt": {"cache": False}}, {"mine.bin": {"push": False}}],
        }
    }
    (repository.path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    repository.dvc("repro", "-q")
    pipeline = (repository.path / "dvc.yaml").read_bytes()
    team.cvfs("push")
    assert (repository.path / "dvc.yaml").read_bytes() == pipeline
    assert team.live() == {"out/x": b"1\n"}
    assert dvc_status(repository) == "Data and pipelines are up to date."
    repository.commit("one")
    clone = team.fresh(tmp_path / "fresh")
    clone.dvc("pull", "-q", "out")
    assert (clone.path / "out/x").read_bytes() == b"1\n"


def test_scene_rollback(pushed: Team) -> None:
    """Push a second version, go back to the first commit, push again: `dvc push` hides the second version."""
    repository = pushed.repository
    repository.write({"data/a.csv": b"second\n"})
    pushed.cvfs("push")
    repository.commit("two")
    repository.git("checkout", "-q", "HEAD~1")
    pushed.cvfs("pull", "--force")
    assert pushed.cvfs("push").stdout == "Everything is up to date.\n"
    assert repository.git("status", "--porcelain") == ""
    assert pushed.live()["data/a.csv"] == b"second\n"
    assert pushed.hidden() == []


def test_scene_two_users_edit_different_files(pushed: Team, tmp_path: Path) -> None:
    """Both push from the same commit: `dvc push` of the second hides and drops what the first one changed."""
    other = pushed.fresh(tmp_path / "other")
    pushed.cvfs("pull", clone=other)
    other.write({"data/b.csv": b"theirs\n"})
    pushed.cvfs("push", clone=other)
    pushed.repository.write({"data/a.csv": b"mine\n"})
    pushed.cvfs("push")
    assert set(pushed.entries()) == {name.removeprefix("data/") for name in FILES if name.startswith("data/")}
    assert pushed.live()["data/a.csv"] == b"mine\n"
    assert pushed.live()["data/b.csv"] == b"theirs\n"
    assert pushed.hidden() == []


def test_scene_lost_version(pushed: Team, tmp_path: Path) -> None:
    """A lifecycle rule expired a version: `dvc push` uploads it again and goes on recording the dead id."""
    dead = pushed.versions()["b.csv"]
    pushed.bucket.moto.s3.delete_object(Bucket=pushed.bucket.name, Key="base/data/b.csv", VersionId=dead)
    failed = pushed.shell.cvfs("check", "HEAD", cwd=pushed.repository.path)
    assert failed.returncode == 1
    assert "data/b.csv" in failed.stdout + failed.stderr
    pushed.cvfs("check", "HEAD", "--repair")
    assert pushed.versions()["b.csv"] != dead
    pushed.repository.commit("repaired")
    clone = pushed.fresh(tmp_path / "fresh")
    clone.dvc("pull", "-q")
    assert (clone.path / "data/b.csv").read_bytes() == FILES["data/b.csv"]


def test_scene_overwritten_by_another_tool(pushed: Team) -> None:
    """Somebody overwrote an object: a plain `dvc push` without any change hides it and drops the entry."""
    before = (pushed.repository.path / "data.dvc").read_bytes()
    pushed.bucket.moto.s3.put_object(Bucket=pushed.bucket.name, Key="base/data/a.csv", Body=b"of another tool")
    assert pushed.cvfs("push").stdout == "Everything is up to date.\n"
    assert (pushed.repository.path / "data.dvc").read_bytes() == before
    assert pushed.live()["data/a.csv"] == b"of another tool"


def test_scene_fetch_costs_one_request_a_file(pushed: Team, tmp_path: Path) -> None:
    """`dvc fetch` asks three times for each file."""
    clone = pushed.fresh(tmp_path / "fresh")
    mark = pushed.bucket.moto.mark()
    pushed.cvfs("pull", "data", clone=clone)
    requests = pushed.bucket.moto.requests("/base/", since=mark)
    contents = {data for name, data in FILES.items() if name.startswith("data/") and data}
    assert len(requests) <= len(contents) + 1  # an empty file may be asked for, too


def test_second_remote_keeps_what_is_recorded(pushed: Team, moto: Moto) -> None:
    """`dvc push -r two` says that all is well, uploads nothing, and writes `files: []`."""
    two = moto.make_bucket()
    pushed.cvfs("remote", "add", "two", f"s3://{two}/base")
    pushed.cvfs("remote", "modify", "two", "endpointurl", moto.endpoint)
    pushed.cvfs("remote", "modify", "two", "version_aware", "true")
    before = (pushed.repository.path / "data.dvc").read_bytes()
    failed = pushed.shell.cvfs("push", "-r", "two", cwd=pushed.repository.path)
    assert failed.returncode == 1
    assert "an entry can name one remote only" in failed.stderr
    assert (pushed.repository.path / "data.dvc").read_bytes() == before


def test_executable_file_keeps_its_permission(team: Team, tmp_path: Path) -> None:
    """`dvc push` drops `isexec`."""
    team.set_up()
    team.repository.write({"tool.sh": b"#!/bin/sh\n"})
    (team.repository.path / "tool.sh").chmod(0o755)
    team.repository.dvc("add", "-q", "tool.sh")
    team.cvfs("push")
    assert "isexec: true" in (team.repository.path / "tool.sh.dvc").read_text(encoding="utf-8")
    team.repository.commit("one")
    clone = team.fresh(tmp_path / "fresh")
    clone.dvc("pull", "-q")
    assert (clone.path / "tool.sh").stat().st_mode & 0o100


def test_requests_of_a_push(pushed: Team) -> None:
    """`dvc push` lists all versions and asks for every file, changed or not."""
    moto = pushed.bucket.moto
    mark = moto.mark()
    pushed.cvfs("push")
    assert moto.requests(pushed.bucket.name, since=mark) == []
    pushed.repository.write({"data/a.csv": b"changed\n"})
    pushed.cvfs("push")
    requests = [request.split("?")[0] for request in moto.requests(pushed.bucket.name, since=mark)]
    assert requests == [f"GET /{pushed.bucket.name}", f"PUT /{pushed.bucket.name}/base/data/a.csv"]
