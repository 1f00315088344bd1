"""Finished uploads survive whatever ends a push."""

from __future__ import annotations

from pathlib import Path

import pytest

from cvfs.errors import WorkspaceError
from cvfs.pushing.journal import Journal, Uploaded


def upload(number: int, store: str = "s3://bucket") -> Uploaded:
    return Uploaded(store, f"key {number}\n", f"{number:032}", number, f"version {number}", None)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "tmp" / "cvfs" / "uploads.jsonl")


def found(journal: Journal, each: Uploaded) -> Uploaded | None:
    return journal.find(each.store, each.key, each.md5)


def test_an_upload_is_found_by_the_next_push(path):
    with Journal(path) as journal:
        journal.add(upload(1))
        assert found(journal, upload(1)) == upload(1)
    with Journal(path) as journal:
        assert found(journal, upload(1)) == upload(1)
        assert journal.find("s3://another", upload(1).key, upload(1).md5) is None
        assert journal.find(upload(1).store, upload(1).key, upload(2).md5) is None


@pytest.mark.parametrize("kept", range(0, 160, 7))
def test_half_a_line_is_the_upload_that_was_cut_off(path, kept):
    with Journal(path) as journal:
        journal.add(upload(1))
        journal.add(upload(2))
    with open(path, "rb+") as file:
        whole = file.read()
        first = whole.index(b"\n") + 1
        file.truncate(min(first + kept, len(whole) - 1))
    with Journal(path) as journal:
        assert found(journal, upload(1)) == upload(1)
        assert found(journal, upload(2)) is None
        journal.add(upload(3))
    with Journal(path) as journal:
        assert [found(journal, upload(number)) for number in (1, 3)] == [upload(1), upload(3)]


def test_a_damaged_line_costs_its_own_upload_only(path, caplog):
    with Journal(path) as journal:
        journal.add(upload(1))
    with open(path, "ab") as file:
        file.write(b"not json\n{}\n[1]\n")
    with Journal(path) as journal:
        journal.add(upload(2))
    with Journal(path) as journal:
        assert [found(journal, upload(number)) for number in (1, 2)] == [upload(1), upload(2)]
    assert "unreadable and was skipped" in caplog.text


def test_what_is_recorded_is_forgotten_and_the_rest_stays(path):
    with Journal(path) as journal:
        for number in range(4):
            journal.add(upload(number))
        journal.forget([upload(1), upload(3)])
        journal.add(upload(4))
    with Journal(path) as journal:
        assert [found(journal, upload(number)) is not None for number in range(5)] == [True, False, True, False, True]
        journal.forget([upload(0), upload(2), upload(4)])
    assert Path(path).read_bytes() == b""


def test_a_journal_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="journal of uploads"):
        Journal(str(tmp_path / "file" / "uploads.jsonl"))
