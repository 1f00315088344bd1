"""Snapshots of real Git repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from repositories import GitRepository
from snapshot_trees import md5_of, walk

from cvfs.errors import RepositoryError, RevisionError, SnapshotError
from cvfs.git import Repository
from cvfs.metafiles.records import Source
from cvfs.model import Kind
from cvfs.snapshot import Snapshot, build, open_snapshot

FIXTURES = Path(__file__).parent.parent / "fixtures"
CONFIG = "[core]\n    remote = up\n"

#: Opens a snapshot as if the disk were full: no file may grow beyond 100 bytes.
WITHOUT_ROOM = """
import os, resource, signal, sys
from cvfs.errors import SnapshotError
from cvfs.git import Repository
from cvfs.snapshot import open_snapshot

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    open_snapshot(Repository.open(sys.argv[1], os.environ), "HEAD", sys.argv[2])
except SnapshotError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def repository(make_repository: Callable[[str], GitRepository]) -> GitRepository:
    return make_repository("repository")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def opened(repository: GitRepository, index: Path, revision: str = "HEAD") -> Snapshot:
    return open_snapshot(Repository.open(str(repository.path), os.environ), revision, str(index))


def metafile(path: str, *files: str) -> str:
    """Return the text of a ``.dvc`` file: a directory out with those files or, without any, a single file."""
    if not files:
        return f"outs:\n- md5: {md5_of(path)}\n  size: {len(path)}\n  hash: md5\n  path: {path}\n"
    entries = "".join(
        f"  - relpath: {name}\n    md5: {md5_of(name)}\n    size: {len(name)}\n    cloud:\n      up:\n"
        f"        etag: {md5_of(name)}\n        version_id: v-{name}\n"
        for name in files
    )
    return f"outs:\n- hash: md5\n  path: {path}\n  files:\n{entries}"


def from_fixture(repository: GitRepository, name: str, **more: str) -> None:
    shutil.copytree(FIXTURES / name, repository.path, dirs_exist_ok=True)
    config = (repository.path / "dvc_config.txt").read_text()
    (repository.path / "dvc_config.txt").unlink()
    repository.commit(name, {".dvc/config": config, **more})


def index_files(index: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in index.iterdir()}


def problems(snapshot: Snapshot) -> list[str]:
    return [str(problem) for problem in snapshot.problems]


def test_what_dvc_pushed(repository: GitRepository, index: Path) -> None:
    from_fixture(repository, "r1", **{"README.md": "not data", "src/code.py": "not data"})
    snapshot = opened(repository, index)
    assert walk(snapshot).files == {
        "data/empty": 0,
        "data/foo": 5,
        "data/run.sh": 10,
        "data/sub/bar": 4,
        "model.bin": 6,
        "tool.sh": 10,
    }
    assert snapshot.commit == repository.git("rev-parse", "HEAD")
    assert snapshot.time == int(repository.git("log", "-1", "--format=%ct"))
    assert snapshot.totals == (6, 35)
    assert (snapshot.roots, problems(snapshot)) == ([""], [])
    assert "url = s3://versioned/base" in snapshot.config_blobs[""]
    node = snapshot.resolve(b"data/sub/bar")
    assert node is not None
    version = snapshot.content(node.ino).version
    assert version is not None
    assert (version.remote, version.key) == ("up", "data/sub/bar")
    assert version.version_id == "e7c4c964-3a08-4064-b311-6bc9e3bd7fff"


def test_awkward_names_that_dvc_pushed(repository: GitRepository, index: Path) -> None:
    from_fixture(repository, "r7")
    names = set(walk(opened(repository, index)).files)
    assert len(names) == 19
    assert {"data/a#b.txt", "data/q?x.txt", "data/yes", "data/ lead", "data/back\\slash", "data/ü dir/ñ.txt"} <= names


