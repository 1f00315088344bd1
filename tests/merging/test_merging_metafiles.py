"""Three versions of a metafile become one, entry by entry."""

from __future__ import annotations

import os

import pytest
from metafile_texts import MD5, directory, entry, lock, single, stage

from cvfs.merging.driver import Merged, merge_metafiles
from cvfs.merging.parts import Metafile
from cvfs.metafiles.records import Recorded


def merge(ancestor: bytes, ours: bytes, theirs: bytes) -> Merged:
    return merge_metafiles(ancestor, ours, theirs, os.environ)


def merged(ancestor: bytes, ours: bytes, theirs: bytes) -> bytes:
    done = merge(ancestor, ours, theirs)
    assert (done.conflicts, done.as_text) == ((), None)
    return done.data


def conflicts(ancestor: bytes, ours: bytes, theirs: bytes) -> tuple[str, ...]:
    done = merge(ancestor, ours, theirs)
    assert done.as_text is None
    for marker in (b"<<<<<<< ours\n", b"=======\n", b">>>>>>> theirs\n"):
        assert done.data.count(marker) >= 1
    return done.conflicts


A = {"a": entry("a", "1"), "c": entry("c", "1"), "d": entry("d", "1")}


def test_neighbours_that_both_added_and_changed():
    ours = directory({**A, "b 1": entry("1", "o1"), "c": entry("e", "o2")})
    theirs = directory({**A, "b 2": entry("2", "t1"), "d": entry("f", "t2")})
    assert merged(directory(A), ours, theirs) == directory(
        {
            **A,
            "b 1": entry("1", "o1"),
            "b 2": entry("2", "t1"),
            "c": entry("e", "o2"),
            "d": entry("f", "t2"),
        }
    )


def test_removed_on_one_side():
    without = {name: A[name] for name in ("a", "d")}
    changed = {**A, "d": entry("e", "2")}
    assert merged(directory(A), directory(without), directory(changed)) == directory({"a": A["a"], "d": changed["d"]})
    assert merged(directory(A), directory(changed), directory(without)) == directory({"a": A["a"], "d": changed["d"]})


def test_what_was_only_pushed_may_be_removed_and_be_changed():
    unpushed, pushed = {"x": entry("a"), "y": entry("b")}, {"x": entry("a", "1"), "y": entry("b", "1")}
    ours = directory({"x": entry("c", "2")})
    assert merged(directory(unpushed), ours, directory(pushed)) == ours
    assert merged(directory(unpushed), directory(pushed), ours) == ours


def test_same_content_pushed_twice_keeps_our_version():
    ours, theirs = directory({**A, "n": entry("e", "o")}), directory({**A, "n": entry("e", "t"), "m": entry("f", "t")})
    assert merged(directory(A), ours, theirs) == directory({**A, "n": entry("e", "o"), "m": entry("f", "t")})


def test_version_that_only_they_have_is_kept():
    ours, theirs = directory({**A, "n": entry("e")}), directory({**A, "n": entry("e", "t")})
    assert merged(directory(A), ours, theirs) == theirs
    assert merged(directory(A), theirs, ours) == theirs


def test_repaired_version_comes_from_whoever_repaired_it():
    theirs = directory({**A, "a": entry("a", "2")})
    assert merged(directory(A), directory({**A, "b": entry("b", "1")}), theirs) == directory(
        {**A, "a": entry("a", "2"), "b": entry("b", "1")}
    )


def test_mode_is_merged_by_itself():
    ours = directory({**A, "a": entry("e", "2")})
    theirs = directory({**A, "a": entry("a", "1", isexec=True)})
    expected = directory({**A, "a": entry("e", "2", isexec=True)})
    assert Metafile(merged(directory(A), ours, theirs)).entries() == Metafile(expected).entries()
    assert Metafile(merged(directory(A), theirs, ours)).entries() == Metafile(expected).entries()


def test_conflict_is_named_marked_and_leaves_the_rest_merged():
    ours = directory({**A, "b": entry("1", "o"), "c": entry("e", "o")})
    theirs = directory({**A, "c": entry("f", "t"), "e e": entry("2", "t")})
    done = merge(directory(A), ours, theirs)
    assert done.conflicts == ("data/c: changed differently on both sides",)
    before, rest = done.data.split(b"<<<<<<< ours\n")
    mine, rest = rest.split(b"=======\n")
    others, after = rest.split(b">>>>>>> theirs\n")
    indented = (
        "  - relpath: c\n    md5: {}\n    size: 4\n    cloud:\n      up:\n        etag: {}\n        version_id: {}\n"
    )
    assert mine.decode() == indented.format(MD5["e"], MD5["e"], "o")
    assert others.decode() == indented.format(MD5["f"], MD5["f"], "t")
    assert b"relpath: b\n" in before
    assert b"relpath: e e\n" in after
    assert before + mine + after == directory({**A, "b": entry("1", "o"), "c": entry("e", "o"), "e e": entry("2", "t")})


