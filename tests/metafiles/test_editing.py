"""Edits change what they are about, and not a byte beside it."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from cvfs.errors import MetafileError
from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.editing import OutEdit, edit_metafile
from cvfs.metafiles.records import FileRecord, OutRecord, Recorded
from cvfs.metafiles.scalars import scalar

TEXT = b"""\
# a comment on top
outs:
- hash: md5
  path: data   # ours
  files:
  # the first
  - relpath: a
    md5: c157a79031e1c40f85931829bc5fc552
    size: 4
    note: kept
    cloud:
      up:
        etag: c157a79031e1c40f85931829bc5fc552
        version_id: v1
  # the second
  - relpath: "c d"
    size: 5
    md5: 'd157a79031e1c40f85931829bc5fc552'
    version_id: legacy
  desc: >-
    folded
    text
- md5: e157a79031e1c40f85931829bc5fc552
  size: 6
  hash: md5
  path: model.bin
meta:
  owner: us
"""
M = "0" * 31
MD5_A, MD5_B = M + "a", M + "b"


def records(data):
    outs = [record for record in read_dvc(data) if isinstance(record, OutRecord)]
    files = [record for record in read_dvc(data) if isinstance(record, FileRecord)]
    assert len(outs) + len(files) == len(list(read_dvc(data))), "a refusal"
    return outs, files


def edit_first(data, *, changed=None, added=None):
    outs, files = records(data)
    mine = [file for file in files if file.out == outs[0].out]
    lines = {file.relpath: file.line for file in mine}
    edit = OutEdit(
        outs[0].line,
        present=[(file.relpath, file.line) for file in mine],
        changed={lines[relpath]: value for relpath, value in (changed or {}).items()},
        added=added or {},
    )
    return edit_metafile(data, [edit])


def test_nothing_to_change_changes_no_byte():
    assert edit_metafile(TEXT, [OutEdit(3)]) == TEXT
    _, files = records(TEXT)
    assert edit_first(TEXT, changed={"a": files[0].recorded}) == TEXT


def test_a_changed_file_keeps_its_neighbours_comments_and_unknown_keys():
    new = edit_first(TEXT, changed={"a": Recorded(md5=MD5_A, size=9, remote="up", version_id="v2", etag="e2")})
    expected = (
        TEXT.replace(
            b"md5: c157a79031e1c40f85931829bc5fc552\n    size: 4", f"md5: {scalar(MD5_A)}\n    size: 9".encode()
        )
        .replace(b"etag: c157a79031e1c40f85931829bc5fc552", b"etag: e2")
        .replace(b"version_id: v1", b"version_id: v2")
    )
    assert new == expected


def test_a_file_that_is_not_pushed_loses_its_version():
    new = edit_first(TEXT, changed={"a": Recorded(md5=MD5_A, size=9)})
    _, files = records(new)
    assert files[0].recorded == Recorded(md5=MD5_A, size=9)


def test_legacy_spelling_gives_way_to_cloud():
    new = edit_first(TEXT, changed={"c d": Recorded(md5=MD5_B, size=5, remote="up", version_id="1", etag="x")})
    assert b"legacy" not in new
    assert yaml.safe_load(new)["outs"][0]["files"][1]["cloud"] == {"up": {"etag": "x", "version_id": "1"}}


def test_files_are_added_in_order_and_taken_out():
    new = edit_first(TEXT, changed={"c d": None}, added={"b": Recorded(MD5_A, 1), "z": Recorded(MD5_B, 2, isexec=True)})
    outs, files = records(new)
    assert [file.relpath for file in files] == ["a", "b", "z"]
    assert files[2].recorded == Recorded(MD5_B, 2, isexec=True)
    assert b"# the second" in new
    assert new.endswith(TEXT[TEXT.index(b"  desc:") :])
    assert [out.path for out in outs] == ["data", "model.bin"]


def test_a_single_file_gets_its_version_behind_its_path():
    outs, _ = records(TEXT)
    recorded = Recorded(md5=MD5_A, size=6, remote="up", version_id="v", etag=MD5_A)
    new = edit_metafile(TEXT, [OutEdit(outs[1].line, recorded=recorded)])
    assert records(new)[0][1].recorded == recorded
    assert new.endswith(
        b"  path: model.bin\n  cloud:\n    up:\n      etag: "
        + MD5_A.encode()
        + b"\n      version_id: v\nmeta:\n  owner: us\n"
    )


def test_a_directory_known_by_its_hash_becomes_a_list():
    data = b"outs:\n- md5: " + MD5_A.encode() + b".dir\n  size: 3\n  nfiles: 1\n  hash: md5\n  path: data\n"
    outs, _ = records(data)
    new = edit_metafile(data, [OutEdit(outs[0].line, added={"x": Recorded("f" * 32, 3)})])
    assert yaml.load(new, yaml.BaseLoader) == {
        "outs": [{"hash": "md5", "path": "data", "files": [{"relpath": "x", "md5": "f" * 32, "size": "3"}]}]
    }


def test_the_last_file_leaves_an_empty_list():
    new = edit_first(TEXT, changed={"a": None, "c d": None})
    assert yaml.safe_load(new)["outs"][0]["files"] == []


def test_line_endings_stay():
    new = edit_first(TEXT.replace(b"\n", b"\r\n"), added={"b": Recorded("f" * 32, 1)})
    assert new.count(b"\r\n") == new.count(b"\n")
    assert [file.relpath for file in records(new)[1]] == ["a", "b", "c d"]


@pytest.mark.parametrize(
    "data",
    [
        b"outs: [{path: a, md5: 11111111111111111111111111111111}]\n",
        b"outs:\n-\n  path: a\n  md5: 11111111111111111111111111111111\n",
        b'{"outs": [{"path": "a"}]}\n',
        b"outs:\n- &x\n  path: a\n",
    ],
)
def test_other_styles_are_refused(data):
    outs, _ = records(data)
    with pytest.raises(MetafileError, match="block style"):
        edit_metafile(data, [OutEdit(outs[0].line, recorded=Recorded(MD5_A, 1))])


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
RECORDED = st.builds(
    Recorded,
    md5=st.text("0123456789abcdef", min_size=32, max_size=32),
    size=st.integers(0, 10**12),
    isexec=st.booleans(),
    remote=st.sampled_from(["up", "a/b", "yes"]),
    version_id=st.text("abc0189._-T:Z", min_size=1, max_size=30),
    etag=st.one_of(st.none(), st.text('"abcdef0189x-', min_size=1, max_size=30)),
)


@given(
    st.dictionaries(NAMES, RECORDED, max_size=6),
    st.dictionaries(NAMES, RECORDED, min_size=1, max_size=6),
    st.data(),
)
@example({"yes": Recorded("1" * 32, 1)}, {"12:30:45": Recorded("1" * 31 + "e", 1)}, None)
def test_any_edits_read_back(before, added, data):
    empty = b"outs:\n- hash: md5\n  path: data\n"
    text = edit_metafile(empty, [OutEdit(2, added=before, directory=True)])
    expected = dict(before)
    changed = {}
    for relpath in before:
        step = data.draw(st.sampled_from(["keep", "change", "remove"])) if data else "keep"
        if step != "keep":
            changed[relpath] = data.draw(RECORDED) if step == "change" else None
    added = {relpath: recorded for relpath, recorded in added.items() if relpath not in before}
    new = edit_first(text, changed=changed, added=added)
    expected |= changed | added
    _, files = records(new)
    found = {file.relpath: file.recorded for file in files}
    assert found == {relpath: recorded for relpath, recorded in expected.items() if recorded is not None}
    assert [file.relpath for file in files] == sorted(found)


FILE = f"outs:\n- md5: {MD5_A}\n  size: 1\n  path: m\n  cloud:\n    up:\n      version_id: v\n"


def test_a_directory_becomes_a_file():
    outs, files = records(TEXT)
    present = [(file.relpath, file.line) for file in files]
    new = edit_metafile(TEXT, [OutEdit(outs[0].line, present, recorded=Recorded(md5=MD5_A, size=1))])
    assert b"files:" not in new
    assert b"relpath" not in new
    first, second = records(new)[0]
    assert (first.recorded, first.legacy) == (Recorded(md5=MD5_A, size=1), False)
    assert second.recorded == outs[1].recorded
    assert b"# a comment on top" in new
    assert b"desc: >-" in new


def test_new_values_say_that_they_are_plain_hashes_unless_the_out_stays_legacy():
    values = Recorded(md5=MD5_B, size=1)
    plain = edit_metafile(FILE.encode(), [OutEdit(2, recorded=values)])
    assert not records(plain)[0][0].legacy
    legacy = edit_metafile(FILE.encode(), [OutEdit(2, recorded=values, legacy=True)])
    assert legacy == plain.replace(b"  hash: md5\n", b"")
    assert records(legacy)[0][0].legacy
    listed = edit_metafile(FILE.encode(), [OutEdit(2, added={"x": values}, legacy=True)])
    assert b"hash" not in listed
    assert edit_metafile(FILE.encode(), [OutEdit(2)]) == FILE.encode()