def test_a_pipeline(repository: GitRepository, index: Path) -> None:
    from_fixture(repository, "r6", **{"nocache.txt": "of git"})
    snapshot = opened(repository, index)
    shown = walk(snapshot)
    assert shown.files == {"m.json": 2, "nocache.txt": 6, "nopush.bin": 2, "w.txt": 2}
    assert shown.nodes[b"out"].kind is Kind.UNLISTED
    assert snapshot.totals == (4, 12)
    in_git = shown.nodes[b"nocache.txt"].ino
    assert snapshot.git_blob(in_git) == repository.git("rev-parse", "HEAD:nocache.txt")
    assert snapshot.source(in_git) is Source.GIT
    assert snapshot.content(in_git).md5 is None, "the lock's hash is not that of what git has"
    assert snapshot.content(in_git).version is None
    assert snapshot.source(shown.nodes[b"nopush.bin"].ino) is Source.UNPUSHED


def test_outs_that_git_holds_follow_the_commit(repository: GitRepository, index: Path) -> None:
    names = ("plots", "same", "absent")
    hashes = ("0" * 32 + ".dir", "0" * 32, "0" * 32)
    outs = "".join(f"    - {{path: {name}, md5: {md5}}}\n" for name, md5 in zip(names, hashes, strict=True))
    lock = f"schema: '2.0'\nstages:\n  s:\n    outs:\n{outs}"
    uncached = "".join(f"    - {name}: {{cache: false}}\n" for name in names)
    stages = f"stages:\n  s:\n    cmd: x\n    metrics:\n{uncached}"
    base = {".dvc/config": CONFIG, "p/dvc.yaml": stages, "p/dvc.lock": lock, "p/same": "s"}
    (repository.path / "p" / "plots").mkdir(parents=True)
    (repository.path / "p" / "plots" / "link").symlink_to("/etc/passwd")
    first = repository.commit("first", {**base, "p/plots/a.json": "{}", "p/plots/deep/run.sh": "#!"})
    (repository.path / "p" / "plots" / "deep" / "run.sh").chmod(0o755)
    second = repository.commit("second", {"p/plots/a.json": "[1]", "p/other": "no out"})

    old, new = opened(repository, index, first), opened(repository, index, second)
    assert walk(old).files == {"p/plots/a.json": 2, "p/plots/deep/run.sh": 2, "p/same": 1}
    assert walk(new).files == {"p/plots/a.json": 3, "p/plots/deep/run.sh": 2, "p/same": 1}
    assert (old.totals, new.totals) == ((3, 5), (3, 6))
    executable = [walk(snapshot).nodes[b"p/plots/deep/run.sh"].executable for snapshot in (old, new)]
    assert executable == [False, True]
    again = opened(repository, index, first)
    assert walk(again) == walk(old)


def test_two_metafiles_may_leave_the_same_path_to_git(repository: GitRepository, index: Path) -> None:
    text = "outs:\n- path: ../m.json\n  cache: false\n"
    repository.commit("x", {".dvc/config": CONFIG, "m.json": "{}", "a/m.dvc": text, "b/m.dvc": text})
    snapshot = opened(repository, index)
    assert walk(snapshot).files == {"m.json": 2}
    assert problems(snapshot) == ["b/m.dvc:2: out 'm.json' is refused: a/m.dvc has an out of the same path"]


def test_subrepos_are_shown_each_with_its_own_configuration(repository: GitRepository, index: Path) -> None:
    repository.commit(
        "x",
        {
            ".dvc/config": "[core]\n    remote = top\n",
            ".dvcignore": "ignored/\n",
            "data.dvc": metafile("data", "x"),
            "ignored/data.dvc": metafile("data", "x"),
            "sub/.dvc/config": "[core]\n    remote = sub\n",
            "sub/deep/data.dvc": metafile("data", "x"),
        },
    )
    snapshot = opened(repository, index)
    assert walk(snapshot).files == {"data/x": 1, "sub/deep/data/x": 1}
    assert snapshot.roots == ["", "sub"]
    assert {root: text.split()[-1] for root, text in snapshot.config_blobs.items()} == {"": "top", "sub": "sub"}
    contents = [snapshot.content(walk(snapshot).nodes[path].ino) for path in (b"data/x", b"sub/deep/data/x")]
    assert [(content.root, content.version and content.version.key) for content in contents] == [
        ("", "data/x"),
        ("sub", "deep/data/x"),
    ]


