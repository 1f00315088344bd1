"""What a push does when stores, files and other writers do not behave."""

from __future__ import annotations

import concurrent.futures
import errno
import os
import threading
from dataclasses import replace

import pytest
from clones import errors, md5

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
from cvfs.pushing import uploading
from cvfs.stores.store import Versioning
from cvfs.workspace import replacing


def test_no_op_push_asks_the_store_nothing(pushed_clone, store):
    assert pushed_clone.push().sent == []
    assert store.calls() == []


def test_one_changed_file_costs_one_upload_and_one_question(pushed_clone, store):
    pushed_clone.write({"data/b": b"changed"})
    pushed_clone.push()
    assert store.calls() == [("put", "data/b"), ("versioning",)]


def test_without_versioning_nothing_is_overwritten(pushed_clone, store):
    store.state = Versioning.OFF
    before = (pushed_clone.path / "data.dvc").read_bytes()
    pushed_clone.write({"data/a": b"1", "data/b": b"2"})
    result = pushed_clone.push()
    assert errors(result) == [("data/a", VersioningOffError), ("data/b", VersioningOffError)]
    assert "cvfs remote check up --enable" in result.failures[0].error.hint
    assert store.calls() == [("versioning",)]
    assert (pushed_clone.path / "data.dvc").read_bytes() == before


def test_where_versioning_cannot_be_asked_the_object_to_be_replaced_shows_it(pushed_clone, store):
    store.state = Versioning.UNKNOWN
    pushed_clone.write({"data/a": b"1", "data/b": b"2"})
    assert not pushed_clone.push().failures
    assert store.calls() == [("put", "data/a"), ("put", "data/b"), ("stat", "data/a"), ("versioning",)]


def test_where_versioning_cannot_be_asked_an_object_without_version_stops_the_push(pushed_clone, store):
    store.state = Versioning.UNKNOWN
    store.answer = lambda stat: replace(stat, version_id="null")
    pushed_clone.write({"data/a": b"1", "data/b": b"2"})
    assert {kind for _, kind in errors(pushed_clone.push())} == {VersioningOffError}
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


