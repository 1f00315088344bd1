from __future__ import annotations

import hashlib

from cvfs.metafiles.records import OutRecord, Refusal
from cvfs.snapshot.groups import GROUP, LARGE, Group, make_groups
from cvfs.snapshot.scan import Metafile


def metafile(name: str, stages: str | None = None, root: str = "") -> Metafile:
    return Metafile(name, hashlib.sha1(name.encode()).hexdigest(), stages, root)


def grouped(metafiles: list[Metafile], large: tuple[str, ...] = ()) -> list[Group]:
    return make_groups(metafiles, {m.oid: LARGE if m.path in large else LARGE - 1 for m in metafiles})


def test_a_large_metafile_is_alone() -> None:
    metafiles = [metafile(name) for name in ("a.dvc", "b.dvc", "c.dvc")]
    assert [[m.path for m in group.metafiles] for group in grouped(metafiles, large=("b.dvc",))] == [
        ["b.dvc"],
        ["a.dvc", "c.dvc"],
    ]


def test_nothing_is_lost_and_few_groups_are_made() -> None:
    metafiles = [metafile(f"{number}.dvc") for number in range(20 * GROUP)]
    groups = grouped(metafiles)
    assert [m for group in groups for m in group.metafiles] == metafiles
    assert 5 < len(groups) < 60


def test_a_change_leaves_the_other_groups_alone() -> None:
    metafiles = [metafile(f"{number:05}.dvc") for number in range(20 * GROUP)]
    before = {group.key for group in grouped(metafiles)}
    changed = [*metafiles[:1000], metafile("new"), *metafiles[1001:2000], *metafiles[2001:], metafile("last")]
    assert len({group.key for group in grouped(changed)} - before) <= 6


def test_the_key_says_what_the_segment_is_made_of() -> None:
    def key(*metafiles: Metafile) -> str:
        return Group(metafiles).key

    one = Metafile("a.dvc", "1" * 40, None, "")
    assert key(one) == key(Metafile("elsewhere/b.dvc", "1" * 40, None, "elsewhere"))
    others = [
        key(Metafile("a.dvc", "2" * 40, None, "")),
        key(Metafile("dvc.lock", "1" * 40, "3" * 40, "")),
        key(Metafile("dvc.lock", "1" * 40, "4" * 40, "")),
        key(one, one),
        key(),
    ]
    assert len({key(one), *others}) == 6


def test_records_of_both_kinds() -> None:
    group = Group((metafile("a.dvc"), metafile("p/dvc.lock", stages="5" * 40)))
    assert [path for path, _ in group.files] == ["a.dvc", "p/dvc.yaml", "p/dvc.lock"]
    assert group.blobs == [group.metafiles[0].oid, "5" * 40, group.metafiles[1].oid]
    contents = [
        b"outs:\n- path: a\n",
        b"stages:\n  bad: [x]\n  good:\n    cmd: x\n    outs: [o]\n",
        b"schema: '2.0'\nstages:\n  good:\n    outs:\n    - path: o\n",
    ]
    first, problems, lock = [list(records) for records in group.records(iter(contents))]
    assert [record.path for record in first if isinstance(record, OutRecord)] == ["a"]
    assert [type(record) for record in problems] == [Refusal]
    assert [record.path for record in lock if isinstance(record, OutRecord)] == ["o"]