def test_a_bad_metafile_does_not_hide_the_good_ones(repository: GitRepository, index: Path) -> None:
    repository.commit(
        "x",
        {
            ".dvc/config": CONFIG,
            "good.dvc": metafile("good"),
            "conflict.dvc": "<<<<<<< HEAD\nouts:\n=======\n>>>>>>> other\n",
            "binary.dvc": bytes(range(256)),
            "hostile.dvc": metafile("hostile", "ok", "../up", "ok"),
            "p/dvc.yaml": "stages: [",
            "p/dvc.lock": "schema: '2.0'\nstages:\n  s:\n    outs:\n    - {path: o, md5: " + "0" * 32 + "}\n",
        },
    )
    snapshot = opened(repository, index)
    assert walk(snapshot).files == {"good": 4, "hostile/ok": 2, "p/o": None}
    found = {(problem.path, problem.line) for problem in snapshot.problems}
    assert {("conflict.dvc", 1), ("hostile.dvc", 12), ("hostile.dvc", 19)} <= found
    assert {path for path, _ in found} == {"conflict.dvc", "binary.dvc", "hostile.dvc", "p/dvc.yaml"}
    assert all(problem.reason for problem in snapshot.problems)
    assert problems(opened(repository, index)) == problems(snapshot)


def test_a_commit_without_metafiles_is_empty(repository: GitRepository, index: Path) -> None:
    repository.commit("x", {"README.md": "hello"})
    snapshot = opened(repository, index)
    assert (snapshot.totals, problems(snapshot), snapshot.roots) == ((0, 0), [], [])
    assert walk(snapshot).directories == {""}


def test_git_paths_that_are_not_utf8(repository: GitRepository, index: Path) -> None:
    directory = os.path.join(os.fsencode(repository.path), b"caf\xe9")
    os.mkdir(directory)
    with open(os.path.join(directory, b"\xff.dvc"), "w", encoding="utf-8") as file:
        file.write(metafile("data", "x"))
    repository.commit("x", {".dvc/config": CONFIG})
    snapshot = opened(repository, index)
    node = snapshot.resolve(b"caf\xe9/data/x")
    assert node is not None
    version = snapshot.content(node.ino).version
    assert version is not None
    assert version.key == "caf\udce9/data/x"


def test_any_kind_of_repository(repository: GitRepository, index: Path, tmp_path: Path) -> None:
    repository.commit("x", {".dvc/config": CONFIG, "d.dvc": metafile("d", "a", "b/c")})
    expected = walk(opened(repository, index))
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    url = f"file://{repository.path}"
    for options in (
        ("--bare",),
        ("--depth=1",),
        ("--no-checkout", "--filter=blob:none"),
        ("--bare", "--filter=tree:0"),
    ):
        path = tmp_path / "-".join(options).replace(":", "").replace("=", "")
        repository.git("clone", "-q", *options, url, str(path))
        for directory in (index, path / "index"):
            assert walk(opened(GitRepository(path), directory)) == expected


