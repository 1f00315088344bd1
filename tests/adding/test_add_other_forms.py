"""Outs that others recorded: by the hash of a listing, or with the hashes of DVC 2."""

from __future__ import annotations

import hashlib
import json

import pytest

from cvfs.adding.one_out import AddedOut
from cvfs.errors import TargetError

CRLF = b"one\r\ntwo\r\n"


def md5(data):
    return hashlib.md5(data).hexdigest()


def listing(files):
    return json.dumps([{"md5": md5(data), "relpath": name} for name, data in sorted(files.items())]).encode()


@pytest.fixture
def by_hash(workspace):
    """A directory as `dvc add` leaves it: its hash in the metafile, listing and contents in DVC's cache."""
    files = {"a": b"a", "b": b"bb", "sub/c": b"ccc"}
    text = listing(files)
    workspace.write({f"data/{name}": data for name, data in files.items()})
    cached = {md5(data): data for data in files.values()} | {f"{md5(text)}.dir": text}
    workspace.write({f".dvc/cache/files/md5/{name[:2]}/{name[2:]}": data for name, data in cached.items()})
    metafile = f"outs:\n- md5: {md5(text)}.dir\n  size: 6\n  nfiles: 3\n  hash: md5\n  path: data\n"
    workspace.write({"data.dvc": metafile, ".gitignore": "/data\n"})
    return workspace


def cached_listing(workspace):
    (found,) = (workspace.path / ".dvc/cache").rglob("*.dir")
    return found


@pytest.mark.parametrize("cached", [True, False])
def test_a_listing_that_still_holds_is_left_as_it_is(by_hash, cached):
    before = by_hash.read("data.dvc")
    if not cached:
        cached_listing(by_hash).unlink()
    assert by_hash.add("data").outs == [AddedOut("data", "data.dvc", new=0, unchanged=3)]
    assert by_hash.read("data.dvc") == before


def test_a_changed_one_becomes_a_list_of_files(by_hash):
    by_hash.write({"data/b": "new", "data/d": "d"})
    assert by_hash.add("data").outs == [AddedOut("data", "data.dvc", new=1, changed=1, unchanged=2)]
    assert by_hash.read("data.dvc").startswith("outs:\n- hash: md5\n  path: data\n  files:\n  - relpath: a\n")
    sizes = {name: file.recorded.size for name, file in by_hash.outs("data.dvc")["data"].items()}
    assert sizes == {"a": 1, "b": 3, "d": 1, "sub/c": 3}


def test_of_a_part_that_changed_the_rest_comes_from_the_listing(by_hash):
    by_hash.write({"data/b": "changed, and not named", "data/d": "d"})
    assert by_hash.add("data/d").outs == [AddedOut("data", "data.dvc", new=1)]
    files = by_hash.outs("data.dvc")["data"]
    assert {name: (file.recorded.md5, file.recorded.size) for name, file in files.items()} == {
        "a": (md5(b"a"), 1),
        "b": (md5(b"bb"), 2),
        "d": (md5(b"d"), 1),
        "sub/c": (md5(b"ccc"), 3),
    }


def test_files_of_a_listing_that_went_count_as_well(by_hash):
    (by_hash.path / "data/a").unlink()
    with pytest.raises(TargetError, match="1 file is recorded, not here"):
        by_hash.add("data")
    assert by_hash.add("data", force=True).outs[0].removed == 1


def test_without_the_listing_nobody_knows_what_went(by_hash):
    cached_listing(by_hash).unlink()
    by_hash.write({"data/d": "d"})
    before = by_hash.read("data.dvc")
    (failure,) = by_hash.add("data").failures
    assert "nobody can tell which files went" in failure.error.message
    assert by_hash.add("data/d", force=True).failures
    assert by_hash.read("data.dvc") == before
    assert by_hash.add("data", force=True).outs[0].new == 4
    assert len(by_hash.outs("data.dvc")["data"]) == 4


@pytest.fixture
def legacy(workspace):
    """A directory of DVC 2, whose hash of a text is that of the text with other line ends."""
    text = md5(CRLF.replace(b"\r\n", b"\n"))
    workspace.write({"data/a": "a", "data/text": CRLF})
    cloud = "    cloud:\n      up:\n        version_id: v\n"
    entries = [f"  - relpath: a\n    md5: {md5(b'a')}\n    size: 1\n{cloud}"]
    entries.append(f"  - relpath: text\n    md5: {text}\n    size: 10\n{cloud}")
    workspace.write({"data.dvc": "outs:\n- path: data\n  files:\n" + "".join(entries), ".gitignore": "/data\n"})
    return workspace


def test_legacy_hashes_that_hold_are_left_as_they_are(legacy):
    before = legacy.read("data.dvc")
    assert legacy.add("data").outs == [AddedOut("data", "data.dvc", new=0, unchanged=2)]
    assert legacy.read("data.dvc") == before


def test_a_change_gives_all_files_of_a_legacy_out_plain_hashes(legacy):
    legacy.write({"data/c": "c"})
    assert legacy.add("data").outs == [AddedOut("data", "data.dvc", new=1, unchanged=2)]
    assert "hash: md5\n" in legacy.read("data.dvc")
    recorded = {name: file.recorded for name, file in legacy.outs("data.dvc")["data"].items()}
    assert {name: each.md5 for name, each in recorded.items()} == {"a": md5(b"a"), "c": md5(b"c"), "text": md5(CRLF)}
    # The version may be of the text with its other line ends: only what is certain stays.
    assert {name: each.version_id for name, each in recorded.items()} == {"a": "v", "c": None, "text": None}


def test_a_part_of_a_legacy_out_cannot_be_recorded_alone(legacy):
    legacy.write({"data/c": "c"})
    with pytest.raises(TargetError, match="hashes of DVC 2") as caught:
        legacy.add("data/c")
    assert "`cvfs add data`" in caught.value.hint


def test_a_changed_legacy_file_gets_a_plain_hash(workspace):
    workspace.write(
        {"m": CRLF, "m.dvc": f"outs:\n- md5: {md5(b'other')}\n  size: 5\n  path: m\n", ".gitignore": "/m\n"}
    )
    workspace.add("m")
    assert workspace.read("m.dvc") == f"outs:\n- md5: {md5(CRLF)}\n  size: 10\n  hash: md5\n  path: m\n"
