from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_trees import directory_out, file_out, make_segment, md5_of, out_record, recorded, unlisted_out

from cvfs.metafiles.records import FileRecord, Record, Recorded, Refusal, Source
from cvfs.model import Kind
from cvfs.snapshot.intake import REFUSALS_KEPT
from cvfs.snapshot.segment import Segment


def tree(segment: Segment, number: int) -> dict[str, object]:
    """Return what lies below a row: a file's size, or what lies below a directory."""
    row = segment.row(number)
    return {
        segment.name(child).decode("utf-8", "surrogateescape"): (
            segment.row(child).size if segment.row(child).kind is Kind.FILE else tree(segment, child)
        )
        for child in range(row.first, row.first + row.count)
    }


def refusals(segment: Segment) -> list[tuple[int | None, str]]:
    return [(refusal.line, refusal.reason) for refusal in segment.refusals]


def test_a_directory_becomes_sorted_ranges(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, directory_out("data", ["b/z", "a", "b/c/d", "B", "é", "b-", "b/a"]))
    assert tree(segment, 0) == {"B": 1, "a": 1, "b": {"a": 3, "c": {"d": 5}, "z": 3}, "b-": 2, "é": 1}
    root = segment.row(0)
    names = [segment.name(root.first + n) for n in range(root.count)]
    assert names == [b"B", b"a", b"b", b"b-", "é".encode()]
    assert segment.find(root.first, root.count, b"b-") == root.first + 3
    for absent in (b"", b"A", b"b/", b"zz", b"\xff"):
        assert segment.find(root.first, root.count, absent) is None
    assert segment.refusals == []
    assert segment.totals(0) == (7, 16)
    (out,) = segment.outs()
    assert (out.path, out.kind, out.files, out.size, out.line) == (b"data", Kind.DIRECTORY, 7, 16, 1)


def test_everything_recorded_comes_back(tmp_path: Path) -> None:
    entries = [
        Recorded(),
        Recorded(md5=md5_of("a"), size=0, isexec=True, remote="up", version_id="v", etag=md5_of("a")),
        Recorded(md5=md5_of("b"), size=2**62, remote="other", version_id="null", etag=f"{md5_of('x')}-3"),
        Recorded(size=5, etag='"0x8DB"', version_id="2023-01-01T00:00:00.0000000Z"),
        Recorded(md5=md5_of("c"), version_id="é\ud800" * 100, etag=""),
    ]
    files: list[Record] = [FileRecord(0, f"f{number}", entry, 1) for number, entry in enumerate(entries)]
    segment = make_segment(tmp_path, [*files, out_record("data", Kind.DIRECTORY, Recorded(), remote="mine")])
    root = segment.row(0)
    found = [segment.recorded(root.first + number) for number in range(root.count)]
    assert found == [*entries[:4], Recorded(md5=md5_of("c"), version_id="é\ud800" * 100)]
    assert [segment.row(root.first + number).executable for number in range(5)] == [False, True, False, False, False]
    assert segment.out(0).remote == "mine"


def test_outs_of_several_metafiles(tmp_path: Path) -> None:
    first = [*directory_out("d", ["x"]), *file_out("../f", number=1, line=9)]
    third = [out_record("g", Kind.FILE, recorded("g"), legacy=True, source=Source.GIT), Refusal(4, "no good")]
    segment = make_segment(tmp_path, first, [], third, unlisted_out("u"))
    outs = list(segment.outs())
    assert [(out.path, out.metafile, out.kind) for out in outs] == [
        (b"d", 0, Kind.DIRECTORY),
        (b"../f", 0, Kind.FILE),
        (b"g", 2, Kind.FILE),
        (b"u", 3, Kind.UNLISTED),
    ]
    assert [out.legacy for out in outs] == [False, False, True, False]
    assert [out.source for out in outs] == [Source.REMOTE, Source.REMOTE, Source.GIT, Source.REMOTE]
    assert [(out.files, out.size) for out in outs] == [(1, 1), (1, 4), (1, 1), (0, 0)]
    assert segment.has_git_outs
    assert segment.recorded(3).md5 == md5_of("u")
    assert [(refusal.metafile, refusal.line, refusal.reason) for refusal in segment.refusals] == [(2, 4, "no good")]


