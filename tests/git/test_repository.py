from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.errors import RepositoryError, RevisionError
from cvfs.git import Repository, TreeEntry


def opened(path: Path | str | None, **environment: str) -> Repository:
    return Repository.open(None if path is None else str(path), {**os.environ, **environment})


def state_of(directory: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in directory.rglob("*")}


def test_opens_the_repository_of_any_directory_in_it(repository: GitRepository) -> None:
    found = opened(repository.path / "sub")
    assert found.work_tree == str(repository.path)
    assert found.git_dir == str(repository.path / ".git")


def test_opens_bare_repositories_and_worktrees(repository: GitRepository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    bare = opened(tmp_path / "bare.git")
    assert (bare.work_tree, bare.git_dir) == (None, str(tmp_path / "bare.git"))
    assert list(bare.tree(bare.resolve("main").id))

    repository.git("worktree", "add", "-q", str(tmp_path / "linked"), "side")
    linked = opened(tmp_path / "linked")
    assert linked.work_tree == str(tmp_path / "linked")
    assert linked.resolve("HEAD").id == repository.git("rev-parse", "side")
    assert list(linked.tree(linked.resolve("HEAD").id))


def test_a_path_with_a_newline_is_a_path(tmp_path: Path) -> None:
    made = GitRepository.init(tmp_path / "new\nline\n")
    commit = made.commit("first")
    found = opened(made.path)
    assert found.work_tree == str(made.path)
    assert found.resolve("HEAD").id == commit


def test_sha256(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "sha256")
    made.path.mkdir()
    made.git("init", "-q", "--object-format=sha256")
    commit = made.commit("first", {"a": "content"})
    found = opened(made.path)
    assert found.object_format == "sha256"
    assert found.resolve("HEAD").id == commit
    assert len(commit) == 64
    (entry,) = found.tree(commit)
    assert dict(found.read_blobs([entry.oid])) == {entry.oid: b"content"}


def test_without_a_path_git_finds_it(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path / "sub")
    assert opened(None).git_dir == str(repository.path / ".git")
    monkeypatch.chdir(tmp_path)
    assert opened(None, GIT_DIR=str(repository.path / ".git")).git_dir == str(repository.path / ".git")


def test_a_path_beats_the_variables_that_a_hook_sets(
    repository: GitRepository, make_repository: Callable[[str], GitRepository]
) -> None:
    other = make_repository("other")
    other.commit("elsewhere")
    found = opened(
        repository.path,
        GIT_DIR=str(other.path / ".git"),
        GIT_WORK_TREE=str(other.path),
        GIT_INDEX_FILE=str(other.path / ".git" / "index"),
        GIT_OBJECT_DIRECTORY=str(other.path / ".git" / "objects"),
        GIT_PREFIX="sub/",
    )
    assert found.git_dir == str(repository.path / ".git")
    assert found.resolve("HEAD").id == repository.git("rev-parse", "HEAD")
    assert [entry.path for entry in found.tree(found.resolve("HEAD").id)] == ["a.txt", "link", "sub/b.txt"]


def test_not_a_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not in a Git repository") as caught:
        opened(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "--repo" in str(caught.value.hint)
    with pytest.raises(RepositoryError, match="No such file or directory"):
        opened(tmp_path / "absent")


def test_git_is_not_installed(repository: GitRepository, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="git is not installed"):
        opened(repository.path, PATH=str(tmp_path))


def test_dubious_ownership_says_what_to_do(repository: GitRepository) -> None:
    with pytest.raises(RepositoryError, match="belongs to another user") as caught:
        opened(repository.path, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert f"git config --global --add safe.directory {repository.path}" in str(caught.value.hint)


@pytest.mark.parametrize("revision", ["HEAD", "main", "@", "HEAD^0", "refs/heads/main", "main@{0}", ":/second"])
def test_resolves_what_git_knows(repository: GitRepository, revision: str) -> None:
    commit = opened(repository.path).resolve(revision)
    assert commit.id == repository.git("rev-parse", "HEAD")
    assert commit.time == int(repository.git("log", "-1", "--format=%ct"))


@pytest.mark.parametrize("revision", ["light", "annotated", "of-a-tag", "main~1", "side"])
def test_follows_tags_to_their_commit(repository: GitRepository, revision: str) -> None:
    assert opened(repository.path).resolve(revision).id == repository.git("rev-parse", "main~1")


def test_resolves_an_abbreviation(repository: GitRepository) -> None:
    full = repository.git("rev-parse", "HEAD")
    assert opened(repository.path).resolve(full[:9]).id == full


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "nope",
        "--all",
        "--git-dir",
        "-",
        "--",
        "HEAD..main",
        "^HEAD",
        "HEAD:a.txt",
        "HEAD^{tree}",
        "a\0b",
        "a\nb",
        "\ud800",
    ],
)
def test_what_is_no_commit_is_an_error(repository: GitRepository, revision: str) -> None:
    with pytest.raises(RevisionError):
        opened(repository.path).resolve(revision)


def test_a_branch_that_begins_with_a_dash_can_be_resolved(repository: GitRepository) -> None:
    repository.git("update-ref", "refs/heads/-x", "HEAD")
    assert opened(repository.path).resolve("-x").id == repository.git("rev-parse", "HEAD")


def test_a_revision_that_is_not_utf8(repository: GitRepository) -> None:
    subprocess.run([b"git", b"tag", b"\xff\xfe"], cwd=repository.path, check=True)
    assert opened(repository.path).resolve("\udcff\udcfe").id == repository.git("rev-parse", "HEAD")


def test_an_id_that_is_not_here_is_unknown(repository: GitRepository) -> None:
    with pytest.raises(RevisionError, match="names no commit that is in this repository") as caught:
        opened(repository.path).resolve("12345678" * 5)
    assert "git fetch" in str(caught.value.hint)


def test_a_misspelt_or_remote_name_gets_a_hint(repository: GitRepository, tmp_path: Path) -> None:
    with pytest.raises(RevisionError) as caught:
        opened(repository.path).resolve("anotated")
    assert caught.value.hint == "did you mean annotated?"
    clone = repository.clone(tmp_path / "clone")
    clone.git("checkout", "-q", "--detach")
    clone.git("branch", "-D", "main")
    with pytest.raises(RevisionError) as caught:
        opened(clone.path).resolve("main")
    assert caught.value.hint == "did you mean origin/main?"


def test_an_ambiguous_abbreviation_is_named_so(repository: GitRepository) -> None:
    repository.git("config", "core.abbrev", "4")
    prefixes: dict[str, int] = {}
    for number in range(2000):
        tree = repository.git("rev-parse", "HEAD^{tree}")
        line = f"tree {tree}\nauthor a <a@b> {number} +0000\ncommitter a <a@b> {number} +0000\n\nx\n"
        oid = subprocess.run(
            ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
            cwd=repository.path,
            input=line.encode(),
            capture_output=True,
            check=True,
        ).stdout.decode()
        prefixes[oid[:4]] = prefixes.get(oid[:4], 0) + 1
        if prefixes[oid[:4]] == 2:
            break
    with pytest.raises(RevisionError, match="ambiguous"):
        opened(repository.path).resolve(oid[:4])


def test_beyond_the_boundary_of_a_shallow_clone(repository: GitRepository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
    shallow = opened(tmp_path / "shallow")
    assert list(shallow.tree(shallow.resolve("HEAD").id))
    with pytest.raises(RevisionError) as caught:
        shallow.resolve("HEAD~1")
    assert "--unshallow" in str(caught.value.hint)


def test_nothing_committed_yet(make_repository: Callable[[str], GitRepository]) -> None:
    with pytest.raises(RevisionError) as caught:
        opened(make_repository("empty").path).resolve("HEAD")
    assert caught.value.hint == "nothing has been committed yet"


@pytest.mark.parametrize(("written", "expected"), [("-5", 0), ("99999999999999999", 253402300799), ("nonsense", 0)])
def test_a_hostile_date_is_tamed(repository: GitRepository, written: str, expected: int) -> None:
    tree = repository.git("rev-parse", "HEAD^{tree}")
    text = f"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> {written} +0000\n\ncommitter b <b@c> 7 +0000\n"
    done = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"],
        cwd=repository.path,
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    assert opened(repository.path).resolve(done.stdout.decode().strip()).time == expected


def test_the_tree_by_bytes(make_repository: Callable[[str], GitRepository]) -> None:
    made = make_repository("names")
    names = [b"\xff\xfe.dvc", "ü\n\t.dvc".encode(), b"-dash", b":(top)x", b"a b/c"]
    for name in names:
        path = os.path.join(os.fsencode(made.path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name)
    os.chmod(os.path.join(os.fsencode(made.path), b"-dash"), 0o755)
    commit = made.commit("names")
    found = opened(made.path)
    tree = {entry.path.encode("utf-8", "surrogateescape"): entry for entry in found.tree(commit)}
    assert tree.keys() == set(names)
    assert stat.S_IMODE(tree[b"-dash"].mode) == 0o755
    assert {entry.type for entry in tree.values()} == {"blob"}
    contents = dict(found.read_blobs(entry.oid for entry in tree.values()))
    assert all(contents[entry.oid] == name for name, entry in tree.items())
    some = found.tree(commit, [":(top)x", "a b", "\udcff\udcfe.dvc"])
    assert [entry.path for entry in some] == [":(top)x", "a b/c", "\udcff\udcfe.dvc"]


def test_links_and_submodules_are_told_apart(repository: GitRepository) -> None:
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.git('rev-parse', 'HEAD')},module")
    repository.git("commit", "-q", "-m", "with a submodule")
    found = opened(repository.path)
    tree = {entry.path: entry for entry in found.tree(found.resolve("HEAD").id)}
    assert stat.S_ISLNK(tree["link"].mode)
    assert (tree["module"].type, tree["module"].mode) == ("commit", 0o160000)


def test_blobs_come_in_the_order_asked_for_and_as_often(repository: GitRepository) -> None:
    found = opened(repository.path)
    oids = [
        repository.git("rev-parse", name) for name in ("HEAD:a.txt", "HEAD:sub/b.txt", "HEAD:a.txt", "HEAD~1:a.txt")
    ]
    assert [data for _, data in found.read_blobs(oids)] == [b"changed\n", b"two\n", b"changed\n", b"one\n"]
    assert [oid for oid, _ in found.read_blobs(oids)] == oids
    assert found.blob_sizes(oids) == {oids[0]: 8, oids[1]: 4, oids[3]: 4}


def test_what_is_no_blob_or_missing_is_an_error(repository: GitRepository) -> None:
    found = opened(repository.path)
    absent = "0123456789" * 4
    with pytest.raises(RepositoryError, match=absent):
        found.blob_sizes([absent])
    for oid in (absent, repository.git("rev-parse", "HEAD^{tree}")):
        with pytest.raises(RepositoryError, match=oid):
            list(found.read_blobs([oid]))
    with pytest.raises(RepositoryError, match="ls-tree failed"):
        list(found.tree(absent))


def test_a_damaged_blob_is_an_error(repository: GitRepository) -> None:
    oid = repository.git("rev-parse", "HEAD:a.txt")
    loose = repository.path / ".git" / "objects" / oid[:2] / oid[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"not zlib")
    with pytest.raises(RepositoryError, match=r"cat-file failed|missing"):
        list(opened(repository.path).read_blobs([oid]))


def test_leaving_a_stream_early_ends_git(repository: GitRepository) -> None:
    found = opened(repository.path)
    blobs = found.read_blobs([repository.git("rev-parse", "HEAD:a.txt")] * 3)
    next(blobs)
    blobs.close()
    tree = found.tree(found.resolve("HEAD").id)
    assert isinstance(next(tree), TreeEntry)
    tree.close()  # type: ignore[attr-defined]


def test_replacement_objects_do_not_count(repository: GitRepository) -> None:
    old, new = repository.git("rev-parse", "HEAD~1:a.txt"), repository.git("rev-parse", "HEAD:a.txt")
    repository.git("replace", old, new)
    assert dict(opened(repository.path).read_blobs([old])) == {old: b"one\n"}


def test_alternates_are_followed(repository: GitRepository, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--shared", ".", str(tmp_path / "shared"))
    found = opened(tmp_path / "shared")
    oids = [entry.oid for entry in found.tree(found.resolve("HEAD").id)]
    assert len(list(found.read_blobs(oids))) == 3


def test_reading_changes_nothing(repository: GitRepository) -> None:
    # A stale index is what `git status` would refresh and write.
    os.utime(repository.path / "a.txt", (1, 1))
    before = state_of(repository.path)
    found = opened(repository.path)
    commit = found.resolve("HEAD")
    oids = [entry.oid for entry in found.tree(commit.id)]
    found.blob_sizes(oids)
    list(found.read_blobs(oids))
    assert state_of(repository.path) == before