def test_one_refused_file_does_not_stop_the_others(pushed_clone, store):
    def refuse(key):
        if key == "data/b":
            raise AccessDeniedError("denied")

    store.before["put"] = refuse
    before = pushed_clone.entries()["b"]
    pushed_clone.write({"data/a": b"1", "data/b": b"2", "data/c": b"3"})
    assert errors(pushed_clone.push()) == [("data/b", AccessDeniedError)]
    assert pushed_clone.recorded() == {"a": b"1", "b": b"b", "c": b"3"}
    assert pushed_clone.entries()["b"] == before
    store.before.clear()
    pushed_clone.push()
    assert pushed_clone.recorded() == {"a": b"1", "b": b"2", "c": b"3"}


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
    pushed_clone, store, monkeypatch
):
    before = (pushed_clone.path / "data.dvc").read_bytes()
    pushed_clone.write({"data/a": b"1", "data/b": b"2"})
    with monkeypatch.context() as patch:

        def full(_descriptor, _data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(replacing, "write_all", full)
        result = pushed_clone.push()
    assert errors(result) == [("data.dvc", WorkspaceError)]
    assert "No space left" in result.failures[0].error.message
    assert (pushed_clone.path / "data.dvc").read_bytes() == before
    assert [path.name for path in pushed_clone.path.iterdir() if path.name.startswith(".cvfs-tmp")] == []
    store.calls()
    again = pushed_clone.push()
    assert [sent.how for sent in again.sent] == ["resumed", "resumed"]
    assert store.calls() == [("stat", "data/a"), ("stat", "data/b"), ("versioning",)]
    assert pushed_clone.recorded() == {"a": b"1", "b": b"2", "c": b"c"}


def test_journaled_upload_that_is_gone_is_made_again(pushed_clone, store, monkeypatch):
    pushed_clone.write({"data/a": b"1"})
    with monkeypatch.context() as patch:
        patch.setattr(replacing, "write_all", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        pushed_clone.push()
    store.inner.expire("data/a", store.inner.stat("data/a").version_id)
    assert [sent.how for sent in pushed_clone.push().sent] == ["uploaded"]
    assert pushed_clone.recorded()["a"] == b"1"


def test_metafile_that_changes_meanwhile_is_merged_entry_by_entry(pushed_clone, store):
    metafile = pushed_clone.path / "data.dvc"

    def somebody_edits(key):
        if key != "data/a":
            return
        text = metafile.read_text()
        text = "# theirs\n" + text.replace(md5(b"c"), md5(b"their c")) + f"  - relpath: d\n    md5: {md5(b'd')}\n"
        metafile.write_text(text)

    store.before["put"] = somebody_edits
    pushed_clone.write({"data/a": b"1", "data/c": b"my c"})
    result = pushed_clone.push()
    assert [note for note in result.notes if "data/c: its entry was changed" in note]
    assert metafile.read_text().startswith("# theirs\n")
    entries = pushed_clone.entries()
    assert entries["a"]["md5"] == md5(b"1")
    assert entries["c"]["md5"] == md5(b"their c")
    assert entries["d"] == {"relpath": "d", "md5": md5(b"d")}
    assert pushed_clone.recorded()["a"] == b"1"


def test_metafile_that_breaks_meanwhile_is_left_alone(pushed_clone, store):
    metafile = pushed_clone.path / "data.dvc"
    store.before["put"] = lambda _key: metafile.write_text("<<<<<<< ours\n")
    pushed_clone.write({"data/a": b"1"})
    result = pushed_clone.push()
    assert [failure.path for failure in result.failures] == ["data.dvc"]
    assert metafile.read_text() == "<<<<<<< ours\n"


def test_file_that_changes_while_it_is_uploaded_is_recorded_as_it_was_sent(pushed_clone, store):
    def change_once(key):
        store.before.clear()
        pushed_clone.write({key: b"changed while it was sent"})

    store.before["put"] = change_once
    pushed_clone.write({"data/a": b"first"})
    assert not pushed_clone.push().failures
    assert pushed_clone.recorded()["a"] == b"changed while it was sent"
    assert pushed_clone.entries()["a"]["md5"] == md5(b"changed while it was sent")


def test_file_that_never_rests_is_reported_and_not_recorded(pushed_clone, store):
    count = iter(range(100))
    store.before["put"] = lambda key: pushed_clone.write({key: b"%d" % next(count)})
    before = pushed_clone.entries()["a"]
    pushed_clone.write({"data/a": b"first"})
    assert errors(pushed_clone.push()) == [("data/a", UnstableFileError)]
    assert pushed_clone.entries()["a"] == before


def test_source_that_changes_at_the_versioning_probe_does_not_stop_the_others(clone, store):
    store.state = Versioning.UNKNOWN

    def changed(key):
        if key == "data/a":
            raise SourceChangedError("changed")

    store.before["put"] = changed
    assert errors(clone.push()) == [("data/a", SourceChangedError)]
    assert clone.recorded() == {"b": b"b", "c": b"c"}


def test_version_of_our_own_upload_is_recorded_whatever_an_outsider_writes(pushed_clone, store):
    store.after["put"] = lambda key: store.inner.put(key, b"the outsider's")
    pushed_clone.write({"data/a": b"mine"})
    pushed_clone.push()
    assert pushed_clone.recorded()["a"] == b"mine"
    assert store.inner.read("data/a", store.inner.stat("data/a").version_id).data == b"the outsider's"


def test_copy_that_fails_becomes_an_upload(pushed_clone, store):
    def fail(_key):
        raise StoreError("cannot copy")

    store.before["copy"] = fail
    pushed_clone.write({"data/same": b"a"})
    assert [sent.how for sent in pushed_clone.push().sent] == ["uploaded"]
    assert pushed_clone.recorded()["same"] == b"a"


def test_wrong_record_is_not_copied_from(pushed_clone, store):
    # As after DVC's race: our md5 beside the version and etag of another writer.
    stat = store.inner.put("data/a", b"theirs!")
    metafile = pushed_clone.path / "data.dvc"
    entry = pushed_clone.entries()["a"]["cloud"]["up"]
    text = metafile.read_text().replace(entry["version_id"], stat.version_id).replace(entry["etag"], stat.etag)
    metafile.write_text(text)
    pushed_clone.write({"data/same": b"a"})
    pushed_clone.push()
    assert pushed_clone.recorded()["same"] == b"a"


def test_dead_version_is_made_anew_and_recorded(pushed_clone, store):
    dead = pushed_clone.entries()["a"]["cloud"]["up"]["version_id"]
    store.inner.expire("data/a", dead)
    result = pushed_clone.push(gone=["data/a"])
    assert [(sent.path, sent.how) for sent in result.sent] == [("data/a", "uploaded")]
    assert pushed_clone.entries()["a"]["cloud"]["up"]["version_id"] != dead
    assert pushed_clone.recorded()["a"] == b"a"


def test_dead_version_of_an_absent_file_is_reported(pushed_clone, store):
    store.inner.expire("data/a", pushed_clone.entries()["a"]["cloud"]["up"]["version_id"])
    (pushed_clone.path / "data/a").unlink()
    before = pushed_clone.entries()
    result = pushed_clone.push(gone=["data/a"])
    assert "its version is gone" in result.failures[0].error.message
    assert pushed_clone.entries() == before


def test_two_cvfs_in_one_clone(pushed_clone, store):
    locked = []

    def second(_key):
        with pytest.raises(LockedError) as caught:
            pushed_clone.push()
        locked.append(caught.value.message)

    store.before["put"] = second
    pushed_clone.write({"data/a": b"1"})
    assert not pushed_clone.push().failures
    assert "cvfs is writing to this clone" in locked[0]


def test_metafile_that_cannot_be_read_whole_is_not_edited(clone):
    path = clone.path / "data.dvc"
    path.write_text(path.read_text() + "  - relpath: ../evil\n    size: [1]\n")
    before = path.read_bytes()
    assert [failure.path for failure in clone.push().failures] == ["data.dvc"]
    assert path.read_bytes() == before


def test_moving_to_another_remote_is_whole_or_refused(pushed_clone, store):
    (pushed_clone.path / "data/a").unlink()
    store.inner.expire("data/a", pushed_clone.entries()["a"]["cloud"]["up"]["version_id"])
    before = (pushed_clone.path / "data.dvc").read_bytes()
    result = pushed_clone.push(remote="two", migrate=True)
    assert errors(result) == [("data/a", VersionNotFoundError)]
    assert "nothing is recorded until all of it" in result.notes[0]
    assert (pushed_clone.path / "data.dvc").read_bytes() == before


def test_moved_content_that_is_not_what_is_recorded_is_refused(pushed_clone, store):
    (pushed_clone.path / "data/a").unlink()
    stat = store.inner.put("data/a", b"!")
    metafile = pushed_clone.path / "data.dvc"
    text = metafile.read_text().replace(pushed_clone.entries()["a"]["cloud"]["up"]["version_id"], stat.version_id)
    metafile.write_text(text)
    before = metafile.read_bytes()
    result = pushed_clone.push(remote="two", migrate=True)
    assert errors(result) == [("data/a", SourceChangedError)]
    assert metafile.read_bytes() == before


def test_interrupted_push_ends_the_uploads_that_are_under_way(pushed_clone, store, monkeypatch):
    """As Ctrl-C does: what is being read is given up, and what was finished is taken up by the next push."""
    reading, interrupted = threading.Event(), threading.Event()

    def hold(key):
        if key == "data/b":
            reading.set()
            assert interrupted.wait(30)

    def wait_and_raise(running, return_when):
        found = concurrent.futures.wait(running, return_when=return_when)
        if reading.is_set():
            raise KeyboardInterrupt
        return found

    def stopped(self, error):
        stop(self, error)
        interrupted.set()

    stop = uploading.Uploader._stop
    store.before["put"] = hold
    pushed_clone.write({"data/a": b"1", "data/b": b"2"})
    before = (pushed_clone.path / "data.dvc").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(uploading, "wait", wait_and_raise)
        patch.setattr(uploading.Uploader, "_stop", stopped)
        with pytest.raises(KeyboardInterrupt):
            pushed_clone.push(jobs=2)
    assert (pushed_clone.path / "data.dvc").read_bytes() == before
    store.before.clear()
    assert sorted((sent.path, sent.how) for sent in pushed_clone.push().sent) == [
        ("data/a", "resumed"),
        ("data/b", "uploaded"),
    ]