def test_files_of_several_outs_may_be_mixed(tmp_path: Path) -> None:
    first, second = directory_out("a", ["x/1", "x/2"], 0), directory_out("b", ["x/3", "x/4"], 1)
    mixed = [record for pair in zip(first, second, strict=True) for record in pair]
    segment = make_segment(tmp_path, mixed)
    assert [tree(segment, number) for number in range(2)] == [{"x": {"1": 3, "2": 3}}, {"x": {"3": 3, "4": 3}}]


def test_an_empty_directory_and_an_empty_segment(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, directory_out("data", []))
    assert (segment.row(0).kind, segment.row(0).count) == (Kind.DIRECTORY, 0)
    assert make_segment(tmp_path).row_count == 0


def test_the_first_of_equal_names_stays(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, directory_out("data", ["a", "b", "a", "c/x", "c/x"]))
    assert tree(segment, 0) == {"a": 1, "b": 1, "c": {"x": 3}}
    assert refusals(segment) == [
        (4, "'a' is refused: an earlier entry has this name"),
        (6, "'x' is refused: an earlier entry has this name"),
    ]


def test_a_file_does_not_become_a_directory_nor_the_other_way_round(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, directory_out("data", ["a", "a/b", "a/c/d", "x/y/z", "x/y", "x"]))
    assert tree(segment, 0) == {"a": 1, "x": {"y": {"z": 5}}}
    assert refusals(segment) == [
        (3, "'b' is refused: a path that it lies below is a file"),
        (4, "'d' is refused: a path that it lies below is a file"),
        (6, "'y' is refused: an earlier entry has this name"),
        (7, "'x' is refused: an earlier entry has this name"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        ".",
        "./a",
        "a//b",
        "a/",
        "a\0b",
        "x" * 256,
        "ok/\ud800",
        ".git/config",
        "a/.git",
    ],
)
def test_hostile_names_are_refused_one_by_one(tmp_path: Path, name: str) -> None:
    segment = make_segment(tmp_path, directory_out("data", ["good", name, "last/good"]))
    assert tree(segment, 0) == {"good": 4, "last": {"good": 9}}
    ((line, reason),) = refusals(segment)
    assert line == 3
    assert reason.startswith(f"{name!r} is refused: ")


def test_a_hostile_name_in_a_directory_that_is_known(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, directory_out("data", ["d/good", "d/", "d/..", "d/.git", "d/\0"]))
    assert tree(segment, 0) == {"d": {"good": 6}}
    assert [line for line, _ in refusals(segment)] == [3, 4, 5, 6]


def test_names_that_are_only_odd(tmp_path: Path) -> None:
    names = ["yes", "12:30:45", " ", "\n", "back\\slash", "a:b", "#?%+&=[]*", "\udcff", "x" * 255, "...", ".gitignore"]
    segment = make_segment(tmp_path, directory_out("data", names))
    assert sorted(tree(segment, 0)) == sorted(names)
    assert segment.refusals == []


def test_files_whose_out_never_came_are_dropped(tmp_path: Path) -> None:
    cut = directory_out("never", ["a/b", "c"], number=0)[:-1]
    segment = make_segment(tmp_path, [*directory_out("whole", ["x"], number=3), *cut, Refusal(9, "cut off")])
    assert segment.out_count == 1
    assert segment.row_count == 2
    assert refusals(segment) == [(9, "cut off")]


def test_a_version_id_that_is_too_long_is_refused(tmp_path: Path) -> None:
    records = [FileRecord(0, "a", recorded("a", version_id="v" * 70000), 2), *directory_out("data", ["b"])]
    segment = make_segment(tmp_path, records)
    assert tree(segment, 0) == {"b": 1}
    assert [line for line, _ in refusals(segment)] == [2]


def test_an_out_that_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    segment = make_segment(tmp_path, [*directory_out("\ud800", ["a"]), *file_out("good", number=1)])
    assert [out.path for out in segment.outs()] == [b"good"]
    assert [line for line, _ in refusals(segment)] == [1]


def test_refusals_are_counted_when_they_are_too_many(tmp_path: Path) -> None:
    hostile = [Refusal(line, "no") for line in range(REFUSALS_KEPT + 17)]
    segment = make_segment(tmp_path, hostile, [Refusal(3, "other")])
    assert len(segment.refusals) == REFUSALS_KEPT + 2
    assert [(r.metafile, r.line, r.reason) for r in segment.refusals[-2:]] == [
        (1, 3, "other"),
        (0, None, "17 more entries are refused"),
    ]
