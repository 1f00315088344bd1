"""What a comparison asks of snapshots: what an out's terms are, what is recorded, and which directories are equal."""

from __future__ import annotations

import pytest
from snapshot_trees import directory_out, file_out, make_snapshot, md5_of, out_record, recorded, unlisted_out

from cvfs.errors import NotInSnapshotError
from cvfs.metafiles.records import FileRecord, Recorded, Source
from cvfs.model import Kind
from cvfs.snapshot import Terms


def at(snapshot, path):
    return snapshot.resolve(path).ino


@pytest.fixture
def make(tmp_path):
    def snapshot(name, metafiles, roots=("",)):
        directory = tmp_path / name
        directory.mkdir()
        return make_snapshot(directory, metafiles, roots)

    return snapshot


def test_terms_are_those_of_the_out(make):
    imported = [out_record("got", Kind.FILE, recorded("got"), legacy=True, source=Source.IMPORT, remote="far")]
    snapshot = make(
        "one",
        {
            "data.dvc": directory_out("data", ["a", "sub/b"]),
            "team/got.dvc": imported,
            "x/hash.dvc": unlisted_out("hash"),
        },
        ("", "team"),
    )
    plain = Terms(Source.REMOTE, legacy=False, root="")
    for path in (b"data", b"data/a", b"data/sub", b"data/sub/b", b"x/hash"):
        assert snapshot.terms(at(snapshot, path)) == plain
    assert snapshot.terms(at(snapshot, b"team/got")) == Terms(Source.IMPORT, legacy=True, root="team", remote="far")
    for path in (b"", b"x", b"team"):
        assert snapshot.terms(at(snapshot, path)) is None
    with pytest.raises(NotInSnapshotError):
        snapshot.terms(10**6)


def test_directories_of_several_outs_have_no_terms(make):
    metafiles = {"data.dvc": directory_out("data", ["a", "sub/b"]), "data2.dvc": file_out("data/sub/c")}
    snapshot = make("one", metafiles)
    assert snapshot.terms(at(snapshot, b"data")) is None
    assert snapshot.terms(at(snapshot, b"data/sub")) is None
    assert snapshot.terms(at(snapshot, b"data/sub/b")).source is Source.REMOTE


def test_recorded_of_files_and_of_hashes(make):
    snapshot = make(
        "one",
        {"data.dvc": directory_out("data", ["a"]), "hash.dvc": unlisted_out("hash"), "in.dvc": file_out("hash/f")},
    )
    assert snapshot.recorded(at(snapshot, b"data/a")).version_id == "v-a"
    # Also where another out lies in it.
    assert snapshot.recorded(at(snapshot, b"hash")).md5 == md5_of("hash")
    assert snapshot.terms(at(snapshot, b"hash")).root == ""
    with pytest.raises(NotInSnapshotError):
        snapshot.recorded(at(snapshot, b""))


def files(path, contents):
    records = [FileRecord(0, name, entry, 1) for name, entry in contents.items()]
    return [*records, out_record(path, Kind.DIRECTORY, Recorded())]


A, B = recorded("a"), recorded("b")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({"a": A, "b": B}, {"a": A, "b": B}, True),
        ({"a": A}, {"a": recorded("a", version_id="another", etag="e", remote="other")}, True),
        ({"a": A}, {"a": B}, False),
        ({"a": A}, {"b": A}, False),
        ({"a": A}, {"a": A, "b": B}, False),
        ({"a": A}, {"a": recorded("a", size=2)}, False),
        ({"a": Recorded(size=1)}, {"a": Recorded(size=1)}, False),
        ({"s/a": A}, {"s/a": A}, False),
    ],
)
def test_directories_are_equal_if_their_files_are_and_the_cheap_look_stops_at_directories(make, old, new, same):
    one, two = make("one", {"d.dvc": files("d", old)}), make("two", {"d.dvc": files("d", new)})
    assert one.surely_equals(at(one, b"d"), two, at(two, b"d")) is same


def test_rows_of_one_index_file_are_equal_whatever_lies_below(make):
    snapshot = make("one", {"d.dvc": files("d", {"s/t/a": A, "s/u/b": B})})
    d, s, t = (at(snapshot, path) for path in (b"d", b"d/s", b"d/s/t"))
    assert snapshot.surely_equals(d, snapshot, d)
    assert snapshot.surely_equals(s, snapshot, s)
    assert not snapshot.surely_equals(s, snapshot, t)
    assert not snapshot.surely_equals(1, snapshot, 1)