def test_a_partial_clone_is_completed_by_one_request(
    repository: GitRepository, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.dvc": metafile(f"d{number}", "a") for number in range(20)}
    repository.commit(
        "x", {".dvc/config": CONFIG, ".dvcignore": "no", "dvc.yaml": "stages: {}", "dvc.lock": "{}", **files}
    )
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repository.git(
        "clone", "-q", "--bare", "--filter=blob:none", f"file://{repository.path}", str(tmp_path / "partial")
    )
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    assert opened(GitRepository(tmp_path / "partial"), index).totals[0] == 20
    assert (tmp_path / "trace").read_text().count("built-in: git fetch") == 1


def test_the_second_time_nothing_is_built(
    repository: GitRepository, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_fixture(repository, "r6", **{"nocache.txt": "of git"})
    before = walk(opened(repository, index))
    files = index_files(index)
    for name in ("build_segment", "write_commit_index"):
        monkeypatch.setattr(build, name, lambda *_: pytest.fail("it was built again"))
    assert walk(opened(repository, index)) == before
    assert index_files(index) == files


def test_commits_share_segments(repository: GitRepository, index: Path) -> None:
    big = metafile("big", *(f"{number:05}" for number in range(2500)))
    repository.commit("first", {".dvc/config": CONFIG, "big.dvc": big, "small.dvc": metafile("small")})
    repository.commit("second", {"small.dvc": metafile("other"), "moved/big.dvc": big})
    opened(repository, index, "HEAD~1")
    first = {name for name in os.listdir(index) if name.endswith(".segment")}
    snapshot = opened(repository, index)
    second = {name for name in os.listdir(index) if name.endswith(".segment")}
    assert (len(first), len(second)) == (2, 3)
    assert snapshot.totals[0] == 2 * 2500 + 1
    assert len(walk(snapshot).files) == 2 * 2500 + 1


def test_files_do_not_depend_on_place_or_time(repository: GitRepository, tmp_path: Path) -> None:
    from_fixture(repository, "r7", **{"more/d.dvc": metafile("d", "b", "a")})
    for name in ("one", "two"):
        opened(repository, tmp_path / name)
    assert index_files(tmp_path / "one") == index_files(tmp_path / "two")


def test_damaged_index_files_are_built_anew(repository: GitRepository, index: Path) -> None:
    from_fixture(repository, "r6", **{"nocache.txt": "of git"})
    before = walk(opened(repository, index))
    good = index_files(index)
    assert len(good) == 3
    for name, data in good.items():
        for damaged in (b"", data[:-1], data[: len(data) // 2], data[:-1] + bytes([data[-1] ^ 1])):
            (index / name).write_bytes(damaged)
            assert walk(opened(repository, index)) == before
            assert index_files(index) == good
        (index / name).unlink()
        assert walk(opened(repository, index)) == before


def test_several_may_build_at_once(repository: GitRepository, index: Path) -> None:
    from_fixture(repository, "r1")
    barrier = threading.Barrier(4)
    found = []

    def run() -> None:
        barrier.wait(30)
        found.append(walk(opened(repository, index)))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert all(shown == found[0] for shown in found)
    assert not [name for name in os.listdir(index) if name.startswith(".new-")]


def test_thousands_of_small_metafiles_need_few_files(repository: GitRepository, index: Path) -> None:
    files = {f"m/{number % 50}/{number}.dvc": metafile(str(number)) for number in range(3000)}
    repository.commit("x", {".dvc/config": CONFIG, **files})
    snapshot = opened(repository, index)
    assert snapshot.totals[0] == 3000
    assert len(os.listdir(index)) < 60
    node = snapshot.resolve(b"m/7/2957")
    assert node is not None
    assert snapshot.content(node.ino).md5 == md5_of("2957")


def test_the_work_tree_and_the_index_do_not_matter_and_stay(repository: GitRepository, index: Path) -> None:
    commit = repository.commit("x", {".dvc/config": CONFIG, "d.dvc": metafile("d", "old")})
    (repository.path / "d.dvc").write_text(metafile("d", "new"))
    (repository.path / "extra.dvc").write_text(metafile("extra"))
    repository.git("add", "extra.dvc")
    status = repository.git("status", "--porcelain")
    assert walk(opened(repository, index, commit)).files == {"d/old": 3}
    assert repository.git("status", "--porcelain") == status


def test_wrong_revisions_and_directories(repository: GitRepository, index: Path, tmp_path: Path) -> None:
    repository.commit("x", {".dvc/config": CONFIG, "d.dvc": metafile("d", "a")})
    with pytest.raises(RevisionError):
        opened(repository, index, "nope")
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="file/index"):
        opened(repository, tmp_path / "file" / "index")


def test_a_commit_that_lacks_blobs_is_an_error(repository: GitRepository, index: Path) -> None:
    repository.commit("x", {".dvc/config": CONFIG, "d.dvc": metafile("d", "a")})
    oid = repository.git("rev-parse", "HEAD:d.dvc")
    (repository.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(RepositoryError, match=oid):
        opened(repository, index)


def test_no_room_for_the_index(repository: GitRepository, index: Path) -> None:
    repository.commit("x", {".dvc/config": CONFIG, "d.dvc": metafile("d", "a")})
    index.mkdir()
    command = [sys.executable, "-c", WITHOUT_ROOM, str(repository.path), str(index)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert os.listdir(index) == []
