"""Commits on ordinary remotes: pushed by the real DVC, or as DVC 2 did, and read from a fresh clone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import ordinary
import pytest
from command import Shell
from dvc_repository import DvcRepository, md5_of_files
from repositories import GitRepository
from scenes import Bucket
from servers.moto import Moto
from servers.sshd import run_sshd
from servers.web import web_server

pytestmark = pytest.mark.usefixtures("fuse")

Clone = Callable[[GitRepository], GitRepository]
CRLF = "data/crlf.txt"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> tuple[DvcRepository, Path]:
    """Give a repository whose ordinary remote is a directory, and that directory. Nobody may change it."""
    place = tmp_path_factory.mktemp("directory")
    return ordinary.pushed(place / "repository", str(place / "store")), place / "store"


@pytest.fixture(scope="module")
def transition(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> DvcRepository:
    return ordinary.transition(tmp_path_factory.mktemp("transition") / "repository", Bucket(moto))


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> tuple[DvcRepository, Path]:
    place = tmp_path_factory.mktemp("legacy")
    return ordinary.legacy(place / "repository", place / "store"), place / "store"


@pytest.fixture(params=["local", "file", "http", "http-without-ranges", "ssh"])
def override(
    request: pytest.FixtureRequest, directory: tuple[DvcRepository, Path], tmp_path: Path
) -> Iterator[list[str]]:
    """Give the options that lead to the same remote in another way."""
    store = directory[1]
    if request.param == "local":
        yield []
    elif request.param == "file":
        yield ["--remote-config", f"up.url=file://{store}"]
    elif request.param == "ssh":
        with run_sshd(tmp_path) as sshd:
            sshd.make_known(Path.home())
            sshd.make_known(tmp_path)
            yield ["--remote-config", f"up.url={sshd.url(store)}", "--remote-config", f"up.keyfile={sshd.keyfile}"]
    else:
        with web_server(store, ranges=request.param == "http") as server:
            yield ["--remote-config", f"up.url={server.endpoint}"]


def read_all(shell: Shell, mount: Path) -> dict[str, str]:
    sums = shell.run("find", ".", "-type", "f", "-exec", "md5sum", "-z", "{}", "+", cwd=mount).ok()
    lines = (line.partition("  ./") for line in sums.stdout.split("\0") if line)
    return {name: md5 for md5, _, name in lines}


def test_each_kind_of_remote_is_mounted_and_reads_as_it_was_pushed(
    directory: tuple[DvcRepository, Path], override: list[str], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    repository, _ = directory
    [(commit, pushed)] = repository.pushed.items()
    clone = fresh_clone(repository)
    with shell.mounted(commit, tmp_path / "mount", "--repo", clone.path, *override) as mount:
        assert read_all(shell, mount) == pushed
    assert len(pushed) == len(ordinary.FILES)


def test_programs_that_trust_sizes_get_whole_files(
    directory: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    clone = fresh_clone(directory[0])
    large = ordinary.FILES["data/deep/er/large.bin"]
    with shell.mounted("HEAD", tmp_path / "mount", "--repo", clone.path) as mount:
        before = shell.run("stat", "-c", "%s", "data/a.csv", "data/deep/er/large.bin", "model.bin", cwd=mount).ok()
        tail = shell.run("tail", "-c", "5", "data/deep/er/large.bin", cwd=mount).ok()
        shell.run("cp", "-r", "data", tmp_path / "copied", cwd=mount).ok()
        after = shell.run("stat", "-c", "%s", "data/a.csv", "data/deep/er/large.bin", cwd=mount).ok()
    assert before.stdout.split() == ["0", "0", "8000"]
    assert tail.raw == large[-5:]
    assert md5_of_files(tmp_path / "copied") == {
        name.removeprefix("data/"): md5 for name, md5 in md5_of_files(directory[0].path, "data").items()
    }
    assert after.stdout.split() == [str(len(ordinary.FILES["data/a.csv"])), str(len(large))]


def test_s3_costs_a_request_for_each_listing_and_each_file(
    moto: Moto, fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    bucket = Bucket(moto)
    repository = ordinary.pushed(tmp_path / "repository", f"s3://{bucket.name}/base", moto.endpoint)
    [(commit, pushed)] = repository.pushed.items()
    clone = fresh_clone(repository)
    before = moto.mark()
    shell.cvfs("ls", "-lR", commit, "--repo", clone.path).ok()
    assert len(moto.requests(since=before)) == 1
    for name in ("first", "again"):
        with shell.mounted(commit, tmp_path / name, "--repo", clone.path) as mount:
            shell.run("ls", "-lR", mount).ok()
            assert read_all(shell, mount) == pushed
    asked = moto.requests(since=before)
    assert {request.split()[0] for request in asked} == {"GET"}
    # One file is empty, which its hash tells; beside the files there is the listing.
    assert len(set(asked)) == len(pushed)
    large = pushed["data/deep/er/large.bin"]
    small = sorted(request for request in asked if large[2:] not in request)
    assert small == sorted(set(small))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_commits_around_the_change_to_versions(
    transition: DvcRepository, number: int, fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    commit, pushed = list(transition.pushed.items())[number]
    with shell.mounted(commit, tmp_path / "mount", "--repo", fresh_clone(transition).path) as mount:
        assert read_all(shell, mount) == pushed


def test_what_dvc_2_pushed(
    legacy: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    repository, _ = legacy
    [(commit, pushed)] = repository.pushed.items()
    clone = fresh_clone(repository)
    with shell.mounted(commit, tmp_path / "mount", "--repo", clone.path) as mount:
        assert read_all(shell, mount) == pushed
    shell.cvfs("pull", "--repo", clone.path).ok()
    assert md5_of_files(clone.path, "data", "model.bin") == pushed
    other = repository.clone(tmp_path / "with-dvc")
    DvcRepository(other.path).dvc("pull", "-q")
    assert md5_of_files(other.path, "data", "model.bin") == pushed


def test_pull_places_what_dvc_would(
    directory: tuple[DvcRepository, Path], override: list[str], fresh_clone: Clone, shell: Shell
) -> None:
    repository, _ = directory
    clone = fresh_clone(repository)
    shell.cvfs("pull", "--repo", clone.path, *override).ok()
    assert md5_of_files(clone.path, "data", "model.bin") == next(iter(repository.pushed.values()))
    # What DVC knows of its own directories, it says of what cvfs placed: that all of it is as recorded.
    DvcRepository(clone.path).dvc("commit", "-q", "-f")
    assert clone.git("status", "--porcelain") == ""


def test_listing_and_cat(directory: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell) -> None:
    clone = fresh_clone(directory[0])
    lines = shell.cvfs("ls", "-R", "--json", "HEAD", "--repo", clone.path).ok().stdout.splitlines()
    files = {entry["path"]: entry for entry in map(json.loads, lines) if entry["type"] == "file"}
    assert {path: entry["md5"] for path, entry in files.items()} == next(iter(directory[0].pushed.values()))
    assert {entry["remote"] for entry in files.values()} == {"up"}
    assert all(entry["key"].endswith(f"files/md5/{entry['md5'][:2]}/{entry['md5'][2:]}") for entry in files.values())
    assert {(entry["version_id"], entry["etag"]) for entry in files.values()} == {(None, None)}
    assert shell.cvfs("cat", "HEAD", CRLF, "--repo", clone.path).ok().raw == ordinary.FILES[CRLF]


def test_without_the_remote_the_directory_is_named_and_not_listed(
    directory: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    clone = fresh_clone(directory[0])
    away = ["--repo", clone.path, "--remote-config", f"up.url={tmp_path / 'nowhere'}"]
    listed = shell.cvfs("ls", "-R", "HEAD", *away).ok()
    assert listed.stdout.split() == ["data/", "model.bin"]
    assert listed.stderr.count("the files of 1 directory are not shown") == 1
    with shell.mounted("HEAD", tmp_path / "mount", *away) as mount:
        assert "No data available" in shell.run("ls", mount / "data").stderr
        assert "No data available" in shell.run("cat", mount / "model.bin").stderr
    shell.cvfs("ls", "HEAD", "--repo", clone.path).ok()
    again = shell.cvfs("ls", "-R", "HEAD", *away).ok()
    assert (again.stdout.count("\n"), again.stderr) == (2 + 7, "")


def test_damage_on_the_remote_is_an_error_and_never_wrong_bytes(
    directory: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    repository, store = directory
    damaged = tmp_path / "damaged"
    shutil.copytree(store, damaged)
    pushed = next(iter(repository.pushed.values()))
    for name in ("data/a.csv", "model.bin"):
        path = damaged / "files/md5" / pushed[name][:2] / pushed[name][2:]
        path.chmod(0o644)
        path.write_bytes(bytes(len(ordinary.FILES[name])))
    options = ["--repo", fresh_clone(repository).path, "--remote-config", f"up.url={damaged}"]
    with shell.mounted("HEAD", tmp_path / "mount", *options) as mount:
        for name in ("data/a.csv", "model.bin"):
            read = shell.run("cat", mount / name)
            assert (read.raw, "Input/output error" in read.stderr) == (b"", True)
        assert shell.run("cat", mount / CRLF).ok().raw == ordinary.FILES[CRLF]


def test_check_asks_for_each_hash(
    directory: tuple[DvcRepository, Path], fresh_clone: Clone, shell: Shell, tmp_path: Path
) -> None:
    repository, store = directory
    options = ["--repo", fresh_clone(repository).path]
    assert "6 files" in shell.cvfs("check", "HEAD", *options).ok().stdout
    shell.cvfs("check", "HEAD", "--fast", *options).ok()
    pushed = next(iter(repository.pushed.values()))
    less = tmp_path / "less"
    shutil.copytree(store, less)
    (less / "files/md5" / pushed["data/a.csv"][:2] / pushed["data/a.csv"][2:]).unlink()
    checked = shell.cvfs("check", "HEAD", *options, "--remote-config", f"up.url={less}")
    assert checked.returncode == 1
    assert "missing: data/a.csv" in checked.stdout
    assert "1 missing (of 6 files)" in checked.stderr


def test_diff_names_the_files_that_changed(transition: DvcRepository, fresh_clone: Clone, shell: Shell) -> None:
    before, _, after = transition.pushed
    told = shell.cvfs("diff", before, after, "--repo", fresh_clone(transition).path).ok().stdout
    assert "data/a.csv" in told
    assert "large.bin" not in told