def test_removed_here_changed_there_is_a_conflict():
    without = {name: A[name] for name in ("a", "d")}
    for sides in ((without, {**A, "c": entry("e", "2")}), ({**A, "c": entry("c", "1", isexec=True)}, without)):
        assert conflicts(directory(A), *map(directory, sides)) == ("data/c: removed on one side, changed on the other",)


def test_all_files_removed_by_two():
    files = {"a": A["a"], "c": A["c"]}
    sides = directory({"a": A["a"]}), directory({"c": A["c"]})
    assert merged(directory(files), *sides) == directory({})


def test_both_began_to_track_the_same_directory():
    ours, theirs = directory({"a": entry("a", "o"), "b": entry("b", "o")}), directory({"a": entry("a", "t")})
    assert merged(b"", ours, theirs) == ours
    assert conflicts(b"", ours, directory({"a": entry("c", "t")})) == ("data/a: changed differently on both sides",)


def test_first_push_on_both_sides():
    ancestor = b"outs:\n- md5: " + b"a" * 32 + b".dir\n  size: 8\n  nfiles: 2\n  hash: md5\n  path: data\n"
    ours, theirs = directory({"a": entry("a", "o"), "b": entry("b", "o")}), directory({"a": entry("a", "t")})
    assert merged(ancestor, ours, theirs) == ours


def test_text_survives_and_what_one_side_did_to_it_is_taken():
    ancestor = directory(A).replace(b"  path: data\n", b"  path: data\n  desc: old\n") + b"meta: {x: 1}\n"
    ours = b"# mine\n" + ancestor.replace(b"  - relpath: a\n", b"  # about a\n  - relpath: 'a'  # quoted\n")
    theirs = (
        ancestor.replace(b"desc: old", b"desc: new")
        .replace(b"version_id: '1'", b"version_id: changed", 1)
        .replace(b"meta: {x: 1}\n", b"meta: {x: 2}\nfrozen: true\n")
    )
    assert merged(ancestor, ours, theirs) == (
        ours.replace(b"desc: old", b"desc: new")
        .replace(b"version_id: '1'", b"version_id: changed", 1)
        .replace(b"meta: {x: 1}\n", b"meta: {x: 2}\nfrozen: true\n")
    )


def test_text_outside_of_the_entries_that_both_changed_is_a_conflict():
    ancestor = directory(A) + b"desc: one\n"
    ours, theirs = (ancestor.replace(b"one", word) for word in (b"two", b"three"))
    done = merge(ancestor, ours.replace(b"relpath: d", b"relpath: e"), theirs)
    assert done.conflicts == ("changed differently on both sides, outside of the entries",)
    assert done.data.endswith(b"<<<<<<< ours\ndesc: two\n=======\ndesc: three\n>>>>>>> theirs\n")
    assert b"relpath: e" in done.data


def test_line_endings_are_ours_or_those_that_they_changed_to():
    ours, theirs = directory({**A, "b": entry("b", "o")}), directory({**A, "e": entry("e", "t")})
    both = directory({**A, "b": entry("b", "o"), "e": entry("e", "t")})
    crlf = ours.replace(b"\n", b"\r\n")
    assert merged(directory(A), crlf, theirs) == both.replace(b"\n", b"\r\n")
    assert merged(directory(A), theirs, crlf) == both.replace(b"\n", b"\r\n")


def test_indentation_that_one_side_changed_is_kept():
    deeper = b"\n".join(b"    " + line if n > 3 else line for n, line in enumerate(directory(A).split(b"\n"))).rstrip()
    theirs = directory({**A, "b": entry("b", "t")})
    new = merged(directory(A), deeper + b"\n", theirs)
    assert Metafile(new).entries() == Metafile(theirs).entries()
    assert new.count(b"\n      - relpath: ") == 4


def test_single_file():
    ancestor, changed = single(entry("a", "1")), single(entry("b", "2"), below="  desc: about it\n")
    described = single(entry("a", "1"), below="  desc: about it\n")
    assert merged(ancestor, changed, single(entry("a", "3"))) == changed
    assert merged(ancestor, single(entry("b", "2")), described) == changed
    assert conflicts(ancestor, changed, single(entry("c", "3"))) == ("model.bin: changed differently on both sides",)


def test_never_a_version_of_one_content_beside_the_hash_of_the_other():
    """Lines would merge without a conflict here, to the md5 of one side and the version id of the other."""
    ours = single(entry("b")).replace(b"  hash: md5", b"  x: 1\n  y: 2\n  hash: md5")
    ancestor = single(entry("a", "1")).replace(b"  hash: md5", b"  x: 1\n  y: 2\n  hash: md5")
    theirs = ancestor.replace(b"version_id: '1'", b"version_id: '2'")
    assert Metafile(merged(ancestor, ours, theirs)).entries() == {("", "model.bin", ""): entry("b")}


