"""What every store promises: ``cvfs/stores/store.py``, paragraph by paragraph, on every store there is."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure_harness import AzureHarness
from gcs_harness import GcsHarness
from harness import HARNESSES, Harness, LocalHarness, S3Harness

from cvfs.errors import AccessDeniedError, CredentialsError, IntegrityError, VersionNotFoundError
from cvfs.stores.store import Versioning

AWKWARD = [
    *(
        "#",
        "a#b",
        "?",
        "a?b",
        "100%",
        "%20",
        "%2F",
        "a+b",
        "a&b",
        "a=b",
        "[1]",
        "*",
        "a:b",
        "back\\slash",
        "~",
        "@",
        "!",
    ),
    *(" lead", "trail ", "in side", "a..b", "..a", "a..", "...", ".hidden", "'q'", '"dq"', "|", "<x>", "{y}", "^", "`"),
    *("yes", "null", "1e3", "ünï", "e\u0301", "日本語/ファイル", "\U0001f600", "a\u2028b", "deep/er/and deeper/x"),
    *("tab\there", "bell\x07", "del\x7f", "new\nline", "cr\rx", "x" * 200, "version.cvfs-versions", "key"),
]

#: The stores that know whom they gave credentials to.
KNOWING_USERS = [name for name in HARNESSES if name.startswith(("s3", "azure")) or name == "gcs"]


def version_of(harness: Harness, key: str, data: bytes) -> str:
    version_id = harness.store.put(key, data).version_id
    assert version_id
    return version_id


def round_trip(harness: Harness, key: str) -> list[bytes]:
    first = version_of(harness, key, b"first of " + key.encode())
    second = version_of(harness, key, b"second")
    read = harness.store.read
    return [read(key, first).data, read(key, second).data, read(key, first, 1, 3).data]


def test_contract_any_name_has_versions(harness: Harness) -> None:
    names = [key for key in AWKWARD if not set(key) & set(harness.impossible)]
    assert len(names) > 40
    expected = {key: [b"first of " + key.encode(), b"second", b"irs"] for key in names}
    assert {key: round_trip(harness, key) for key in names} == expected


def test_contract_names_that_look_alike_are_different_objects(harness: Harness) -> None:
    names = ["a b", "a+b", "a%20b", "a%2520b", "A b", "a  b", "e\u0301", "é"]
    versions = {name: version_of(harness, name, name.encode()) for name in names}
    assert {name: harness.store.read(name, versions[name]).data for name in names} == {n: n.encode() for n in names}


def test_contract_piece_describes_the_whole_object(harness: Harness) -> None:
    stat = harness.store.put("a", b"0123456789")
    piece = harness.store.read("a", str(stat.version_id), 3, 4)
    assert (piece.data, piece.start) == (b"3456", 3)
    assert (piece.stat.size, piece.stat.version_id) == (10, stat.version_id)
    # Of some stores, the etag says nothing of the content.
    assert piece.stat.etag in {stat.etag, None}
    # DVC records Azure's with their quotes.
    assert ('"' in str(stat.etag)) == isinstance(harness, AzureHarness)


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 10, b"0123456789"),
        (0, 11, b"0123456789"),
        (0, 1 << 40, b"0123456789"),
        (0, 1, b"0"),
        (9, 1, b"9"),
        (9, 2, b"9"),
        (9, None, b"9"),
        (4, None, b"456789"),
        (4, 6, b"456789"),
        (4, 7, b"456789"),
        (4, 5, b"45678"),
    ],
)
def test_contract_ranges_are_cut_at_the_end(harness: Harness, start: int, length: int | None, expected: bytes) -> None:
    version = version_of(harness, "digits", b"0123456789")
    piece = harness.store.read("digits", version, start, length)
    assert (piece.data, piece.start, piece.stat.size) == (expected, start, 10)


@pytest.mark.parametrize(("start", "length"), [(10, None), (10, 1), (11, 5), (1 << 40, 1)])
def test_contract_range_beyond_the_end_is_an_error(harness: Harness, start: int, length: int | None) -> None:
    version = version_of(harness, "digits", b"0123456789")
    with pytest.raises(IntegrityError):
        harness.store.read("digits", version, start, length)


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, 0), (3, 0), (0, -1)])
def test_contract_what_is_no_range_is_the_callers_mistake(harness: Harness, start: int, length: int | None) -> None:
    version = version_of(harness, "digits", b"0123456789")
    with pytest.raises(ValueError, match="not a range"):
        harness.store.read("digits", version, start, length)


@pytest.mark.parametrize("length", [None, 1, 4096])
def test_contract_empty_object(harness: Harness, length: int | None) -> None:
    version = version_of(harness, "empty", b"")
    piece = harness.store.read("empty", version, 0, length)
    assert (piece.data, piece.start, piece.stat.size) == (b"", 0, 0)


def test_contract_empty_object_has_nothing_behind_its_start(harness: Harness) -> None:
    version = version_of(harness, "empty", b"")
    with pytest.raises(IntegrityError):
        harness.store.read("empty", version, 1, 1)


def test_contract_large_object(harness: Harness, tmp_path: Path) -> None:
    source = tmp_path / "large"
    data = os.urandom(1 << 20) * 20 + b"end"
    source.write_bytes(data)
    stat = harness.store.put("large", source)
    version = str(stat.version_id)
    assert stat.size == len(data)
    assert harness.store.read("large", version).data == data
    border = 16 << 20
    assert harness.store.read("large", version, border - 5, 10).data == data[border - 5 : border + 5]
    assert harness.store.read("large", version, len(data) - 3).data == b"end"
    assert harness.store.stat("large", version).size == len(data)


def test_contract_overwritten_object(harness: Harness) -> None:
    old = version_of(harness, "a", b"old")
    new = version_of(harness, "a", b"newer")
    assert harness.store.read("a", old).data == b"old"
    assert harness.store.stat("a", old).size == 3
    assert harness.store.stat("a").version_id == new
    assert harness.store.stat("a").size == 5


def test_contract_equal_content_makes_a_version_of_its_own(harness: Harness) -> None:
    first, second = version_of(harness, "a", b"same"), version_of(harness, "a", b"same")
    assert first != second
    assert harness.store.stat("a").version_id == second


def test_contract_deleted_object_keeps_its_versions(harness: Harness) -> None:
    version = version_of(harness, "a", b"kept")
    harness.delete("a")
    assert harness.store.read("a", version).data == b"kept"
    assert harness.store.stat("a", version).size == 4
    with pytest.raises(VersionNotFoundError):
        harness.store.stat("a")
    again = version_of(harness, "a", b"again")
    assert harness.store.stat("a").version_id == again


def test_contract_expired_version_is_not_found(harness: Harness) -> None:
    gone, kept = version_of(harness, "a", b"gone"), version_of(harness, "a", b"kept")
    harness.expire("a", gone)
    with pytest.raises(VersionNotFoundError):
        harness.store.read("a", gone)
    with pytest.raises(VersionNotFoundError):
        harness.store.stat("a", gone)
    assert harness.store.read("a", kept).data == b"kept"


def test_contract_unknown_version_is_not_found(harness: Harness) -> None:
    version_of(harness, "a", b"x")
    for version_id in (harness.absent_version, "../key", "x" * 200):
        with pytest.raises(VersionNotFoundError):
            harness.store.read("a", version_id)


def test_contract_version_of_another_key_is_not_found(harness: Harness) -> None:
    version = version_of(harness, "a", b"x")
    version_of(harness, "b", b"y")
    with pytest.raises(VersionNotFoundError):
        harness.store.read("b", version)


def test_contract_unknown_key_is_not_found(harness: Harness) -> None:
    version = version_of(harness, "a", b"x")
    for key in ("b", "a/b", "no\udcffutf-8"):
        with pytest.raises(VersionNotFoundError):
            harness.store.read(key, version)


def test_contract_missing_place_is_not_found(harness: Harness) -> None:
    with pytest.raises(VersionNotFoundError):
        harness.misplaced().read("a", harness.absent_version)


@pytest.mark.parametrize("harness", ["local", "s3", "azure", "gcs"], indirect=True)
def test_contract_refused_read_is_denied(harness: LocalHarness | S3Harness | AzureHarness | GcsHarness) -> None:
    version = version_of(harness, "a", b"x")
    with harness.refused() as store, pytest.raises(AccessDeniedError) as caught:
        store.read("a", version)
    assert version in str(caught.value)


@pytest.mark.parametrize("harness", KNOWING_USERS, indirect=True)
def test_contract_wrong_credentials_are_told_from_a_refusal(harness: S3Harness | AzureHarness | GcsHarness) -> None:
    version = version_of(harness, "a", b"x")
    with pytest.raises(CredentialsError) as caught:
        harness.stranger().read("a", version)
    assert "EXAMPLE" not in str(caught.value)


def test_contract_errors_name_store_key_and_version(harness: Harness) -> None:
    with pytest.raises(VersionNotFoundError) as caught:
        harness.store.read("dir/a b", harness.absent_version)
    for part in (harness.store.url, "dir/a b", harness.absent_version):
        assert part in str(caught.value)


def test_contract_many_threads_read_at_once(harness: Harness) -> None:
    data = os.urandom(100_000)
    version = version_of(harness, "a", data)
    small = {f"small/{number}": version_of(harness, f"small/{number}", str(number).encode()) for number in range(8)}

    def read(number: int) -> bool:
        key = f"small/{number % 8}"
        part = harness.store.read("a", version, number * 1000, 1000).data == data[number * 1000 : number * 1000 + 1000]
        return part and harness.store.read(key, small[key]).data == str(number % 8).encode()

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(read, range(100)))


def test_contract_writers_at_once_get_versions_of_their_own(harness: Harness) -> None:
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(lambda number: version_of(harness, "a", b"%d" % number), range(16)))
    assert len(set(versions)) == 16
    assert [harness.store.read("a", version).data for version in versions] == [b"%d" % n for n in range(16)]
    assert harness.store.stat("a").version_id in versions


@pytest.mark.parametrize("harness", [name for name in HARNESSES if not name.startswith("azure")], indirect=True)
def test_contract_store_keeps_versions_and_can_be_asked(harness: Harness) -> None:
    assert harness.store.versioning() is Versioning.ON
    harness.store.enable_versioning()
    assert harness.store.versioning() is Versioning.ON


def test_contract_key_of_a_store_is_part_of_its_full_key(harness: Harness) -> None:
    assert harness.store.full_key("dir/a").endswith("dir/a")
    harness.store.put("a", b"x")
    harness.store.check()


def test_contract_current_object_is_read_without_a_version(harness: Harness) -> None:
    version_of(harness, "a", b"old")
    newest = version_of(harness, "a", b"newer")
    piece = harness.store.read("a", None)
    assert (piece.data, piece.start, piece.stat.size) == (b"newer", 0, 5)
    assert piece.stat.version_id in {newest, None}
    assert harness.store.read("a", None, 1, 2).data == b"ew"
    assert harness.store.read("a", None, 3, 100).data == b"er"


@pytest.mark.parametrize("length", [None, 1, 4096])
def test_contract_current_object_may_be_empty(harness: Harness, length: int | None) -> None:
    version_of(harness, "empty", b"")
    assert harness.store.read("empty", None, 0, length).data == b""


def test_contract_current_object_that_is_not_there_is_not_found(harness: Harness) -> None:
    version_of(harness, "a", b"deleted later")
    harness.delete("a")
    for key in ("a", "a/b", "never"):
        with pytest.raises(VersionNotFoundError):
            harness.store.read(key, None)
    version_of(harness, "a", b"0123456789")
    with pytest.raises(IntegrityError):
        harness.store.read("a", None, 10, 1)
