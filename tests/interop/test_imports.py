"""Imports by version: cvfs writes the text that DVC writes, and each goes on with what the other wrote."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command import Shell
from dvc_repository import BOUND_S, DVC, DvcRepository, md5_of_files
from servers.moto import ANY, Moto

FILES = {
    "ds/a.txt": b"contents a\n",
    "ds/a.b": b"",
    "ds/sub/b b.txt": b"contents b\n",
    "ds/sub/a name that is so long that DVC folds it, which takes more than eighty columns of text": b"u",
    "ds/yes": b"yes",
    "ds/12:30:45": b"12",
    "one.csv": b"x,y\n",
}


@pytest.fixture
def bucket(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> str:
    """A versioned bucket of somebody else's, at which plain ``s3://`` URLs lead for both programs."""
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ANY, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = moto.make_bucket()
    put(moto, name, FILES)
    return name


def put(moto: Moto, bucket: str, files: dict[str, bytes]) -> None:
    for key, data in files.items():
        moto.s3.put_object(Bucket=bucket, Key=key, Body=data)


def repository(path: Path, moto: Moto, bucket: str) -> DvcRepository:
    made = DvcRepository.init(path)
    made.dvc("init", "-q")
    made.add_remote(f"s3://{bucket}", moto.endpoint)
    return made


def status(made: DvcRepository) -> dict[str, object]:
    done = subprocess.run([DVC, "status", "--json"], check=True, cwd=made.path, capture_output=True, timeout=BOUND_S)
    return json.loads(done.stdout)


@pytest.mark.parametrize("options", [(), ("--no-download",)], ids=["download", "no-download"])
def test_text_is_what_dvc_writes_now_and_after_an_update(
    tmp_path: Path, shell: Shell, moto: Moto, bucket: str, options: tuple[str, ...]
) -> None:
    by_dvc, by_cvfs = (repository(tmp_path / name, moto, bucket) for name in ("dvc", "cvfs"))
    urls = (f"s3://{bucket}/ds", f"s3://{bucket}/one.csv", "remote://up/ds")
    outs = ("ds", "one.csv", "again")
    for url, out in zip(urls, outs, strict=True):
        by_dvc.dvc("import-url", "-q", "--version-aware", *options, url, out)
        shell.cvfs("import-url", *options, url, out, cwd=by_cvfs.path).ok()
    metafiles = [f"{out}.dvc" for out in outs]

    def check() -> None:
        for name in (*metafiles, ".gitignore"):
            assert (by_cvfs.path / name).read_text() == (by_dvc.path / name).read_text()
        assert md5_of_files(by_cvfs.path, "ds", "one.csv") == md5_of_files(by_dvc.path, "ds", "one.csv")

    check()
    put(moto, bucket, {"ds/a.txt": b"other\n", "ds/new": b"new\n", "one.csv": b"z\n"})
    moto.s3.delete_object(Bucket=bucket, Key="ds/yes")
    by_dvc.dvc("update", "-q", *options, *metafiles)
    shell.cvfs("update", *options, *metafiles, cwd=by_cvfs.path).ok()
    check()


def test_dvc_goes_on_with_an_import_of_cvfs(tmp_path: Path, shell: Shell, moto: Moto, bucket: str) -> None:
    made = repository(tmp_path / "repository", moto, bucket)
    shell.cvfs("import-url", f"s3://{bucket}/ds", cwd=made.path).ok()
    held = md5_of_files(made.path, "ds")
    assert len(held) == 6
    made.dvc("commit", "-q", "ds.dvc")
    assert status(made) == {}
    made.commit("imported")
    put(moto, bucket, {"ds/a.txt": b"overwritten since\n"})
    clone = DvcRepository(made.clone(tmp_path / "clone").path)
    clone.dvc("pull", "-q")
    assert md5_of_files(clone.path, "ds") == held
    clone.dvc("update", "-q", "ds.dvc")
    assert (clone.path / "ds/a.txt").read_bytes() == b"overwritten since\n"


def test_cvfs_goes_on_with_an_import_of_dvc(tmp_path: Path, shell: Shell, moto: Moto, bucket: str) -> None:
    made = repository(tmp_path / "repository", moto, bucket)
    made.dvc("import-url", "-q", "--version-aware", f"s3://{bucket}/ds")
    before = (made.path / "ds.dvc").read_bytes()
    assert shell.cvfs("update", "ds.dvc", cwd=made.path).ok().stdout == "ds: up to date\n"
    assert (made.path / "ds.dvc").read_bytes() == before
    put(moto, bucket, {"ds/a.txt": b"overwritten since\n"})
    assert shell.cvfs("update", "ds.dvc", cwd=made.path).ok().stdout.startswith("ds: 1 changed, 1 fetched\n")
    made.dvc("commit", "-q", "ds.dvc")
    assert status(made) == {}
