"""``.dvc`` files: what DVC wrote over the years, what people and merges made of it, and what an enemy could."""

from __future__ import annotations

import pytest
from reading import MD5, OTHER_MD5, directory, dvc, fixture

from cvfs.metafiles.records import OutRecord, Recorded, Source
from cvfs.model import Kind

pytestmark = pytest.mark.usefixtures("each_parser")


def test_directory_as_dvc_writes_it() -> None:
    read = fixture("r1/data.dvc")
    assert not read.refusals
    assert [(file.relpath, file.recorded.size, file.line) for file in read.files] == [
        ("empty", 0, 6),
        ("foo", 5, 13),
        ("run.sh", 10, 20),
        ("sub/bar", 4, 27),
    ]
    assert read.files[1].recorded == Recorded(
        OTHER_MD5, 5, False, "up", "6d14bfdb-a6ae-4e0b-afda-fd8f6e12c717", OTHER_MD5
    )
    assert read.out == OutRecord(0, "data", Kind.DIRECTORY, Recorded(), False, Source.REMOTE, None, 3)


def test_single_file_as_dvc_writes_it() -> None:
    md5 = "458d5f1afc81ae7291a7aaad852dc12a"
    read = fixture("r1/model.bin.dvc")
    recorded = Recorded(md5, 6, False, "up", "04824f92-ab7f-4938-82b5-d30d885a2a50", md5)
    assert read.out == OutRecord(0, "model.bin", Kind.FILE, recorded, False, Source.REMOTE, None, 2)


def test_multipart_etag_is_kept_as_written() -> None:
    assert fixture("rq/big.bin.dvc").out.recorded.etag == "1295384ee82aad94d62d3a6c2489d3ae-3"


def test_awkward_names() -> None:
    assert [file.relpath for file in fixture("r7/data.dvc").files] == [
        " lead",
        "- dash",
        "1e3",
        "a#b.txt",
        "amp&.txt",
        "back\\slash",
        "br[1].txt",
        "co:lon.txt",
        "eq=.txt",
        "null",
        "pc%20t.txt",
        "plus+.txt",
        "q?x.txt",
        "sp ace.txt",
        "star*.txt",
        "trail ",
        "yes",
        "~tilde",
        "ü dir/ñ.txt",
    ]


def test_entries_that_lost_their_remote_stand_beside_others() -> None:
    read = fixture("rw/data_after_update.dvc")
    assert [(file.relpath, file.recorded.remote, file.recorded.version_id) for file in read.files] == [
        ("a", None, "65b09381-1c5a-4f60-b8bb-70d7191f1c44"),
        ("b", None, "be1fac05-c78b-441a-b0b4-41f91a6a06e1"),
        ("c", "up", "34888314-37ff-4b47-87db-d0987bad9de9"),
        ("newfile", None, "c73b33ca-1289-4de5-a68f-0ab384952998"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "yes",
        "no",
        "on",
        "Off",
        "true",
        "12:30:45",
        "1:30",
        "017",
        "0x1F",
        "1e3",
        "1_000",
        ".inf",
        "2001-01-01",
        "=",
        "<",
    ],
)
def test_plain_scalars_are_names(name: str) -> None:
    assert dvc(directory(f"- relpath: {name}")).file.relpath == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"a\\nb"', "a\nb"),
        ('"\\u00e9\\U0001F600"', "é😀"),
        ("'it''s'", "it's"),
        ("'null'", "null"),
        ("'~'", "~"),
        ("''", ""),
        ("!!str null", "null"),
        ("\n    Dataset101/fold_0/dataset_fingerprint.json", "Dataset101/fold_0/dataset_fingerprint.json"),
        ("with\n    a space", "with a space"),
        ("'quoted\n    too'", "quoted too"),
        ("a#b", "a#b"),
        ("a:b", "a:b"),
        ("a # a comment", "a"),
    ],
)
def test_spellings_of_a_name(text: str, name: str) -> None:
    assert dvc(directory(f"- relpath: {text}")).file.relpath == name


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null_is_no_name(text: str) -> None:
    read = dvc(directory(f"- md5: {MD5}\n  relpath: {text}\n- relpath: good"))
    assert read.file.relpath == "good"
    assert (read.refusal.line, read.refusal.reason) == (5, "a file without a relpath")


