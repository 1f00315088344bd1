"""Trees of random outs, held against a plain dictionary that follows the rules word by word."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snapshot_trees import directory_out, file_out, make_segment, make_snapshot, md5_of, walk

from cvfs.metafiles.records import Record
from cvfs.model import Kind
from cvfs.snapshot.segment import Segment

# Few letters, so that paths meet; letters whose order as text, as UTF-8 and as paths differs.
NAMES = st.sampled_from(["a", "b", "a-", "ab", "B", "é", "\U0001f600", "\uffff", "\udcff"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
Tree = dict[str, object]

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def put(tree: Tree, path: str, leaf: object) -> bool:
    """Add a file, unless something is in the way."""
    *above, name = path.split("/")
    for component in above:
        if not isinstance(tree.get(component, {}), dict):
            return False
        tree = tree.setdefault(component, {})  # type: ignore[assignment]
    if name in tree:
        return False
    tree[name] = leaf
    return True


def tree_of(paths: list[str]) -> tuple[Tree, int]:
    """Return the tree of a directory out, and how many entries are refused."""
    tree: Tree = {}
    refused = 0
    for path in paths:
        probe = {**tree}
        refused += not put(probe, path, path) if blocked(tree, path) else not put(tree, path, path)
    return tree, refused


def blocked(tree: Tree, path: str) -> bool:
    """Tell whether a file lies on the way, so that adding ``path`` must not even make directories."""
    node: object = tree
    for component in path.split("/")[:-1]:
        node = node.get(component, {}) if isinstance(node, dict) else None
    return not isinstance(node, dict)


def segment_tree(segment: Segment, number: int) -> Tree:
    row = segment.row(number)
    children = range(row.first, row.first + row.count)
    names = [segment.name(child) for child in children]
    assert names == sorted(set(names))
    tree: Tree = {}
    for child, name in zip(children, names, strict=True):
        below = segment.row(child)
        assert below.parent == number
        assert segment.find(row.first, row.count, name) == child
        is_file = below.kind is Kind.FILE
        text = name.decode("utf-8", "surrogateescape")
        tree[text] = segment.recorded(child).md5 if is_file else segment_tree(segment, child)
    for absent in (b"", b"0", b"a,", b"c", b"\xff\xff"):
        assert segment.find(row.first, row.count, absent) is None
    return tree


def hashed(tree: Tree) -> Tree:
    return {name: hashed(node) if isinstance(node, dict) else md5_of(str(node)) for name, node in tree.items()}


@FEW
@given(st.lists(st.lists(PATHS, max_size=25), min_size=1, max_size=3))
def test_a_segment_is_the_tree_of_its_records(outs: list[list[str]]) -> None:
    records: list[Record] = []
    for number, paths in enumerate(outs):
        records += directory_out(f"out{number}", paths, number)
    with tempfile.TemporaryDirectory() as directory:
        segment = make_segment(Path(directory), records)
        expected = [tree_of(paths) for paths in outs]
        for number, (tree, _) in enumerate(expected):
            assert segment_tree(segment, number) == hashed(tree)
            out = segment.out(number)
            assert segment.totals(number) == (out.files, out.size)
        assert len(segment.refusals) == sum(refused for _, refused in expected)


OUTS = st.lists(st.tuples(PATHS, st.none() | st.lists(PATHS, max_size=6)), max_size=8)


def joined(outs: list[tuple[str, list[str] | None]]) -> dict[str, tuple[int, str]]:
    """Return size and md5 of every file that is to be shown."""
    tree: Tree = {}
    taken = set()
    order = sorted(
        range(len(outs)), key=lambda n: ([part.encode("utf-8", "surrogateescape") for part in outs[n][0].split("/")], n)
    )
    for number in order:
        path, files = outs[number]
        if path in taken or blocked(tree, path):
            continue
        taken.add(path)
        node = tree
        *above, name = path.split("/")
        for component in above:
            node = node.setdefault(component, {})  # type: ignore[assignment]
        node[name] = path if files is None else tree_of(files)[0]
    found: dict[str, tuple[int, str]] = {}
    todo = [("", tree)]
    while todo:
        above_path, node = todo.pop()
        for name, below in node.items():
            if isinstance(below, dict):
                todo.append((f"{above_path}{name}/", below))
            else:
                found[above_path + name] = (len(str(below)), md5_of(str(below)))
    return found


@FEW
@given(OUTS)
def test_a_snapshot_is_the_tree_of_its_outs(outs: list[tuple[str, list[str] | None]]) -> None:
    metafiles = {
        f"{number}.dvc": file_out(path) if files is None else directory_out(path, files)
        for number, (path, files) in enumerate(outs)
    }
    with tempfile.TemporaryDirectory() as directory:
        snapshot = make_snapshot(Path(directory), metafiles)
        shown = walk(snapshot)
        expected = joined(outs)
        assert shown.files == {path: size for path, (size, _) in expected.items()}
        assert snapshot.totals == (len(expected), sum(size for size, _ in expected.values()))
        for path, (_, md5) in expected.items():
            node = shown.nodes[path.encode("utf-8", "surrogateescape")]
            content = snapshot.content(node.ino)
            assert content.md5 == md5
            assert content.version is not None
            assert content.version.key == path
        for node in shown.nodes.values():
            if node.kind is Kind.DIRECTORY:
                whole = list(snapshot.children(node.ino))
                for position, (cookie, _) in enumerate(whole):
                    assert list(snapshot.children(node.ino, cookie)) == whole[position + 1 :]
