from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_trees import directory_out, file_out, make_snapshot, md5_of, out_record, recorded, unlisted_out, walk

from cvfs.errors import NotInSnapshotError, UnlistedError
from cvfs.metafiles.records import FileRecord, Recorded, Source
from cvfs.model import Content, Kind, Version


def problems(snapshot: object) -> list[str]:
    return [str(problem) for problem in snapshot.problems]  # type: ignore[attr-defined]


def test_outs_appear_where_their_metafiles_say(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "data.dvc": directory_out("data", ["x/y", "z"]),
            "deep/er/model.bin.dvc": file_out("model.bin"),
            "deep/pipeline/dvc.lock": [*file_out("../out.txt"), *directory_out("wdir/./a/../b", ["f"], number=1)],
        },
    )
    shown = walk(snapshot)
    assert shown.files == {
        "data/x/y": 3,
        "data/z": 1,
        "deep/er/model.bin": 9,
        "deep/out.txt": 10,
        "deep/pipeline/wdir/b/f": 1,
    }
    assert shown.directories == {
        "",
        "data",
        "data/x",
        "deep",
        "deep/er",
        "deep/pipeline",
        "deep/pipeline/wdir",
        "deep/pipeline/wdir/b",
    }
    assert snapshot.totals == (5, 24)
    assert snapshot.problems == []


def test_nothing_at_all(tmp_path: Path) -> None:
    snapshot = make_snapshot(tmp_path, {})
    assert walk(snapshot).directories == {""}
    assert snapshot.totals == (0, 0)
    assert snapshot.lookup(1, b"a") is None


def test_inodes_are_the_same_whenever_the_index_is_made(tmp_path: Path) -> None:
    metafiles = {
        "a.dvc": directory_out("a", ["x", "y/z"]),
        "b/b.dvc": file_out("b"),
        "c.dvc": directory_out("c", ["x"]),
    }
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        shown = walk(make_snapshot(tmp_path / name, metafiles))
        found.append({path: node.ino for path, node in shown.nodes.items()})
    assert found[0] == found[1]


def test_what_is_asked_for_by_a_wrong_number(tmp_path: Path) -> None:
    snapshot = make_snapshot(tmp_path, {"a.dvc": directory_out("a", ["x"]), "b.dvc": file_out("b")})
    inos = {node.ino for node in walk(snapshot).nodes.values()}
    for ino in {-1, 0, *range(1, 20), 2**63} - inos:
        assert snapshot.node(ino) is None
        assert snapshot.lookup(ino, b"x") is None
        for ask in (snapshot.path, snapshot.content, snapshot.source, snapshot.git_blob, snapshot.children):
            with pytest.raises(NotInSnapshotError):
                ask(ino)
    directory = snapshot.resolve(b"a")
    file = snapshot.resolve(b"a/x")
    assert directory is not None
    assert file is not None
    with pytest.raises(NotInSnapshotError):
        snapshot.content(directory.ino)
    with pytest.raises(NotInSnapshotError):
        snapshot.children(file.ino)
    for path in (b"nope", b"a/nope", b"a/x/nope", b"a//x", b"./a", b"a/../a"):
        assert snapshot.resolve(path) is None
    assert snapshot.resolve(b"/a/x/") == file


def test_contents(tmp_path: Path) -> None:
    entry = recorded("f", 4, isexec=True, etag="e")
    snapshot = make_snapshot(
        tmp_path,
        {
            "sub/repo/d/data.dvc": [
                FileRecord(0, "x/é", entry, 3),
                FileRecord(0, "unpushed", recorded("u", version_id=None, remote=None), 4),
                out_record("data", Kind.DIRECTORY, Recorded(), remote="mine"),
            ],
            "old.dvc": [out_record("old", Kind.FILE, recorded("old", None), legacy=True)],
            "local.dvc": [out_record("local", Kind.FILE, Recorded(), source=Source.UNPUSHED)],
        },
        roots=("", "sub/repo"),
    )

    def content(path: str) -> Content:
        node = snapshot.resolve(path.encode())
        assert node is not None
        assert node.executable == (path == "sub/repo/d/data/x/é")
        return snapshot.content(node.ino)

    version = Version("up", "d/data/x/é", "v-f", "e")
    assert content("sub/repo/d/data/x/é") == Content(4, md5_of("f"), None, version, "sub/repo", "mine")
    assert content("sub/repo/d/data/unpushed") == Content(1, md5_of("u"), None, None, "sub/repo", "mine")
    assert content("old") == Content(None, None, md5_of("old"), Version("up", "old", "v-old"))
    assert content("local") == Content(None, None, None, None)
    local = snapshot.resolve(b"local")
    assert local is not None
    assert snapshot.source(local.ino) is Source.UNPUSHED
    assert snapshot.git_blob(local.ino) is None