@pytest.mark.parametrize("text", ["", "~", "null", "''", '""'])
def test_md5_without_text_is_none(text: str) -> None:
    assert dvc(f"outs:\n- md5: {text}\n  path: a").out.recorded.md5 is None


def test_checksums_and_remotes_are_lower_case() -> None:
    read = dvc(f"outs:\n- md5: {MD5.upper()}\n  path: a\n  remote: Big\n  cloud:\n    UP:\n      etag: ABC\n")
    assert (read.out.recorded.md5, read.out.recorded.remote, read.out.remote) == (MD5, "up", "big")
    assert read.out.recorded.etag == "ABC"


def test_numbers_without_quotes_stay_text() -> None:
    md5 = "12345678901234567890123456789012"
    read = dvc(f"outs:\n- md5: {md5}\n  path: 007\n  version_id: 1715320123478160\n  etag: 0890e1")
    assert read.out.path == "007"
    assert read.out.recorded == Recorded(md5, None, False, None, "1715320123478160", "0890e1")


def test_azure_keeps_its_quotes_and_timestamps() -> None:
    read = dvc("outs:\n- path: a\n  version_id: 2023-01-02T03:04:05.1234567Z\n  etag: '\"0x8DB\"'")
    assert (read.out.recorded.version_id, read.out.recorded.etag) == ("2023-01-02T03:04:05.1234567Z", '"0x8DB"')


def test_version_id_null_can_be_asked_for_and_a_missing_one_not() -> None:
    read = dvc(
        directory(
            "- relpath: off\n  cloud:\n    up:\n      version_id: 'null'\n      etag: abc\n"
            "- relpath: none\n  cloud:\n    up:\n      etag: abc\n"
            "- relpath: empty\n  version_id: ''\n"
            "- relpath: yaml\n  version_id: null\n"
        )
    )
    assert [file.recorded.version_id for file in read.files] == ["null", None, None, None]
    assert [file.recorded.etag for file in read.files] == ["abc", "abc", None, None]
    assert [file.recorded.remote for file in read.files] == ["up", "up", None, None]


def test_values_below_cloud_override_those_beside_it_as_in_dvc() -> None:
    read = dvc(directory("- relpath: a\n  cloud: {up: {size: 7, version_id: new}}\n  size: 3\n  version_id: old"))
    assert read.file.recorded == Recorded(None, 7, False, "up", "new", None)


@pytest.mark.parametrize("cloud", ["{}", "", "null", "{up: {}}", "{up: }"])
def test_cloud_without_content(cloud: str) -> None:
    read = dvc(directory(f"- relpath: a\n  cloud: {cloud}"))
    assert (read.file.recorded.version_id, read.refusals) == (None, [])


def test_two_remotes_below_cloud_are_refused_and_the_rest_stays() -> None:
    read = dvc(directory("- relpath: a\n  cloud: {one: {version_id: 1}, two: {version_id: 2}}\n- relpath: b"))
    assert read.file.relpath == "b"
    assert read.refusal.line == 6
    assert "two remotes" in read.refusal.reason
    assert read.out.kind is Kind.DIRECTORY


def test_layout_of_dvc_2_with_version_beside_the_hash() -> None:
    read = dvc(
        f"outs:\n- md5: {MD5}.dir\n  size: 3\n  nfiles: 1\n  path: data\n  files:\n"
        f"  - size: 3\n    version_id: V.1\n    etag: e\n    md5: {OTHER_MD5}\n    relpath: a\n"
    )
    assert read.file.recorded == Recorded(OTHER_MD5, 3, False, None, "V.1", "e")
    assert read.out.kind is Kind.DIRECTORY
    assert read.out.recorded.md5 == f"{MD5}.dir"
    assert read.out.legacy


