"""``cvfs import-url``: what it records and places, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from buckets import DS, FILES, Bucket, files_below, run
from command import Shell
from repositories import GitRepository
from servers.moto import Moto

from cvfs.metafiles.importfile import read_import


@pytest.mark.parametrize("url", ["s3://{}/ds", "s3://{}/ds/", "remote://src/ds"])
def test_directory_is_recorded_by_version_and_fetched(
    shell: Shell, repository: GitRepository, bucket: Bucket, url: str
) -> None:
    url = url.format(bucket.name)
    since = bucket.moto.mark()
    printed = run(shell, repository, "import-url", url).ok().stdout
    assert printed == "ds: 3 files imported, 22 bytes\nnext: git add ds.dvc .gitignore\n"
    assert files_below(repository.path / "ds") == DS
    requests = bucket.moto.requests(bucket.name, since)
    # An empty file needs no request.
    assert sorted(request.split(" ")[0] for request in requests if "versionId=" in request) == ["GET", "GET"]
    recorded = read_import((repository.path / "ds.dvc").read_bytes())
    versions = {version.key: version.version_id for version in bucket.moto.versions(bucket.name)}
    assert {path: file.recorded.version_id for path, file in recorded.files.items()} == {
        path: versions[f"ds/{path}"] for path in DS
    }
    listing = [{"md5": hashlib.md5(DS[path]).hexdigest(), "relpath": path} for path in sorted(DS)]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest()
    assert (recorded.url, recorded.out.recorded.md5) == (url, f"{digest}.dir")
    assert repository.git("status", "--porcelain", "-uall").splitlines()[-2:] == ["?? .gitignore", "?? ds.dvc"]


def test_file_and_the_place_that_was_named(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    (repository.path / "sub dir").mkdir()
    run(shell, repository, "import-url", f"s3://{bucket.name}/one.csv", "sub dir").ok()
    run(shell, repository, "import-url", "remote://SRC/one.csv", "sub dir/two.csv").ok()
    assert files_below(repository.path / "sub dir") == {
        "one.csv": FILES["one.csv"],
        "two.csv": FILES["one.csv"],
        "one.csv.dvc": (repository.path / "sub dir/one.csv.dvc").read_bytes(),
        "two.csv.dvc": (repository.path / "sub dir/two.csv.dvc").read_bytes(),
        ".gitignore": b"/one.csv\n/two.csv\n",
    }


def test_versions_alone(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    since = bucket.moto.mark()
    run(shell, repository, "import-url", "--no-download", f"s3://{bucket.name}/ds").ok()
    assert not (repository.path / "ds").exists()
    assert not [request for request in bucket.moto.requests(bucket.name, since) if "versionId=" in request]
    recorded = read_import((repository.path / "ds.dvc").read_bytes())
    assert recorded.files.keys() == DS.keys()
    assert recorded.out.recorded.md5 is None


def test_marks_of_directories_are_passed_over(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    bucket.put({"ds/": b"", "ds/empty/": b""})
    run(shell, repository, "import-url", f"s3://{bucket.name}/ds").ok()
    assert files_below(repository.path / "ds") == DS


def test_large_file(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    data = bytes(range(256)) * 40000
    bucket.put({"big/file": data})
    run(shell, repository, "import-url", f"s3://{bucket.name}/big").ok()
    assert (repository.path / "big/file").read_bytes() == data


def test_versioned_directory_of_this_machine(shell: Shell, repository: GitRepository, tmp_path: Path) -> None:
    for words in (("add", "local", tmp_path / "store"), ("modify", "local", "version_aware", "true")):
        run(shell, repository, "remote", *words).ok()
    run(shell, repository, "remote", "default", "local").ok()
    (repository.path / "data").mkdir()
    (repository.path / "data/x").write_bytes(b"x")
    run(shell, repository, "add", "data").ok()
    run(shell, repository, "push").ok()
    run(shell, repository, "import-url", "remote://local/data", "again").ok()
    assert files_below(repository.path / "again") == {"x": b"x"}


def refused(shell: Shell, repository: GitRepository, *arguments: str) -> str:
    before = files_below(repository.path)
    outcome = run(shell, repository, "import-url", *arguments)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    kept = {name: data for name, data in files_below(repository.path).items() if not name.startswith(".dvc/tmp")}
    assert kept == {name: data for name, data in before.items() if not name.startswith(".dvc/tmp")}
    return outcome.stderr


def test_places_that_are_taken(shell: Shell, repository: GitRepository, bucket: Bucket, tmp_path: Path) -> None:
    url = f"s3://{bucket.name}/ds"
    (repository.path / "ds").write_bytes(b"mine")
    assert "ds is there already" in refused(shell, repository, url)
    (repository.path / "ds").unlink()
    run(shell, repository, "import-url", url, "data").ok()
    assert "data/x overlaps with data" in refused(shell, repository, url, "data/x")
    (repository.path / "other.dvc").write_bytes(b"outs: []\n")
    assert "other.dvc is there already" in refused(shell, repository, url, "other")
    repository.commit("gone", {"tracked/file": b"x"})
    (repository.path / "tracked/file").unlink()
    (repository.path / "tracked").rmdir()
    assert "tracked is tracked by Git" in refused(shell, repository, url, "tracked")
    assert "no directory none" in refused(shell, repository, url, "none/ds")
    assert "not in the work tree" in refused(shell, repository, url, str(tmp_path / "outside"))
    assert "no name of its own" in refused(shell, repository, f"s3://{bucket.name}")
    assert "'nowhere' is not a URL" in refused(shell, repository, "nowhere")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://{}/nothing", "there is nothing at s3://"),
        ("s3://{}/d", "there is nothing at s3://"),
        ("remote://none/x", "remote 'none' is not configured"),
        ("/srv/data/x", "a place on this machine"),
        ("file:///srv/data/x", "a place on this machine"),
        ("gopher://x/y", "not supported"),
        ("s3://{}/one.csv?versionId=1", "names one version"),
    ],
)
def test_urls_that_cannot_be_imported(
    shell: Shell, repository: GitRepository, bucket: Bucket, url: str, reason: str
) -> None:
    assert reason in refused(shell, repository, url.format(bucket.name), "new")


def test_objects_without_versions(shell: Shell, repository: GitRepository, moto: Moto) -> None:
    unversioned = Bucket(moto, versioned=False)
    assert "has no version id" in refused(shell, repository, f"s3://{unversioned.name}/ds")
    assert "versioning on" in refused(shell, repository, f"s3://{unversioned.name}/one.csv")


def test_names_that_cannot_be_placed(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    bucket.put({"bad/x": b"", "bad/x/y": b"", "bad/a//b": b"", "bad/.git/config": b""})
    complaint = refused(shell, repository, f"s3://{bucket.name}/bad")
    assert "'bad/a//b': a component of the path is empty" in complaint
    assert "'bad/x': it is a file and a directory" in complaint
    assert "'bad/.git/config'" in complaint


def test_nothing_is_left_where_one_file_fails(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    # It is listed with the others, and archived: nobody can read it before it is restored.
    bucket.moto.s3.put_object(Bucket=bucket.name, Key="ds/locked", Body=b"x", StorageClass="GLACIER")
    assert "was not imported" in refused(shell, repository, f"s3://{bucket.name}/ds")
    assert not (repository.path / "ds").exists()
