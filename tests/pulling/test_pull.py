"""A pull makes the work tree what the metafiles record, and fetches nothing that is there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from pulled import NEW, OLD, Dataset, contents, md5, publish_file, reasons, record_out, write

from cvfs.clone import open_clone
from cvfs.comparison import Status, compare, scan_tracked
from cvfs.errors import LockedError, NotPushedError, TargetError, UnlistedError
from cvfs.fetch.fetcher import Fetcher
from cvfs.stores.local import LocalStore
from cvfs.workspace import placing
from cvfs.workspace.placing import Link


@pytest.fixture
def no_store(monkeypatch):
    """Fail the test if a store is asked for anything."""

    def forbidden(self, *arguments, **options):
        raise AssertionError("a store was asked")

    def forbid():
        monkeypatch.setattr(LocalStore, "read", forbidden)

    return forbid


def test_a_fresh_clone_gets_everything(dataset: Dataset) -> None:
    clone = dataset.clone()
    pulled = dataset.pull(clone)
    assert contents(clone) == NEW
    assert (pulled.added, pulled.modified, pulled.failures) == (["data/", "model"], [], [])
    # The empty file has no bytes to fetch.
    assert pulled.files == {"fetched": len(NEW) - 1, "modified": 0, "added": len(NEW), "deleted": 0}


def test_modes_are_the_recorded_ones(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    assert os.access(clone.path / "data/tool", os.X_OK)
    assert not (clone.path / "data/a").stat().st_mode & 0o111
    (clone.path / "data/tool").chmod(0o644)
    pulled = dataset.pull(clone)
    assert (clone.path / "data/tool").stat().st_mode & 0o111
    assert (pulled.modified, pulled.files["modified"], pulled.files["fetched"]) == (["data/"], 1, 0)


def test_a_second_pull_has_nothing_to_do_and_asks_nobody(dataset: Dataset, no_store) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    no_store()
    before = {path: (clone.path / path).stat().st_ino for path in NEW}
    pulled = dataset.pull(clone)
    assert (pulled.added, pulled.modified, pulled.failures, set(pulled.files.values())) == ([], [], [], {0})
    assert {path: (clone.path / path).stat().st_ino for path in NEW} == before


def test_what_one_clone_fetched_the_next_one_need_not(dataset: Dataset, no_store) -> None:
    dataset.pull(dataset.clone())
    no_store()
    other = dataset.clone("other")
    pulled = dataset.pull(other)
    assert contents(other) == NEW
    assert pulled.files["fetched"] == 0


def test_dvcs_own_cache_is_a_source(dataset: Dataset, no_store) -> None:
    clone = dataset.clone()
    for data in NEW.values():
        place = clone.path / ".dvc/cache/files/md5" / md5(data)[:2] / md5(data)[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    no_store()
    assert dataset.pull(clone).files["fetched"] == 0
    assert contents(clone) == NEW


def test_a_damaged_copy_in_dvcs_cache_is_not_used(dataset: Dataset, caplog) -> None:
    for link in Link:
        clone = dataset.clone(link.value)
        digest = md5(NEW["data/a"])
        write(clone.path, {f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}": b"A, second\n"})
        assert dataset.pull(clone, link=link).failures == []
        assert contents(clone) == NEW
    assert "is not what its name says" in caplog.text


def test_links_lead_to_dvcs_cache_and_the_rest_is_copied(dataset: Dataset) -> None:
    digest = md5(NEW["data/a"])
    for link in (Link.SYMLINK, Link.HARDLINK):
        clone = dataset.clone(link.value)
        cached = clone.path / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"
        write(cached.parent, {cached.name: NEW["data/a"]})
        dataset.pull(clone, link=link)
        assert contents(clone) == NEW
        assert (clone.path / "data/a").stat().st_ino == cached.stat().st_ino
        assert (clone.path / "data/a").is_symlink() == (link is Link.SYMLINK)
        assert [path for path in NEW if (clone.path / path).stat().st_nlink > 1 and path != "data/a"] == []
        assert dataset.pull(clone).files["modified"] == 0


def test_a_target_inside_an_out_is_all_that_is_fetched(dataset: Dataset) -> None:
    clone = dataset.clone()
    pulled = dataset.pull(clone, "data/deep", "data/a")
    assert contents(clone) == {path: NEW[path] for path in ("data/a", "data/deep/b")}
    assert (pulled.added, pulled.files["fetched"], pulled.files["added"]) == (["data/"], 2, 2)
    assert dataset.pull(clone, "data/new").modified == ["data/"]
    assert dataset.pull(clone, "model.dvc").added == ["model"]
    assert "data/large" not in contents(clone)


@pytest.mark.parametrize("target", ["data/absent", "absent", "data/a/below"])
def test_a_target_that_is_not_recorded_stops_before_anything_is_done(dataset: Dataset, target: str) -> None:
    clone = dataset.clone()
    with pytest.raises(TargetError):
        dataset.pull(clone, "model", target)
    assert contents(clone) == {}


def test_the_data_of_another_commit_leaves_the_metafiles(dataset: Dataset) -> None:
    clone = dataset.clone()
    assert dataset.pull(clone, revision=dataset.old).failures == []
    assert contents(clone) == OLD
    assert clone.git("status", "--porcelain") == ""
    dataset.pull(clone)
    assert contents(clone) == NEW
    dataset.pull(clone, "data/a", revision=dataset.old)
    assert contents(clone) == {**NEW, "data/a": OLD["data/a"]}


def test_one_bad_file_does_not_stop_the_others(dataset: Dataset) -> None:
    clone = dataset.clone()
    metafile = clone.path / "data.dvc"
    version = re.search(r"relpath: deep/b.*?version_id: (\S+)", metafile.read_text(), re.DOTALL)[1]
    metafile.write_text(metafile.read_text().replace(version, "0" * 19 + "-00000000"))
    pulled = dataset.pull(clone)
    assert list(reasons(pulled)) == ["data/deep/b"]
    assert contents(clone) == {path: data for path, data in NEW.items() if path != "data/deep/b"}


def test_what_was_never_pushed_comes_from_dvcs_cache_or_is_named(dataset: Dataset) -> None:
    clone = dataset.clone()
    for name in ("here", "nowhere"):
        data = name.encode()
        record_out(clone.path, name, {"md5": md5(data), "size": len(data), "hash": "md5", "path": name})
    write(clone.path, {f".dvc/cache/files/md5/{md5(b'here')[:2]}/{md5(b'here')[2:]}": b"here"})
    pulled = dataset.pull(clone, "here", "nowhere")
    assert contents(clone) == {"here": b"here"}
    [failure] = pulled.failures
    assert (failure.path, type(failure.error)) == ("nowhere", NotPushedError)


def test_a_directory_known_by_its_hash_needs_the_listing(dataset: Dataset) -> None:
    clone = dataset.clone()
    text = b'[{"md5": "%s", "relpath": "x/y"}]' % md5(b"y").encode()
    out = {"md5": f"{md5(text)}.dir", "nfiles": 1, "size": 1, "hash": "md5", "path": "listed"}
    record_out(clone.path, "listed", out)
    [failure] = dataset.pull(clone, "listed").failures
    assert isinstance(failure.error, UnlistedError)
    cache = clone.path / ".dvc/cache/files/md5"
    write(cache, {f"{md5(text)[:2]}/{md5(text)[2:]}.dir": text, f"{md5(b'y')[:2]}/{md5(b'y')[2:]}": b"y"})
    assert dataset.pull(clone, "listed").added == ["listed/"]
    assert contents(clone) == {"listed/x/y": b"y"}


def test_a_legacy_hash_verifies_text_whose_line_ends_it_changed(dataset: Dataset) -> None:
    clone = dataset.clone()
    data = b"one\r\ntwo\r\n" * 10
    write(dataset.origin.path, {"legacy": data})
    publish_file(dataset.origin.path, "legacy", dataset.store)
    text = (dataset.origin.path / "legacy.dvc").read_text()
    text = text.replace(md5(data), md5(data.replace(b"\r\n", b"\n"))).replace("  hash: md5\n", "")
    (clone.path / "legacy.dvc").write_text(text)
    assert dataset.pull(clone, "legacy").failures == []
    assert (clone.path / "legacy").read_bytes() == data
    assert dataset.pull(clone, "legacy").files["modified"] == 0


def test_outs_that_are_never_pushed_are_passed_over_unless_named(dataset: Dataset) -> None:
    clone = dataset.clone()
    record_out(clone.path, "local", {"md5": md5(b"l"), "size": 1, "hash": "md5", "path": "local", "push": False})
    record_out(clone.path, "kept", {"md5": md5(b"k"), "size": 1, "hash": "md5", "path": "kept", "cache": False})
    out = {"md5": md5(b"d"), "size": 1, "hash": "md5", "path": "ds"}
    (clone.path / "ds.dvc").write_text(yaml.safe_dump({"deps": [{"path": "s3://b/ds", "size": 1}], "outs": [out]}))
    pulled = dataset.pull(clone)
    assert pulled.failures == []
    assert [note.partition(" ")[0] for note in pulled.notes] == ["ds"]
    assert contents(clone).keys() >= NEW.keys()
    assert sorted(reasons(dataset.pull(clone, "local", "ds"))) == ["ds", "local"]
    assert "git has it" in dataset.pull(clone, "kept").notes[0]


@pytest.mark.parametrize("size", ["1K", "3M"])
def test_a_cache_that_is_too_small_is_pulled_past(dataset: Dataset, tmp_path: Path, size: str) -> None:
    clone = dataset.clone()
    pulled = dataset.pull(clone, cache_dir=str(tmp_path / "small"), max_cache_size=size)
    assert pulled.failures == []
    assert contents(clone) == NEW


def test_one_file_at_a_time_if_that_is_wished_for(dataset: Dataset, monkeypatch) -> None:
    running, most, read = set(), [], Fetcher.read

    async def counted(self, content, offset, size):
        running.add(content)
        most.append(len(running))
        try:
            return await read(self, content, offset, size)
        finally:
            running.discard(content)

    monkeypatch.setattr(Fetcher, "read", counted)
    clone = dataset.clone()
    assert dataset.pull(clone, jobs=1).failures == []
    assert contents(clone) == NEW
    assert set(most) == {1}


def test_it_waits_for_no_other_cvfs(dataset: Dataset) -> None:
    clone = dataset.clone()
    with open_clone(os.environ, str(clone.path)) as opened, opened.locked(""):
        with pytest.raises(LockedError):
            dataset.pull(clone)
    assert contents(clone) == {}


def test_what_was_placed_is_known_to_the_clone(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    with open_clone(os.environ, str(clone.path)) as opened, opened.stat_cache("") as cache:
        assert all(cache.known(path, md5(data)) for path, data in NEW.items())
        for metafile in opened.metafiles():
            for out in metafile.outs:
                scan = scan_tracked(str(clone.path), out)
                compared = compare(str(clone.path), out, scan, cache, opened.dvc_cache(""))
                assert {item.status for item in compared.items} == {Status.SAME}


def test_each_root_of_a_monorepo_is_pulled_by_its_own_configuration(dataset: Dataset) -> None:
    clone = dataset.clone()
    clone.git("mv", "data.dvc", "model.dvc", ".gitignore", ".dvc", _made(clone.path / "team"))
    pulled = dataset.pull(clone)
    assert contents(clone) == {f"team/{path}": data for path, data in NEW.items()}
    assert pulled.added == ["team/data/", "team/model"]


def _made(path: Path) -> str:
    path.mkdir()
    return path.name


def test_a_pull_after_all_data_was_deleted_brings_it_back(dataset: Dataset) -> None:
    clone = dataset.clone()
    dataset.pull(clone)
    shutil.rmtree(clone.path / "data")
    (clone.path / "model").unlink()
    assert dataset.pull(clone).added == ["data/", "model"]
    assert contents(clone) == NEW


@pytest.fixture
def sharing(monkeypatch) -> list[int]:
    """Stand for a file system that can share blocks; notes how large the sources are."""
    shared: list[int] = []

    def share(source: int, target: int) -> bool:
        shared.append(os.fstat(source).st_size)
        os.sendfile(target, source, 0, os.fstat(source).st_size)
        return True

    monkeypatch.setattr(placing, "share_blocks", share)
    return shared


def test_blocks_are_shared_with_the_caches_where_that_is_possible(
    dataset: Dataset, sharing: list[int], no_store
) -> None:
    dataset.pull(dataset.clone())
    assert sharing == []
    other = dataset.clone("other")
    digest = md5(NEW["data/a"])
    write(other.path, {f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}": NEW["data/a"]})
    no_store()
    assert dataset.pull(other).failures == []
    assert contents(other) == NEW
    # DVC's file as it is; cvfs's has checksums behind the content.
    assert len(NEW["data/a"]) in sharing
    assert max(sharing) > len(NEW["data/large"])


def test_shared_blocks_that_are_damaged_are_fetched_again(dataset: Dataset, sharing: list[int], caplog) -> None:
    dataset.pull(dataset.clone())
    [cached] = (Path(os.environ["HOME"]) / ".cache/cvfs").rglob(f"*{md5(NEW['data/large'])}*")
    with cached.open("r+b") as file:
        file.write(b"damage")
    other = dataset.clone("other")
    assert dataset.pull(other).failures == []
    assert contents(other) == NEW
    assert "damaged copy" in caplog.text