@pytest.mark.parametrize(("head", "legacy"), [("hash: md5", False), ("push: true", True), ("hash: md5-dos2unix", True)])
def test_hash_tells_how_md5_was_computed(head: str, legacy: bool) -> None:
    assert dvc(f"outs:\n- {head}\n  md5: {MD5}\n  path: a").out.legacy is legacy


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (f"md5: {MD5}", Kind.FILE),
        ("size: 3", Kind.FILE),
        (f"md5: {MD5}.dir", Kind.UNLISTED),
        (f"md5: {MD5.upper()}.DIR", Kind.UNLISTED),
        ("nfiles: 3", Kind.UNLISTED),
        ("nfiles: 0", Kind.UNLISTED),
        ("files: [{relpath: a}]", Kind.DIRECTORY),
        (f"{{files: [{{relpath: a}}], md5: {MD5}.dir}}", Kind.DIRECTORY),
        ("files: []", Kind.UNLISTED),
        ("files: [{relpath: null}]", Kind.UNLISTED),
        (f"{{files: [], md5: {MD5}}}", Kind.FILE),
        ("files: null", Kind.UNLISTED),
    ],
)
def test_kind(fields: str, kind: Kind) -> None:
    inner = fields[1:-1] if fields.startswith("{") else fields
    assert dvc(f"outs:\n- {{path: a, hash: md5, {inner}}}").out.kind is kind


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ("{}", Source.REMOTE),
        ("cache: true", Source.REMOTE),
        ("cache: false", Source.GIT),
        ("push: false", Source.UNPUSHED),
        ("cache: False, push: FALSE", Source.GIT),
    ],
)
def test_source(fields: str, source: Source) -> None:
    assert (
        dvc(f"outs:\n- {{path: a, x: {fields}}}" if fields == "{}" else f"outs:\n- {{path: a, {fields}}}").out.source
        is source
    )


def test_imports_are_told_by_their_dependency() -> None:
    for name in ("ds", "ds_nodl", "one.csv", "one_nodl.csv", "one_plain.csv", "one_tr.csv"):
        out = fixture(f"r9/{name}.dvc").out
        assert out.source is Source.IMPORT
        assert out.path == name
    assert fixture("r9/ds.dvc").out.kind is Kind.UNLISTED
    assert fixture("r9/one.csv.dvc").out.kind is Kind.FILE


def test_import_without_download_knows_from_its_dependency_that_it_is_a_directory() -> None:
    assert fixture("r9/ds_nodl.dvc").out.kind is Kind.UNLISTED
    assert fixture("r9/one_nodl.csv.dvc").out.kind is Kind.FILE


def test_import_that_was_pushed_is_on_the_remote() -> None:
    read = dvc("deps:\n- path: s3://b/k\nouts:\n- path: a\n  cloud: {up: {version_id: v}}")
    assert read.out.source is Source.REMOTE


def test_stage_with_a_command_is_no_import() -> None:
    read = dvc("deps:\n- path: x\nouts:\n- path: a\ncmd: make\n")
    assert read.out.source is Source.REMOTE


@pytest.mark.parametrize(
    "text",
    [
        "wdir: ../..\nouts:\n- path: sub/a",
        "outs:\n- path: sub/a\nwdir: ../..",
        "# DVC 0.x sorted its keys\ncmd: x\nouts:\n- {metric: false, path: sub/a}\nwdir: ../..",
    ],
)
def test_wdir_before_and_behind_the_outs(text: str) -> None:
    assert dvc(text).out.path == "../../sub/a"


@pytest.mark.parametrize("wdir", ["", "null", "''"])
def test_no_wdir(wdir: str) -> None:
    assert dvc(f"wdir: {wdir}\nouts:\n- path: a").out.path == "a"


@pytest.mark.parametrize("path", ["s3://b/k", "remote://up/k", "/abs", "file:///x", "C:\\x", "d:/x", "hdfs://h:1/x"])
def test_external_outs_are_named_as_such(path: str) -> None:
    read = dvc(f"outs:\n- path: {path}\n- path: good")
    assert read.out.path == "good"
    assert read.refusal.line == 2
    assert "external" in read.refusal.reason


@pytest.mark.parametrize("wdir", ["/abs", "s3://b/k"])
def test_external_wdir(wdir: str) -> None:
    read = dvc(f"wdir: {wdir}\nouts:\n- path: a")
    assert not read.outs
    assert "wdir" in read.refusal.reason