def test_outs_of_one_metafile_are_added_and_removed():
    def outs(**entries: Recorded) -> bytes:
        return b"outs:\n" + b"".join(single(value, path).removeprefix(b"outs:\n") for path, value in entries.items())

    x, y, z = entry("a", "1"), entry("b", "1"), entry("c", "1")
    assert merged(outs(x=x), outs(w=y, x=x), outs(x=x, z=z)) == outs(w=y, x=x, z=z)
    assert merged(outs(x=x, y=y, z=z), outs(x=x, z=z), outs(y=y, z=z)) == outs(z=z)
    assert merged(outs(x=x), outs(x=x, y=y), outs(x=x, z=z)) == outs(x=x, y=y, z=z)
    assert merged(outs(z=z, x=x), outs(z=z, x=x, b=y), outs(z=z, a=y, x=x)) == outs(z=z, a=y, x=x, b=y)


def test_file_that_became_a_directory():
    ancestor, became = single(entry("a", "1"), "data"), directory({"x": entry("a", "2")})
    commented = b"# nothing but a comment\n"
    assert merged(ancestor, became, commented + ancestor) == commented + became
    assert conflicts(ancestor, became, single(entry("b", "1"), "data")) == (
        "data: made another kind of out on one side, changed on the other",
    )


def test_stages_of_a_lock_file():
    one, two = {"x": entry("a", "1")}, {"x": entry("a", "1"), "y": entry("b", "1")}
    ancestor = lock(stage("s", one), stage("t", one))
    ours = lock(stage("s", two, cmd="make it"), stage("t", one), stage("ours", one))
    theirs = lock(stage("s", {"x": entry("a", "1"), "z": entry("c", "2")}), stage("t", two), stage("theirs", one))
    both = {"x": entry("a", "1"), "y": entry("b", "1"), "z": entry("c", "2")}
    assert merged(ancestor, ours, theirs) == lock(
        stage("s", both, cmd="make it"), stage("t", two), stage("theirs", one), stage("ours", one)
    )


def test_stage_that_both_ran_in_their_own_way_is_never_mixed():
    one = {"x": entry("a", "1")}
    runs = ("a", "0"), ("b", "0"), ("a", "1")
    ancestor, ours, theirs = (lock(stage("s", one, cmd=cmd, dep=dep)) for cmd, dep in runs)
    done = merge(ancestor, ours, theirs)
    assert done.conflicts == ("stage 's': changed differently on both sides, outside of the entries",)
    marked = done.data.partition(b"<<<<<<< ours\n")[2].partition(b">>>>>>> theirs\n")[0].split(b"=======\n")
    assert [(b"cmd: b" in side, MD5["1"].encode() in side) for side in marked] == [(True, False), (False, True)]


def test_whole_outs_and_stages_that_one_side_removed():
    one, two = {"x": entry("a", "1")}, {"x": entry("b", "2")}
    ancestor, without = lock(stage("s", one), stage("t", one)), lock(stage("t", one))
    assert merged(ancestor, without, lock(stage("s", one), stage("t", two))) == lock(stage("t", two))
    assert conflicts(ancestor, without, lock(stage("s", two), stage("t", one))) == (
        "stage 's': removed on one side, changed on the other",
    )


def test_other_styles_are_merged_as_text_and_said_to_be():
    flow = b"outs: [{path: a, hash: md5, md5: %s, desc: x}]\n\n\n\nmeta: 1\n" % MD5["a"].encode()
    done = merge(flow, flow.replace(b"desc: x", b"desc: y"), flow.replace(b"meta: 1", b"meta: 2"))
    assert "block style" in (done.as_text or "")
    assert done.conflicts == ()
    assert done.data == flow.replace(b"desc: x", b"desc: y").replace(b"meta: 1", b"meta: 2")


def test_text_merge_that_would_mix_entries_up_is_a_conflict():
    def flow(md5: str, version: str) -> bytes:
        lines = ["outs: [{", "path: a,", "hash: md5,", f"md5: {md5},", "x: 1,", "y: 1,", "z: 1,"]
        return "\n".join([*lines, f"cloud: {{up: {{version_id: '{version}'}}}}", "}]\n"]).encode()

    ancestor, ours, theirs = flow(MD5["a"], "1"), flow(MD5["b"], "1"), flow(MD5["a"], "2")
    done = merge(ancestor, ours, theirs)
    assert done.conflicts == ("merging the lines would have mixed up entries, or lost some",)
    assert done.data.count(b"<<<<<<< ours\n") >= 1


@pytest.mark.parametrize("broken", [b"\xff\xfe\0", b"outs: [\n", b"<<<<<<< HEAD\n", b"- a\n"])
def test_text_that_is_no_metafile_is_left_to_git(broken):
    done = merge(directory(A), broken, directory({**A, "b": entry("b", "1")}))
    assert done.conflicts
    assert b"<<<<<<< ours\n" in done.data
    assert broken.rstrip(b"\n") in done.data
