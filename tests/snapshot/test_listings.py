"""Directories known by the hash of their listing: shown with their files, as soon as somebody brings the listing."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from repositories import GitRepository
from snapshot_trees import walk

from cvfs.errors import UnlistedError
from cvfs.git import Repository
from cvfs.metafiles.records import Source
from cvfs.model import Content, Kind
from cvfs.snapshot import Snapshot, open_snapshot

CONFIG = "[core]\n    remote = up\n"


def md5_of(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def listing(*names: str, **more: object) -> str:
    return json.dumps([{"md5": md5_of(name), "relpath": name, **more} for name in names])


def metafile(text: str, path: str = "data", *more: str) -> str:
    lines = "".join(f"  {line}\n" for line in (f"path: {path}", "hash: md5", *more))
    return f"outs:\n- md5: {md5_of(text)}.dir\n  nfiles: 3\n{lines}"


class Bringing:
    """Brings what it was given, by md5, and notes what was asked."""

    def __init__(self, *texts: str) -> None:
        self.texts = {md5_of(text): text for text in texts}
        self.asked: list[tuple[str, bool, str | None, str]] = []
        self.refused: list[str] = []
        self.configs: Mapping[str, str] = {}

    def bring(self, commit, wanted):
        self.configs = commit.config_blobs
        self.asked += [(each.md5, each.legacy, each.remote, each.root) for each in wanted]
        for each in wanted:
            if each.md5 in self.texts:
                yield each, io.BytesIO(self.texts[each.md5].encode())

    def refuse(self, wanted, reason) -> None:
        self.refused.append(reason)


@pytest.fixture
def repository(make_repository: Callable[[str], GitRepository]) -> GitRepository:
    return make_repository("repository")


@pytest.fixture
def show(repository: GitRepository, tmp_path: Path) -> Callable[..., Snapshot]:
    def opened(listings: Bringing | None = None, revision: str = "HEAD") -> Snapshot:
        opening = Repository.open(str(repository.path), os.environ)
        return open_snapshot(opening, revision, str(tmp_path / "index"), listings)

    return opened


def files(snapshot: Snapshot) -> set[bytes]:
    return {path for path, node in walk(snapshot).nodes.items() if node.kind is Kind.FILE}


def test_listing_hangs_where_the_out_is(repository: GitRepository, show: Callable[..., Snapshot]) -> None:
    text = listing("a", "deep/b")
    repository.commit("one", {"in/data.dvc": metafile(text), ".dvc/config": CONFIG})
    bringing = Bringing(text)
    snapshot = show(bringing)
    assert files(snapshot) == {b"in/data/a", b"in/data/deep/b"}
    assert bringing.asked == [(md5_of(text), False, None, "")]
    assert bringing.configs == {"": CONFIG}
    node = snapshot.resolve(b"in/data/deep/b")
    assert node.size is None
    assert snapshot.content(node.ino) == Content(None, md5_of("deep/b"), None, None)
    assert snapshot.path(node.ino) == b"in/data/deep/b"
    assert snapshot.totals == (2, 0)
    assert snapshot.problems == []
    assert snapshot.recorded(snapshot.resolve(b"in/data").ino).md5 == md5_of(text)


def test_without_the_listing_it_never_looks_empty(repository: GitRepository, show: Callable[..., Snapshot]) -> None:
    text = listing("a")
    repository.commit("one", {"data.dvc": metafile(text), ".dvc/config": CONFIG})
    for listings in (None, Bringing()):
        snapshot = show(listings)
        node = snapshot.resolve(b"data")
        assert node.kind is Kind.UNLISTED
        with pytest.raises(UnlistedError):
            list(snapshot.children(node.ino))
    assert files(show(Bringing(text))) == {b"data/a"}


def test_what_was_brought_once_is_never_asked_for_again(
    repository: GitRepository, show: Callable[..., Snapshot]
) -> None:
    text = listing("a", "b")
    one = repository.commit("one", {"data.dvc": metafile(text), ".dvc/config": CONFIG})
    repository.commit("two", {"data.dvc": "# moved\n" + metafile(text), "copy.dvc": metafile(text, "copy")})
    first = show(Bringing(text), one)
    again = Bringing()
    second = show(again)
    assert again.asked == []
    assert files(second) == {b"copy/a", b"copy/b", b"data/a", b"data/b"}
    assert files(show()) == files(second)
    here, there = first.resolve(b"data"), second.resolve(b"copy")
    assert first.surely_equals(here.ino, second, there.ino)
    assert len({second.resolve(path).ino for path in (b"data/a", b"copy/a", b"data/b", b"copy/b")}) == 4
    assert [second.path(second.resolve(path).ino) for path in (b"data/b", b"copy/b")] == [b"data/b", b"copy/b"]


def test_inodes_are_the_same_after_every_opening(repository: GitRepository, show: Callable[..., Snapshot]) -> None:
    text = listing("a", "b")
    repository.commit("one", {"data.dvc": metafile(text), "z.dvc": metafile(listing("c"), "z"), ".dvc/config": CONFIG})
    once, again = walk(show(Bringing(text))), walk(show())
    assert once.nodes == again.nodes


def test_legacy_hash_and_remote_of_the_out_hold_for_its_files(
    repository: GitRepository, show: Callable[..., Snapshot]
) -> None:
    text = listing("a", size=7, isexec=True)
    legacy = metafile(text, "data", "remote: Other").replace("  hash: md5\n", "")
    repository.commit("one", {"sub/data.dvc": legacy, "sub/.dvc/config": CONFIG})
    bringing = Bringing(text)
    snapshot = show(bringing)
    assert bringing.asked == [(md5_of(text), True, "other", "sub")]
    node = snapshot.resolve(b"sub/data/a")
    assert (node.size, node.executable) == (7, True)
    assert snapshot.content(node.ino) == Content(7, None, md5_of("a"), None, "sub", "other")
    assert snapshot.terms(node.ino).source is Source.REMOTE


def test_out_inside_a_listed_directory_is_merged_into_it(
    repository: GitRepository, show: Callable[..., Snapshot]
) -> None:
    text = listing("a", "deep/b")
    inner = f"outs:\n- md5: {md5_of('inner')}\n  size: 5\n  hash: md5\n  path: data/deep/c\n"
    repository.commit("one", {"data.dvc": metafile(text), "inner.dvc": inner, ".dvc/config": CONFIG})
    assert files(show(Bringing(text))) == {b"data/a", b"data/deep/b", b"data/deep/c"}


def test_hostile_entries_are_refused_and_the_others_are_not(
    repository: GitRepository, show: Callable[..., Snapshot]
) -> None:
    text = listing("../evil", "/etc/passwd", "a", "a", "a/b", "x//y", ".", "", ".git/config", "good/file")
    repository.commit("one", {"data.dvc": metafile(text), ".dvc/config": CONFIG})
    snapshot = show(Bringing(text))
    assert files(snapshot) == {b"data/a", b"data/good/file"}
    assert {(problem.path, problem.line) for problem in snapshot.problems} == {("data.dvc", 2)}
    reasons = "\n".join(problem.reason for problem in snapshot.problems)
    assert len(snapshot.problems) == 8
    assert "the listing of 'data', entry 1: '../evil' is refused" in reasons
    assert "earlier entry has this name" in reasons
    assert show().problems == snapshot.problems


@pytest.mark.parametrize("text", ["", "{}", '[{"md5": 1', "[1]"])
def test_what_is_no_listing_is_told_and_not_shown(
    repository: GitRepository, show: Callable[..., Snapshot], text: str
) -> None:
    repository.commit("one", {"data.dvc": metafile(text), ".dvc/config": CONFIG})
    bringing = Bringing(text)
    assert show(bringing).resolve(b"data").kind is Kind.UNLISTED
    assert len(bringing.refused) == 1


def test_empty_directory(repository: GitRepository, show: Callable[..., Snapshot]) -> None:
    repository.commit("one", {"data.dvc": metafile("[]"), ".dvc/config": CONFIG})
    snapshot = show(Bringing("[]"))
    assert list(snapshot.children(snapshot.resolve(b"data").ino)) == []