def test_files_of_a_refused_out_have_no_out() -> None:
    read = dvc("outs:\n- files: [{relpath: x}]\n  path: /abs\n- files: [{relpath: y}]\n  path: b")
    assert {file.out for file in read.files} == {0, 1}
    assert read.out.out == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("size: 1.5", "size '1.5'"),
        ("size: -1", "size '-1'"),
        ("size: x", "size 'x'"),
        ("size: 1234567890123456789", "size"),
        ("size: '٣'", "size"),
        ("isexec: yes", "isexec is 'yes'"),
        ("md5: ../../etc/passwd", "32 hexadecimal"),
        (f"md5: {MD5}0", "32 hexadecimal"),
        (f"md5: '{MD5} '", "32 hexadecimal"),
        (f"md5: {MD5}.dir", "a directory"),
        ("md5: [1]", "a list"),
        ("md5: {a: 1}", "a mapping"),
        ("md5: !!binary aGk=", "tag"),
        ("cloud: x", "a single value"),
        ("cloud: [1]", "a list"),
        ("cloud: {up: 1}", "a single value"),
        ("size: 1\n  size: 2", "'size' comes twice"),
        ("<<: {size: 1}", "merge keys"),
        ("? [a]\n  : b", "a list stands where a key"),
        ("md5: *a", "alias"),
    ],
)
def test_bad_entry_is_refused_and_the_rest_goes_on(fields: str, reason: str) -> None:
    read = dvc("meta: &a x\n" + directory(f"- relpath: before\n- relpath: bad\n  {fields}\n- relpath: behind"))
    assert [file.relpath for file in read.files] == ["before", "behind"]
    assert reason in read.refusal.reason
    assert read.refusal.line in (7, 8, 9)
    assert read.out.path == "data"


@pytest.mark.parametrize("item", ["x", "[1]", "*a", "[[{relpath: x}]]"])
def test_item_that_is_no_mapping(item: str) -> None:
    read = dvc("meta: &a x\n" + directory(f"- {item}\n- relpath: good"))
    assert read.file.relpath == "good"
    assert read.refusal.line == 6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("outs: x", "a list is expected"),
        ("outs: {a: b}", "a list is expected"),
        ("outs:\n- x", "a mapping is expected"),
        ("outs:\n-\n", "without a path"),
        ("outs:\n- md5: ''\n", "without a path"),
        ("outs:\n- path: a\n  cache: no", "cache is 'no'"),
        ("outs:\n- path: a\n  nfiles: x", "nfiles 'x'"),
        ("outs:\n- path: a\n  path: b", "'path' comes twice"),
        ("outs:\n- path: a\n  files: 1", "a list is expected"),
        ("outs:\n- path: a\n  files: {x: 1}", "a list is expected"),
        ("outs: []\nouts: [{path: a}]", "'outs' comes twice"),
        ("wdir: [a]\nouts: [{path: a}]", "one value is expected"),
        ("wdir: *a\nouts: [{path: a}]", "alias"),
        ("<<: {outs: []}", "merge keys"),
    ],
)
def test_unusable_structure(text: str, reason: str) -> None:
    read = dvc(text)
    assert not read.outs
    assert reason in read.refusal.reason


def test_unknown_keys_and_what_they_hold_are_passed_over() -> None:
    read = dvc(
        "md5: x\nlocked: false\nmeta: &m {a: [1, {b: *m2}], c: &m2 d}\n"
        f"outs:\n- path: a\n  metric: false\n  plot: {{x: [1]}}\n  desc: d\n  labels: [a, b]\n  md5: {MD5}\n"
        "  meta: {outs: [{path: evil}]}\n  fs_config: {version_aware: true}\n  etag2: *m\n"
    )
    assert not read.refusals
    assert read.out.path == "a"


def test_isexec() -> None:
    read = dvc(
        "outs:\n- path: a\n  isexec: true\n  files:\n  - {relpath: x, isexec: true}\n  - {relpath: y, isexec: false}"
    )
    assert read.out.recorded.isexec
    assert [file.recorded.isexec for file in read.files] == [True, False]


def test_stage_without_outs() -> None:
    assert dvc("frozen: true\n") == ([], [], [])