def test_a_directory_without_a_listing_never_looks_empty(tmp_path: Path) -> None:
    snapshot = make_snapshot(tmp_path, {"u.dvc": unlisted_out("u"), "v/in.dvc": file_out("../u/in")})
    node = snapshot.resolve(b"u")
    assert node is not None
    assert node.kind is Kind.UNLISTED
    with pytest.raises(UnlistedError, match=f"u is a directory .* {md5_of('u')}.dir"):
        snapshot.children(node.ino)
    inside = snapshot.resolve(b"u/in")
    assert inside is not None
    assert snapshot.path(inside.ino) == b"u/in"
    assert snapshot.totals == (1, len("../u/in"))


def test_two_outs_of_the_same_path(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path, {"b.dvc": directory_out("same", ["b"], line=5), "a.dvc": [*file_out("same"), *file_out("same", 1, 3)]}
    )
    assert walk(snapshot).files == {"same": 4}
    assert problems(snapshot) == [
        "a.dvc:3: out 'same' is refused: a.dvc has an out of the same path",
        "b.dvc:5: out 'same' is refused: a.dvc has an out of the same path",
    ]
    assert snapshot.totals == (1, 4)


def test_an_out_inside_another_is_merged_and_wins(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "a.dvc": directory_out("a", ["a", "d/e/f", "d/x", "m", "over/1", "over/2", "z"]),
            "b/1.dvc": directory_out("../a/d/new/er", ["n"]),
            "b/2.dvc": file_out("../a/m"),
            "b/3.dvc": directory_out("../a/over", ["mine"]),
            "b/4.dvc": file_out("../a/d/e/ff"),
        },
    )
    assert walk(snapshot).files == {
        "a/a": 1,
        "a/d/e/f": 5,
        "a/d/e/ff": 11,
        "a/d/new/er/n": 1,
        "a/d/x": 3,
        "a/m": 6,
        "a/over/mine": 4,
        "a/z": 1,
    }
    assert snapshot.totals == (8, 32)
    assert snapshot.problems == []


def test_an_out_below_a_file_is_refused(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "a.dvc": file_out("a"),
            "d.dvc": directory_out("d", ["f"]),
            "x/1.dvc": file_out("../a/b/c"),
            "x/2.dvc": directory_out("../d/new/../f/g", ["h"], line=2),
        },
    )
    shown = walk(snapshot)
    assert shown.files == {"a": 1, "d/f": 1}
    assert shown.directories == {"", "d"}
    assert problems(snapshot) == [
        "x/1.dvc:1: out 'a/b/c' is refused: it lies below a file, which a.dvc has as an out",
        "x/2.dvc:2: out 'd/f/g' is refused: it lies below the file 'f' of another out",
    ]
    assert snapshot.totals == (2, 2)


def test_a_listing_can_be_gone_on_from_anywhere(tmp_path: Path) -> None:
    snapshot = make_snapshot(
        tmp_path,
        {
            "a.dvc": directory_out("a", [f"{n:03}" for n in range(0, 40, 2)]),
            "b.dvc": [r for n in range(0, 40, 3) for r in file_out(f"a/{n:03}", number=n)],
        },
    )
    directory = snapshot.resolve(b"a")
    assert directory is not None
    for ino, count in ((1, 1), (directory.ino, 27)):
        whole = list(snapshot.children(ino))
        assert len(whole) == count
        for position, (cookie, _) in enumerate(whole):
            assert list(snapshot.children(ino, cookie)) == whole[position + 1 :]
        cookies = [cookie for cookie, _ in whole]
        assert cookies == sorted(set(cookies))
        assert cookies[0] > 0
