"""``cvfs check`` against S3: versions that are gone, archived, refused, or of another size."""

from __future__ import annotations

import json

import pytest
import yaml
from publishing import configure

from cvfs.stores.s3 import S3Store
from cvfs.stores.s3.options import S3Options


@pytest.fixture
def push(make_repository):
    """Return what makes a commit of files in a bucket, and who may do what with it is in the configuration."""

    def make(server, bucket, files, credentials=None):
        repository = make_repository("dataset")
        access_key, secret_key = server.credentials
        options = S3Options(
            label="remote 'up'",
            bucket=bucket,
            prefix="base",
            region="us-east-1",
            endpointurl=server.endpoint,
            access_key_id=access_key,
            secret_access_key=secret_key,
        )
        store = S3Store(options)
        entries = []
        for name, data in files.items():
            stat = store.put(f"data/{name}", data)
            cloud = {"embedded": {"etag": stat.etag, "version_id": stat.version_id}}
            entries.append({"relpath": name, "md5": stat.etag, "size": len(data), "cloud": cloud})
        store.close()
        access_key, secret_key = credentials or server.credentials
        configure(
            repository.path,
            f"s3://{bucket}/base",
            endpointurl=server.endpoint,
            region="us-east-1",
            access_key_id=access_key,
            secret_access_key=secret_key,
        )
        text = yaml.safe_dump({"outs": [{"path": "data", "hash": "md5", "files": entries}]})
        repository.commit("one", {"data.dvc": text, ".gitignore": "/data\n"})
        return repository

    return make


def faults(cvfs_cli, repository, *options):
    done = cvfs_cli("check", "HEAD", "--json", *options, cwd=repository.path)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (1 if found else 0), done.stderr
    return {each["path"]: each for each in found}


def test_versions_are_asked_for_one_by_one_and_nothing_is_listed(cvfs_cli, push, moto):
    bucket = moto.make_bucket()
    repository = push(moto, bucket, {"a": b"alpha", "b c": b"b", "ü#?": b"x" * 5000})
    moto.s3.put_object(Bucket=bucket, Key="base/data/a", Body=b"of somebody else")
    moto.s3.delete_object(Bucket=bucket, Key="base/data/b c")
    before = moto.mark()
    assert faults(cvfs_cli, repository) == {}
    asked = moto.requests(bucket, since=before)
    assert len(asked) == 3
    assert all(request.startswith("GET ") and "versionId=" in request for request in asked)
    before = moto.mark()
    assert faults(cvfs_cli, repository, "--fast") == {}
    assert moto.requests(bucket, since=before) == []


def test_an_empty_object_can_be_had(cvfs_cli, push, moto):
    repository = push(moto, moto.make_bucket(), {"empty": b""})
    assert faults(cvfs_cli, repository) == {}


def test_gone_archived_and_different(cvfs_cli, push, moto):
    bucket = moto.make_bucket()
    repository = push(moto, bucket, {"cold": b"cold", "gone": b"gone", "good": b"good", "other": b"other"})
    recorded = yaml.safe_load((repository.path / "data.dvc").read_text())
    cold, gone, _, other = recorded["outs"][0]["files"]
    moto.s3.delete_object(Bucket=bucket, Key="base/data/gone", VersionId=gone["cloud"]["embedded"]["version_id"])
    archived = moto.s3.put_object(Bucket=bucket, Key="base/data/cold", Body=b"cold", StorageClass="GLACIER")
    cold["cloud"]["embedded"]["version_id"] = archived["VersionId"]
    other["size"] = 6
    repository.commit("two", {"data.dvc": yaml.safe_dump(recorded)})
    found = faults(cvfs_cli, repository)
    assert {path: each["fault"] for path, each in found.items()} == {
        "data/cold": "archived",
        "data/gone": "missing",
        "data/other": "differs",
    }
    assert "restore-object" in found["data/cold"]["hint"]
    assert found["data/gone"]["key"] == "base/data/gone"
    assert found["data/gone"]["version_id"] == gone["cloud"]["embedded"]["version_id"]


def test_refused(cvfs_cli, push, guarded_moto):
    server = guarded_moto.server
    bucket = server.make_bucket()
    repository = push(server, bucket, {"a": b"alpha"}, guarded_moto.outsider)
    [denied] = faults(cvfs_cli, repository).values()
    assert (denied["path"], denied["fault"]) == ("data/a", "denied")
    done = cvfs_cli("check", "HEAD", cwd=repository.path)
    assert done.stdout.startswith("denied: data/a: ")
    assert guarded_moto.outsider[1] not in done.stdout + done.stderr
    assert "1 denied (of 1 file)" in done.stderr
