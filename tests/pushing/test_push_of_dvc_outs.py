"""Outs that DVC made in its own ways: known by the hash of a listing, or by DVC 2's hashes of text."""

from __future__ import annotations

import json

import yaml
from clones import errors, md5

from cvfs.errors import AccessDeniedError


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
