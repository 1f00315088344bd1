"""Listings of directories: what DVC writes and wrote, and what somebody may try."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc

import pytest

from cvfs.metafiles.listingfile import ListingError, read_listing
from cvfs.metafiles.records import FileRecord, Recorded, Refusal

MD5 = "0123456789abcdef" * 2


def read(text: str | bytes) -> list[FileRecord | Refusal]:
    return list(read_listing(io.BytesIO(text.encode() if isinstance(text, str) else text)))


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time, as a slow one may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, 3) if size and size > 0 else 3)


def test_what_dvc_writes() -> None:
    names = ["a", "deep/b", "ünï \U0001f600", 'q"uote', "x" * 200]
    text = json.dumps([{"md5": MD5, "relpath": name} for name in names], sort_keys=True)
    expected = [FileRecord(0, name, Recorded(md5=MD5), number) for number, name in enumerate(names, 1)]
    assert read(text) == expected
    assert list(read_listing(Dripping(text.encode()))) == expected


def test_old_listings_have_sizes_and_unknown_keys_are_passed_over() -> None:
    entry = {"md5": MD5.upper(), "relpath": "a", "size": 3, "isexec": True, "mtime": [1, {"x": None}]}
    assert read(json.dumps([entry])) == [FileRecord(0, "a", Recorded(md5=MD5, size=3, isexec=True), 1)]


def test_only_the_hash_of_nothing_tells_a_size() -> None:
    empty = hashlib.md5(b"").hexdigest()
    entries = [{"md5": empty, "relpath": "a"}, {"md5": MD5, "relpath": "b"}, {"md5": empty, "relpath": "c", "size": 5}]
    assert [record.recorded.size for record in read(json.dumps(entries))] == [0, None, 5]


def test_blanks_and_an_empty_list() -> None:
    assert read("[]") == read(" \n[ \t]\r\n ") == []
    assert len(read(f' [ {{"md5" : "{MD5}", "relpath": "a"}} , {{"md5":"{MD5}","relpath":"b"}} ] ')) == 2


def test_bytes_that_are_no_utf8_come_as_dvc_escapes_them() -> None:
    [record] = read(json.dumps([{"md5": MD5, "relpath": "caf\udce9"}]))
    assert record.relpath.encode("utf-8", "surrogateescape") == b"caf\xe9"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"md5": MD5}, "without a relpath"),
        ({"md5": MD5, "relpath": 7}, "without a relpath"),
        ({"relpath": "a"}, "no md5"),
        ({"relpath": "a", "md5": None}, "no md5"),
        ({"relpath": "a", "md5": f"{MD5}.dir"}, "no md5"),
        ({"relpath": "a", "md5": "../../etc/passwd"}, "not 32 hexadecimal digits"),
        ({"relpath": "a", "md5": 12}, "md5 is int"),
        ({"relpath": "a", "md5": MD5, "size": "3"}, "size is str"),
        ({"relpath": "a", "md5": MD5, "size": True}, "size is bool"),
        ({"relpath": "a", "md5": MD5, "size": -1}, "not a size"),
        ({"relpath": "a", "md5": MD5, "isexec": 1}, "isexec is int"),
    ],
)
def test_an_entry_of_no_use_is_refused_and_the_others_are_not(entry: dict[str, object], reason: str) -> None:
    good = {"md5": MD5, "relpath": "good"}
    refusal, record = read(json.dumps([entry, good]))
    assert isinstance(refusal, Refusal)
    assert (refusal.line, reason in refusal.reason) == (1, True)
    assert record == FileRecord(0, "good", Recorded(md5=MD5), 2)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{}", "null", "[", "[,]", "[1]", '["a"]', "[[]]", "[{}", "[{},]", "[{} {}]", "[{}]]", "[{}] x"),
        *("[{]", '[{"a"}]', "[{'a': 1}]", '[{"relpath": "' + "a" * 3_000_000 + '"}]', '[{"a": ' * 100_000),
        *('[{"a": ' + "[" * 100_000 + "]", b"\xff\xfe[]", b'[{"relpath": "\xff"}]', '[{"size": ' + "9" * 5000 + "}]"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_listing(text: str | bytes) -> None:
    with pytest.raises(ListingError):
        read(text)


def test_memory_does_not_grow_with_the_number_of_files() -> None:
    entry = f'{{"md5": "{MD5}", "relpath": "a/rather/long/name/for/a/file"}}'
    text = ("[" + ",".join([entry] * 100_000) + "]").encode()
    tracemalloc.start()
    try:
        file = io.BytesIO(text)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert sum(1 for _ in read_listing(file)) == 100_000
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
