"""What a push does when stores, files and other writers do not behave."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from fakes.stores import FakeRemotes
from watched_store import WatchedStore

from cvfs.clone import open_clone
from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    LockedError,
    SourceChangedError,
    StoreError,
    UnavailableError,
    UnstableFileError,
    VersioningOffError,
    VersionNotFoundError,
    WorkspaceError,
)
from cvfs.push import push
from cvfs.pushing.request import PushRequest
from cvfs.stores.store import Versioning
from cvfs.workspace import replacing


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Clone:
    """A clone whose remotes are watched stores."""

    def __init__(self, repository, stores):
        self.repository = repository
        self.path: Path = repository.path
        self.stores = stores
        config = "[core]\n    remote = up\n"
        for name in stores:
            config += f"['remote \"{name}\"']\n    url = /srv/{name}\n    version_aware = true\n"
        repository.commit("set up", {".dvc/config": config, ".dvc/.gitignore": "/tmp\n/cache\n/config.local\n"})

    def write(self, files):
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def track(self, out, **entries):
        """Write a metafile for the directory ``out`` that records ``entries`` as never pushed."""
        files = [{"relpath": name, "md5": md5(data), "size": len(data)} for name, data in entries.items()]
        text = yaml.safe_dump({"outs": [{"hash": "md5", "path": out, "files": files}]}, sort_keys=False)
        (self.path / f"{out}.dvc").write_text(text)

    def push(self, **request):
        with open_clone(os.environ, str(self.path)) as clone:
            return push(replace(clone, remotes=FakeRemotes(self.stores, "up")), PushRequest(**request))

    def entries(self, out="data"):
        (found,) = yaml.safe_load((self.path / f"{out}.dvc").read_text())["outs"]
        return {entry["relpath"]: entry for entry in found["files"]}

    def recorded(self, out="data", remote="up"):
        """Return the content of each version that is recorded, by relpath."""
        return {
            relpath: self.stores[remote].read(f"{out}/{relpath}", entry["cloud"][remote]["version_id"]).data
            for relpath, entry in self.entries(out).items()
            if "cloud" in entry
        }


@pytest.fixture
def store():
    return WatchedStore()


@pytest.fixture
def clone(make_repository, store):
    made = Clone(make_repository("clone"), {"up": store, "two": WatchedStore()})
    made.write({"data/a": b"a", "data/b": b"b", "data/c": b"c"})
    made.track("data", a=b"a", b=b"b", c=b"c")
    return made


@pytest.fixture
def pushed(clone, store):
    assert not clone.push().failures
    store.calls()
    return clone


def errors(result):
    return [(failure.path, type(failure.error)) for failure in result.failures]


def test_no_op_push_asks_the_store_nothing(pushed, store):
    assert pushed.push().sent == []
    assert store.calls() == []


def test_one_changed_file_costs_one_upload_and_one_question(pushed, store):
    pushed.write({"data/b": b"changed"})
    pushed.push()
    assert store.calls() == [("put", "data/b"), ("versioning",)]


def test_without_versioning_nothing_is_overwritten(pushed, store):
    store.state = Versioning.OFF
    before = (pushed.path / "data.dvc").read_bytes()
    pushed.write({"data/a": b"1", "data/b": b"2"})
    result = pushed.push()
    assert errors(result) == [("data/a", VersioningOffError), ("data/b", VersioningOffError)]
    assert "cvfs remote check up --enable" in result.failures[0].error.hint
    assert store.calls() == [("versioning",)]
    assert (pushed.path / "data.dvc").read_bytes() == before


def test_where_versioning_cannot_be_asked_the_object_to_be_replaced_shows_it(pushed, store):
    store.state = Versioning.UNKNOWN
    pushed.write({"data/a": b"1", "data/b": b"2"})
    assert not pushed.push().failures
    assert store.calls() == [("put", "data/a"), ("put", "data/b"), ("stat", "data/a"), ("versioning",)]


def test_where_versioning_cannot_be_asked_an_object_without_version_stops_the_push(pushed, store):
    store.state = Versioning.UNKNOWN
    store.answer = lambda stat: replace(stat, version_id="null")
    pushed.write({"data/a": b"1", "data/b": b"2"})
    assert {kind for _, kind in errors(pushed.push())} == {VersioningOffError}
    assert store.calls() == [("stat", "data/a"), ("versioning",)]


def test_where_versioning_cannot_be_asked_a_new_key_goes_first_with_create_only(clone, store):
    store.state = Versioning.UNKNOWN
    assert not clone.push().failures
    calls = store.calls()
    assert [call for call in calls if call[0] != "put"] == [("create", "data/a"), ("stat", "data/a"), ("versioning",)]
    assert clone.recorded() == {"a": b"a", "b": b"b", "c": b"c"}


def test_who_may_neither_ask_nor_look_learns_it_from_a_new_key(clone, store):
    store.state = Versioning.UNKNOWN

    def denied(_key):
        raise AccessDeniedError("no")

    store.before["stat"] = denied
    assert not clone.push().failures
    store.inner.put("other/x", b"of somebody else")
    clone.write({"other/x": b"x"})
    clone.track("other", x=b"x")
    result = clone.push(targets=[str(clone.path / "other")])
    assert errors(result) == [("other/x", VersioningOffError)]
    assert "does not tell" in result.failures[0].error.message


def test_version_null_is_not_a_version(clone, store):
    store.answer = lambda stat: replace(stat, version_id="null")
    result = clone.push()
    assert {kind for _, kind in errors(result)} == {VersioningOffError}
    assert clone.recorded() == {}


def test_one_refused_file_does_not_stop_the_others(pushed, store):
    def refuse(key):
        if key == "data/b":
            raise AccessDeniedError("denied")

    store.before["put"] = refuse
    before = pushed.entries()["b"]
    pushed.write({"data/a": b"1", "data/b": b"2", "data/c": b"3"})
    assert errors(pushed.push()) == [("data/b", AccessDeniedError)]
    assert pushed.recorded() == {"a": b"1", "b": b"b", "c": b"3"}
    assert pushed.entries()["b"] == before
    store.before.clear()
    pushed.push()
    assert pushed.recorded() == {"a": b"1", "b": b"2", "c": b"3"}


@pytest.mark.parametrize("error", [CredentialsError, UnavailableError])
def test_hopeless_stores_are_not_asked_for_every_file(clone, store, error):
    entries = {f"{number:03}": b"%d" % number for number in range(300)}
    clone.write({f"data/{name}": data for name, data in entries.items()})
    clone.track("data", **entries)

    def fail(_key):
        raise error("no")

    store.before["put"] = fail
    assert len(clone.push(jobs=2, targets=[str(clone.path / "data")]).failures) == 303
    assert len(store.calls()) < 12


def test_full_disk_while_the_metafile_is_written_leaves_the_old_one_and_nothing_is_sent_twice(
    pushed, store, monkeypatch
):
    before = (pushed.path / "data.dvc").read_bytes()
    pushed.write({"data/a": b"1", "data/b": b"2"})
    with monkeypatch.context() as patch:

        def full(_descriptor, _data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(replacing, "write_all", full)
        result = pushed.push()
    assert errors(result) == [("data.dvc", WorkspaceError)]
    assert "No space left" in result.failures[0].error.message
    assert (pushed.path / "data.dvc").read_bytes() == before
    assert [path.name for path in pushed.path.iterdir() if path.name.startswith(".cvfs-tmp")] == []
    store.calls()
    again = pushed.push()
    assert [sent.how for sent in again.sent] == ["resumed", "resumed"]
    assert store.calls() == [("stat", "data/a"), ("stat", "data/b"), ("versioning",)]
    assert pushed.recorded() == {"a": b"1", "b": b"2", "c": b"c"}


def test_journaled_upload_that_is_gone_is_made_again(pushed, store, monkeypatch):
    pushed.write({"data/a": b"1"})
    with monkeypatch.context() as patch:
        patch.setattr(replacing, "write_all", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        pushed.push()
    store.inner.expire("data/a", store.inner.stat("data/a").version_id)
    assert [sent.how for sent in pushed.push().sent] == ["uploaded"]
    assert pushed.recorded()["a"] == b"1"


def test_metafile_that_changes_meanwhile_is_merged_entry_by_entry(pushed, store):
    metafile = pushed.path / "data.dvc"

    def somebody_edits(key):
        if key != "data/a":
            return
        text = metafile.read_text()
        text = "# theirs\n" + text.replace(md5(b"c"), md5(b"their c")) + f"  - relpath: d\n    md5: {md5(b'd')}\n"
        metafile.write_text(text)

    store.before["put"] = somebody_edits
    pushed.write({"data/a": b"1", "data/c": b"my c"})
    result = pushed.push()
    assert [note for note in result.notes if "data/c: its entry was changed" in note]
    assert metafile.read_text().startswith("# theirs\n")
    entries = pushed.entries()
    assert entries["a"]["md5"] == md5(b"1")
    assert entries["c"]["md5"] == md5(b"their c")
    assert entries["d"] == {"relpath": "d", "md5": md5(b"d")}
    assert pushed.recorded()["a"] == b"1"


def test_metafile_that_breaks_meanwhile_is_left_alone(pushed, store):
    metafile = pushed.path / "data.dvc"
    store.before["put"] = lambda _key: metafile.write_text("<<<<<<< ours\n")
    pushed.write({"data/a": b"1"})
    result = pushed.push()
    assert [failure.path for failure in result.failures] == ["data.dvc"]
    assert metafile.read_text() == "<<<<<<< ours\n"


def test_file_that_changes_while_it_is_uploaded_is_recorded_as_it_was_sent(pushed, store):
    def change_once(key):
        store.before.clear()
        pushed.write({key: b"changed while it was sent"})

    store.before["put"] = change_once
    pushed.write({"data/a": b"first"})
    assert not pushed.push().failures
    assert pushed.recorded()["a"] == b"changed while it was sent"
    assert pushed.entries()["a"]["md5"] == md5(b"changed while it was sent")


def test_file_that_never_rests_is_reported_and_not_recorded(pushed, store):
    count = iter(range(100))
    store.before["put"] = lambda key: pushed.write({key: b"%d" % next(count)})
    before = pushed.entries()["a"]
    pushed.write({"data/a": b"first"})
    assert errors(pushed.push()) == [("data/a", UnstableFileError)]
    assert pushed.entries()["a"] == before


def test_source_that_changes_at_the_versioning_probe_does_not_stop_the_others(clone, store):
    store.state = Versioning.UNKNOWN

    def changed(key):
        if key == "data/a":
            raise SourceChangedError("changed")

    store.before["put"] = changed
    assert errors(clone.push()) == [("data/a", SourceChangedError)]
    assert clone.recorded() == {"b": b"b", "c": b"c"}


def test_version_of_our_own_upload_is_recorded_whatever_an_outsider_writes(pushed, store):
    store.after["put"] = lambda key: store.inner.put(key, b"the outsider's")
    pushed.write({"data/a": b"mine"})
    pushed.push()
    assert pushed.recorded()["a"] == b"mine"
    assert store.inner.read("data/a", store.inner.stat("data/a").version_id).data == b"the outsider's"


def test_copy_that_fails_becomes_an_upload(pushed, store):
    def fail(_key):
        raise StoreError("cannot copy")

    store.before["copy"] = fail
    pushed.write({"data/same": b"a"})
    assert [sent.how for sent in pushed.push().sent] == ["uploaded"]
    assert pushed.recorded()["same"] == b"a"


def test_wrong_record_is_not_copied_from(pushed, store):
    # As after DVC's race: our md5 beside the version and etag of another writer.
    stat = store.inner.put("data/a", b"theirs!")
    metafile = pushed.path / "data.dvc"
    entry = pushed.entries()["a"]["cloud"]["up"]
    text = metafile.read_text().replace(entry["version_id"], stat.version_id).replace(entry["etag"], stat.etag)
    metafile.write_text(text)
    pushed.write({"data/same": b"a"})
    pushed.push()
    assert pushed.recorded()["same"] == b"a"


def test_dead_version_is_made_anew_and_recorded(pushed, store):
    dead = pushed.entries()["a"]["cloud"]["up"]["version_id"]
    store.inner.expire("data/a", dead)
    result = pushed.push(gone=["data/a"])
    assert [(sent.path, sent.how) for sent in result.sent] == [("data/a", "uploaded")]
    assert pushed.entries()["a"]["cloud"]["up"]["version_id"] != dead
    assert pushed.recorded()["a"] == b"a"


def test_dead_version_of_an_absent_file_is_reported(pushed, store):
    store.inner.expire("data/a", pushed.entries()["a"]["cloud"]["up"]["version_id"])
    (pushed.path / "data/a").unlink()
    before = pushed.entries()
    result = pushed.push(gone=["data/a"])
    assert "its version is gone" in result.failures[0].error.message
    assert pushed.entries() == before


def test_two_cvfs_in_one_clone(pushed, store):
    locked = []

    def second(_key):
        with pytest.raises(LockedError) as caught:
            pushed.push()
        locked.append(caught.value.message)

    store.before["put"] = second
    pushed.write({"data/a": b"1"})
    assert not pushed.push().failures
    assert "cvfs is writing to this clone" in locked[0]


def put_in_dvc_cache(clone, data, name=None):
    name = name or md5(data)
    target = clone.path / ".dvc/cache/files/md5" / name[:2] / name[2:]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def as_dvc_adds(clone, out, files, *, with_listing=True, with_contents=True):
    listing = json.dumps([{"md5": md5(data), "relpath": name} for name, data in sorted(files.items())]).encode()
    if with_listing:
        put_in_dvc_cache(clone, listing, f"{md5(listing)}.dir")
    for data in files.values() if with_contents else ():
        put_in_dvc_cache(clone, data)
    size = sum(map(len, files.values()))
    out_ = {"md5": f"{md5(listing)}.dir", "size": size, "nfiles": len(files), "hash": "md5", "path": out}
    (clone.path / f"{out}.dvc").write_text(yaml.safe_dump({"outs": [out_]}, sort_keys=False))


FILES = {"x": b"x", "y/z": b"z"}


def test_what_dvc_added_is_pushed_from_the_work_tree(clone):
    clone.write({f"added/{name}": data for name, data in FILES.items()})
    as_dvc_adds(clone, "added", FILES, with_contents=False)
    clone.push()
    assert clone.recorded("added") == FILES


def test_what_dvc_added_is_pushed_from_its_cache(clone):
    as_dvc_adds(clone, "added", FILES)
    clone.push()
    assert clone.recorded("added") == FILES
    (out,) = yaml.safe_load((clone.path / "added.dvc").read_text())["outs"]
    assert sorted(out) == ["files", "hash", "path"]


def test_what_dvc_added_without_its_listing_is_known_by_its_hash(clone):
    clone.write({f"added/{name}": data for name, data in FILES.items()})
    as_dvc_adds(clone, "added", FILES, with_listing=False, with_contents=False)
    clone.push()
    assert clone.recorded("added") == FILES
    clone.write({"other/new": b"not recorded"})
    as_dvc_adds(clone, "other", FILES, with_listing=False, with_contents=False)
    result = clone.push()
    assert "`cvfs add other` records the files as they are" in result.failures[0].error.hint


def test_neither_listing_nor_directory_is_reported(clone):
    as_dvc_adds(clone, "added", FILES, with_listing=False, with_contents=False)
    before = (clone.path / "added.dvc").read_bytes()
    assert [failure.path for failure in clone.push().failures] == ["added"]
    assert (clone.path / "added.dvc").read_bytes() == before


def test_damaged_content_in_dvcs_cache_is_not_pushed(clone):
    as_dvc_adds(clone, "added", FILES)
    put_in_dvc_cache(clone, b"damaged", md5(b"x"))
    result = clone.push()
    assert "is damaged" in result.failures[0].error.message
    assert clone.recorded("added") == {"y/z": b"z"}
    assert clone.entries("added")["x"] == {"relpath": "x", "md5": md5(b"x")}


def legacy(clone, files):
    """Record what DVC 2 would: the md5 of text after CRLF became LF, and no ``hash``."""
    entries = []
    for name, data in files.items():
        stat = clone.stores["up"].inner.put(f"old/{name}", data)
        unix = data.replace(b"\r\n", b"\n")
        cloud = {"up": {"etag": stat.etag, "version_id": stat.version_id}}
        entries.append({"relpath": name, "md5": md5(unix), "size": len(data), "cloud": cloud})
    out = {"path": "old", "files": entries}
    (clone.path / "old.dvc").write_text(yaml.safe_dump({"outs": [out]}, sort_keys=False))


def test_legacy_hashes_of_unchanged_text_are_known(clone, store):
    files = {"dos.txt": b"one\r\ntwo\r\n", "unix.txt": b"one\n"}
    legacy(clone, files)
    clone.write({f"old/{name}": data for name, data in files.items()})
    before = (clone.path / "old.dvc").read_bytes()
    assert clone.push(targets=[str(clone.path / "old")]).sent == []
    assert (clone.path / "old.dvc").read_bytes() == before


def test_legacy_out_that_is_all_here_gets_hashes_of_bytes(clone):
    files = {"dos.txt": b"one\r\ntwo\r\n", "unix.txt": b"one\n"}
    legacy(clone, files)
    files["unix.txt"] = b"changed\n"
    clone.write({f"old/{name}": data for name, data in files.items()})
    clone.push()
    assert {name: entry["md5"] for name, entry in clone.entries("old").items()} == {
        name: md5(data) for name, data in files.items()
    }
    assert "hash: md5" in (clone.path / "old.dvc").read_text()
    assert clone.recorded("old") == files


def test_legacy_out_of_which_files_are_absent_stays_legacy(clone):
    legacy(clone, {"dos.txt": b"one\r\ntwo\r\n", "unix.txt": b"one\n"})
    clone.write({"old/unix.txt": b"changed\r\n"})
    clone.push()
    entries = clone.entries("old")
    assert entries["dos.txt"]["md5"] == md5(b"one\ntwo\n")
    assert entries["unix.txt"]["md5"] == md5(b"changed\n")
    assert "hash:" not in (clone.path / "old.dvc").read_text()
    assert clone.recorded("old")["unix.txt"] == b"changed\r\n"


def test_legacy_out_is_upgraded_whole_or_not_at_all(clone, store):
    files = {"dos.txt": b"one\r\n", "a.txt": b"a\n", "b.txt": b"b\n"}
    legacy(clone, files)
    clone.write({"old/dos.txt": b"one\r\n", "old/a.txt": b"A\n", "old/b.txt": b"B\n"})

    def refuse(key):
        if key == "old/b.txt":
            raise AccessDeniedError("denied")

    store.before["put"] = refuse
    before = (clone.path / "old.dvc").read_bytes()
    assert errors(clone.push(targets=[str(clone.path / "old")])) == [("old/b.txt", AccessDeniedError)]
    assert (clone.path / "old.dvc").read_bytes() == before
    store.before.clear()
    assert sorted(sent.how for sent in clone.push(targets=[str(clone.path / "old")]).sent) == ["resumed", "uploaded"]
    assert clone.entries("old")["dos.txt"]["md5"] == md5(b"one\r\n")


def test_metafile_that_cannot_be_read_whole_is_not_edited(clone):
    path = clone.path / "data.dvc"
    path.write_text(path.read_text() + "  - relpath: ../evil\n    size: [1]\n")
    before = path.read_bytes()
    assert [failure.path for failure in clone.push().failures] == ["data.dvc"]
    assert path.read_bytes() == before


def test_moving_to_another_remote_is_whole_or_refused(pushed, store):
    (pushed.path / "data/a").unlink()
    store.inner.expire("data/a", pushed.entries()["a"]["cloud"]["up"]["version_id"])
    before = (pushed.path / "data.dvc").read_bytes()
    result = pushed.push(remote="two", migrate=True)
    assert errors(result) == [("data/a", VersionNotFoundError)]
    assert "nothing is recorded until all of it" in result.notes[0]
    assert (pushed.path / "data.dvc").read_bytes() == before


def test_moved_content_that_is_not_what_is_recorded_is_refused(pushed, store):
    (pushed.path / "data/a").unlink()
    stat = store.inner.put("data/a", b"!")
    metafile = pushed.path / "data.dvc"
    text = metafile.read_text().replace(pushed.entries()["a"]["cloud"]["up"]["version_id"], stat.version_id)
    metafile.write_text(text)
    before = metafile.read_bytes()
    result = pushed.push(remote="two", migrate=True)
    assert errors(result) == [("data/a", SourceChangedError)]
    assert metafile.read_bytes() == before
