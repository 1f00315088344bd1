from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_trees import directory_out, file_out, make_snapshot, walk

from cvfs.metafiles.records import Refusal
from cvfs.snapshot.placing import out_path
from cvfs.snapshot.scan import Metafile


@pytest.mark.parametrize(
    ("metafile", "root", "path", "expected"),
    [
        ("a.dvc", "", b"a", b"a"),
        ("d/a.dvc", "", b"../x/./y//z/", b"x/y/z"),
        ("d/e/dvc.lock", "d", b"../o", b"d/o"),
        ("\udcff/a.dvc", "", b"\xc3\xa9", b"\xff/\xc3\xa9"),
        ("d/a.dvc", "", b".", b"d"),
    ],
)
def test_paths_are_relative_to_the_metafile(metafile: str, root: str, path: bytes, expected: bytes) -> None:
    assert b"/".join(out_path(Metafile(metafile, "", None, root), path)) == expected


@pytest.mark.parametrize(
    ("metafile", "root", "path", "reason"),
    [
        ("a.dvc", "", b"..", "leaves the repository"),
        ("d/a.dvc", "", b"../../x", "leaves the repository"),
        ("d/a.dvc", "", b"x/../../../d/y", "leaves the repository"),
        ("a.dvc", "", b"/etc", "absolute"),
        ("a.dvc", "", b".", "DVC root itself"),
        ("d/a.dvc", "", b"..", "DVC root itself"),
        ("d/e/a.dvc", "d", b"..", "DVC root itself"),
        ("d/e/a.dvc", "d", b"../../x", "leaves the DVC root"),
        ("d/e/a.dvc", "d", b"../../dd/x", "leaves the DVC root"),
        ("a.dvc", "", b"x\0y", "NUL"),
        ("a.dvc", "", b"x" * 256, "longer than"),
        ("a.dvc", "", b".git/hooks", r"\.git"),
    ],
)
def test_paths_that_could_do_harm(metafile: str, root: str, path: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        out_path(Metafile(metafile, "", None, root), path)


def test_a_refused_out_hides_no_other(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {"d/a.dvc": [*file_out("../../evil", 0, 7), *directory_out("fine", ["x"], 1), Refusal(9, "odd")]},
    )
    assert walk(snapshot).files == {"d/fine/x": 1}
    assert [str(problem) for problem in snapshot.problems] == [
        "d/a.dvc:9: odd",
        "d/a.dvc:7: out '../../evil' is refused: the path leaves the repository",
    ]


def test_metafiles_inside_an_out_are_not_seen(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "data.dvc": directory_out("data", ["x"]),
            "data/hidden.dvc": [*file_out("hidden"), Refusal(1, "not seen either")],
            "data/sub/hidden.dvc": file_out("hidden"),
            "database/seen.dvc": file_out("seen"),
        },
    )
    assert walk(snapshot).files == {"data/x": 1, "database/seen": 4}
    assert snapshot.problems == []


def test_a_metafile_that_is_not_seen_hides_nothing(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "a.dvc": directory_out("a", ["x"]),
            "a/b.dvc": directory_out("../c/d/e", ["y"]),
            "c/d/e/f.dvc": file_out("f"),
        },
    )
    assert walk(snapshot).files == {"a/x": 1, "c/d/e/f": 1}
