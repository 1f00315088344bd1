"""Any three versions of a directory: what comes of a merge is what a model made of dicts says."""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from metafile_texts import MD5, directory

from cvfs.merging.driver import merge_metafiles
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.records import FileRecord, OutRecord, Recorded, Refusal

NAMES = st.sampled_from(["a", "a b", "a/b c", "b", "b-1", "yes", "ü", "12:30:45", "# x", "z"])
ENTRIES = st.builds(
    lambda letter, isexec, version: Recorded(
        MD5[letter], int(letter, 16), isexec, version and "up", version, version and MD5[letter]
    ),
    st.sampled_from("abc"),
    st.booleans(),
    st.sampled_from([None, "1", "2"]),
)
FILES = st.dictionaries(NAMES, ENTRIES, max_size=7)


@st.composite
def histories(draw):
    """Draw an ancestor and two versions of it that share much with it, as versions do."""
    ancestor = draw(FILES)
    sides = []
    for _ in range(2):
        kept = {name: entry for name, entry in ancestor.items() if draw(st.integers(0, 3))}
        sides.append({**kept, **draw(st.dictionaries(NAMES, ENTRIES, max_size=3))})
    return ancestor, *sides


def model(ancestor, ours, theirs):
    """Merge one entry; the string is a conflict."""
    if ancestor in (ours, theirs):
        return theirs if ancestor == ours else ours
    if ours is None or theirs is None:
        left = ours or theirs
        unchanged = ancestor and left and (left.md5, left.isexec) == (ancestor.md5, ancestor.isexec)
        return None if unchanged or left is None else "conflict"
    if ours.md5 == theirs.md5:
        only_they_pushed = theirs.version_id and not ours.version_id
        only_they_pushed_anew = theirs.version_id and ancestor and is_same_version(ancestor, ours)
        taken = theirs if only_they_pushed or only_they_pushed_anew else ours
    elif ancestor and ancestor.md5 in (ours.md5, theirs.md5):
        taken = theirs if ancestor.md5 == ours.md5 else ours
    else:
        return "conflict"
    # Of two different modes, one is not the ancestor's: that is the change.
    changed = not ancestor.isexec if ancestor else ours.isexec
    return replace(taken, isexec=ours.isexec if ours.isexec == theirs.isexec else changed)


def is_same_version(one, other):
    return (one.md5, one.version_id) == (other.md5, other.version_id)


@settings(max_examples=300, deadline=None)
@given(histories())
def test_merge_is_what_the_model_says(history):
    texts = [directory(files) for files in history]
    merged = merge_metafiles(*texts, os.environ)
    expected = {}
    for name in {name for files in history for name in files}:
        result = model(*(files.get(name) for files in history))
        if result is not None:
            expected[name] = result
    in_conflict = {name for name, result in expected.items() if result == "conflict"}
    assert merged.as_text is None
    assert {sentence.rpartition(": ")[0] for sentence in merged.conflicts} == {f"data/{name}" for name in in_conflict}
    if in_conflict:
        assert merged.data.count(b"<<<<<<< ours\n") == len(in_conflict)
        return
    records = list(read_dvc(merged.data))
    assert not [record for record in records if isinstance(record, Refusal)]
    files = [record for record in records if isinstance(record, FileRecord)]
    assert {file.relpath: file.recorded for file in files} == expected
    assert [file.relpath for file in files] == sorted(expected)
    assert [record.path for record in records if isinstance(record, OutRecord)] == ["data"]


@settings(max_examples=100, deadline=None)
@given(histories())
def test_sides_may_be_swapped_but_for_who_is_preferred(history):
    ancestor, ours, theirs = (directory(files) for files in history)
    one = merge_metafiles(ancestor, ours, theirs, os.environ)
    other = merge_metafiles(ancestor, theirs, ours, os.environ)
    assert one.conflicts == other.conflicts
