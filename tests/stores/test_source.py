"""What is uploaded is held to what was announced."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cvfs.errors import SourceChangedError
from cvfs.stores.source import md5_of, opened

DATA = bytes(range(256)) * 9000


@pytest.mark.parametrize("from_file", [False, True])
def test_pieces_are_the_whole(tmp_path: Path, from_file: bool) -> None:
    (tmp_path / "source").write_bytes(DATA)
    md5 = hashlib.md5(DATA).hexdigest()
    with opened(tmp_path / "source" if from_file else DATA, "upload", md5) as source:
        assert source.size == len(DATA)
        assert b"".join(iter(lambda: source.read(1_000_003), b"")) == DATA
        source.verify()


def test_other_md5() -> None:
    with opened(DATA, "the upload", hashlib.md5(b"other").hexdigest()) as source:
        source.read(len(DATA))
        with pytest.raises(SourceChangedError, match=r"the upload.*md5"):
            source.verify()


def test_what_grows_is_read_no_further_than_announced(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"1234")
    with opened(path, "upload", None) as source:
        os.truncate(path, 1000)
        assert source.read(1000) == b"1234"
        assert source.read(1000) == b""
        with pytest.raises(SourceChangedError, match="size"):
            source.verify()


def test_what_shrinks_is_noticed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    with opened(path, "upload", None) as source:
        os.truncate(path, 10)
        with pytest.raises(SourceChangedError, match="shorter"):
            source.read(len(DATA))


def test_md5_of_a_descriptor(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(DATA)
    with open(tmp_path / "source", "rb") as file:
        file.seek(100)
        assert md5_of(file.fileno()) == hashlib.md5(DATA).hexdigest()
