"""What a pull may replace or take away: what is safe elsewhere, and nothing else unless it is forced to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from publishing import configure, publish
from pulled import NEW, OLD, Dataset, contents, md5, publish_file, reasons, write
from repositories import GitRepository

from cvfs.clone import open_clone
from cvfs.stores.local import LocalStore

MINE = b"made here, stored nowhere\n"


def empty_caches(clone: GitRepository) -> None:
    """Take away what could vouch for a file, but for the commits."""
    shutil.rmtree(clone.path / ".dvc/cache", ignore_errors=True)
    shutil.rmtree(Path(os.environ["HOME"]) / ".cache/cvfs")


def in_dvc_cache(clone: GitRepository, data: bytes, *, under: bytes | None = None) -> None:
    digest = md5(data if under is None else under)
    write(clone.path, {f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}": data})


def test_a_file_that_is_stored_nowhere_is_kept_and_told(dataset: Dataset) -> None:
    clone = dataset.clone()
    write(clone.path, {"data/a": MINE, "model": MINE})
    pulled = dataset.pull(clone)
    assert list(reasons(pulled)) == ["data/a", "model"]
    assert all("stored nowhere else" in reason for reason in reasons(pulled).values())
    assert contents(clone) == {**NEW, "data/a": MINE, "model": MINE}
    assert (pulled.added, pulled.modified) == ([], ["data/"])


def test_force_replaces_it(dataset: Dataset) -> None:
    clone = dataset.clone()
    write(clone.path, {"data/a": MINE, "model": MINE, "data/untracked": MINE})
    pulled = dataset.pull(clone, force=True)
    assert pulled.failures == []
    assert contents(clone) == {**NEW, "data/untracked": MINE}
    assert pulled.files["modified"] == 2


@pytest.mark.parametrize("evicted", [False, True])
def test_after_a_checkout_the_other_versions_data_gives_way(dataset: Dataset, evicted: bool) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    if evicted:
        empty_caches(clone)
    pulled = dataset.pull(clone)
    assert pulled.failures == []
    # "data/gone" was a file of the commit before, as it is.
    assert contents(clone) == NEW
    assert (pulled.modified, pulled.files["modified"], pulled.files["deleted"]) == (["data/", "model"], 2, 1)


def test_a_cache_vouches_for_what_two_checkouts_ago_was_current(dataset: Dataset) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    clone.git("commit", "-q", "--allow-empty", "-m", "HEAD@{1} is no longer the old commit")
    pulled = dataset.pull(clone)
    assert pulled.failures == []
    # Nothing proves any more that the file that is listed nowhere was not made here.
    assert contents(clone) == {**NEW, "data/gone": OLD["data/gone"]}


def test_without_a_cache_two_checkouts_are_too_many(dataset: Dataset) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    clone.git("commit", "-q", "--allow-empty", "-m", "HEAD@{1} is no longer the old commit")
    empty_caches(clone)
    assert list(reasons(dataset.pull(clone))) == ["data/a", "model"]


def test_dvcs_cache_vouches_if_it_is_intact(dataset: Dataset) -> None:
    clone = dataset.clone()
    write(clone.path, {"data/a": MINE})
    in_dvc_cache(clone, MINE[:-1] + b"!", under=MINE)
    assert list(reasons(dataset.pull(clone))) == ["data/a"]
    in_dvc_cache(clone, MINE)
    assert dataset.pull(clone).failures == []
    assert contents(clone) == NEW


def test_a_commit_that_was_never_pushed_vouches_for_nothing(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    metafile = clone.path / "model.dvc"
    write(clone.path, {"model": MINE})
    metafile.write_text(f"outs:\n- {{md5: {md5(MINE)}, size: {len(MINE)}, hash: md5, path: model}}\n")
    clone.git("commit", "-qam", "Not pushed")
    clone.git("checkout", "-q", "HEAD~1")
    assert list(reasons(dataset.pull(clone))) == ["model"]
    assert (clone.path / "model").read_bytes() == MINE


def test_new_files_in_an_out_are_never_touched(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    # A copy of stored data under a name of its own is somebody's, too.
    write(clone.path, {"data/mine": MINE, "data/copy": NEW["data/a"]})
    for force in (False, True):
        assert dataset.pull(clone, force=force).failures == []
        assert contents(clone) == {**NEW, "data/mine": MINE, "data/copy": NEW["data/a"]}


def test_a_file_of_the_former_commit_that_was_changed_stays(dataset: Dataset) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    write(clone.path, {"data/gone": MINE})
    clone.git("checkout", "-q", dataset.new)
    pulled = dataset.pull(clone)
    assert contents(clone) == {**NEW, "data/gone": MINE}
    assert (pulled.failures, [note.partition(" ")[0] for note in pulled.notes]) == ([], ["data/gone"])


def test_what_went_is_forgotten_so_that_nobody_takes_it_for_a_deletion(dataset: Dataset) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    dataset.pull(clone)
    with open_clone(os.environ, str(clone.path)) as opened, opened.stat_cache("") as cache:
        assert not cache.known("data/gone")
        assert cache.known("data/new", md5(NEW["data/new"]))


def test_a_target_leaves_alone_what_lies_beside_it(dataset: Dataset) -> None:
    clone = dataset.clone(commit=dataset.old)
    dataset.pull(clone)
    clone.git("checkout", "-q", dataset.new)
    dataset.pull(clone, "data/new")
    assert contents(clone) == {**OLD, "data/new": NEW["data/new"]}


def test_an_out_inside_another_is_its_own(dataset: Dataset) -> None:
    clone = dataset.clone()
    write(dataset.origin.path, {"data/inner": b"an out of its own\n"})
    publish_file(dataset.origin.path, "data/inner", dataset.store)
    (clone.path / "inner.dvc").write_text((dataset.origin.path / "data/inner.dvc").read_text())
    for _ in range(2):
        assert dataset.pull(clone).failures == []
        assert contents(clone) == {**NEW, "data/inner": b"an out of its own\n"}


def test_data_that_was_placed_of_any_commit_gives_way_again(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone, revision=dataset.old)
    empty_caches(clone)
    assert dataset.pull(clone).failures == []
    assert contents(clone) == NEW


def test_an_out_without_its_metafile_stays(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    clone.git("rm", "-q", "model.dvc")
    clone.git("commit", "-qm", "No longer tracked")
    assert dataset.pull(clone, force=True).failures == []
    assert contents(clone) == NEW


@pytest.fixture
def changeling(tmp_path: Path) -> tuple[GitRepository, str, str]:
    """A repository whose out ``x`` was a file first and is a directory now, and those two commits."""
    origin = GitRepository.init(tmp_path / "changeling")
    store = LocalStore(str(tmp_path / "its store"))
    configure(origin.path, str(tmp_path / "its store"))
    write(origin.path, {"x": b"a file\n"})
    publish_file(origin.path, "x", store)
    file = origin.commit("file")
    (origin.path / "x").unlink()
    write(origin.path, {"x/y": b"in a directory\n"})
    publish(origin.path, "x", store)
    return origin, file, origin.commit("directory")


def test_a_file_becomes_a_directory_and_a_file_again(dataset: Dataset, changeling) -> None:
    origin, file, directory = changeling
    clone = origin.clone(dataset.directory / "clone")
    for commit, expected in ((file, {"x": b"a file\n"}), (directory, {"x/y": b"in a directory\n"})) * 2:
        clone.git("checkout", "-q", commit)
        assert dataset.pull(clone).failures == []
        assert contents(clone) == expected


def test_what_is_in_the_way_of_another_kind_is_kept(dataset: Dataset, changeling) -> None:
    origin, file, _ = changeling
    clone = origin.clone(dataset.directory / "clone")
    write(clone.path, {"x": MINE})
    assert list(reasons(dataset.pull(clone))) == ["x"]
    assert contents(clone) == {"x": MINE}
    assert dataset.pull(clone, force=True).failures == []
    clone.git("checkout", "-q", file)
    write(clone.path, {"x/mine": MINE})
    assert "is a directory" in reasons(dataset.pull(clone, force=True))["x"]
    assert contents(clone)["x/mine"] == MINE


def test_a_broken_link_gives_way_and_one_out_of_the_repository_is_not_followed(dataset: Dataset) -> None:
    clone = dataset.clone()
    outside = dataset.directory / "outside"
    outside.mkdir()
    write(clone.path, {"data/x": b""})
    (clone.path / "data/a").symlink_to(clone.path / ".dvc/cache/gone")
    (clone.path / "model").symlink_to("nowhere")
    (clone.path / "data/deep").symlink_to(outside)
    pulled = dataset.pull(clone)
    assert list(reasons(pulled)) == ["data/deep/b"]
    assert "leads out of the repository" in reasons(pulled)["data/deep/b"]
    assert list(outside.iterdir()) == []
    assert not (clone.path / "data/a").is_symlink()
    assert not (clone.path / "model").is_symlink()


HOSTILE = ("../escaped", "/tmp/escaped", "x/../../escaped", ".git/config", ".dvc/config.local", "sub/.dvc/config")


@pytest.mark.parametrize("relpath", HOSTILE)
def test_hostile_paths_are_refused_one_by_one(dataset: Dataset, relpath: str) -> None:
    clone = dataset.clone()
    metafile = clone.path / "data.dvc"
    metafile.write_text(metafile.read_text().replace("relpath: a\n", f"relpath: {relpath}\n"))
    pulled = dataset.pull(clone, force=True)
    [reason] = reasons(pulled).values()
    assert "refused" in reason
    assert contents(clone) == {path: data for path, data in NEW.items() if path != "data/a"}
    assert not (clone.path / "data" / relpath).exists()


@pytest.mark.parametrize("path", [".dvc/config.local", ".git/hooks/post-checkout", "../escaped"])
def test_outs_in_hostile_places_are_refused(dataset: Dataset, path: str) -> None:
    clone = dataset.clone()
    metafile = clone.path / "model.dvc"
    metafile.write_text(metafile.read_text().replace("path: model", f"path: {path}"))
    pulled = dataset.pull(clone)
    assert len(pulled.failures) == 1
    assert not (clone.path / path).exists()
    assert pulled.added == ["data/"]
