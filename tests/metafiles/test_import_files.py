"""Metafiles of imports by URL: read, written as DVC writes them, and changed entry by entry."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from reading import FIXTURES

from cvfs.errors import MetafileError
from cvfs.metafiles.import_text import Downloaded, edit_import, new_import
from cvfs.metafiles.importfile import read_import
from cvfs.metafiles.records import Recorded
from cvfs.metafiles.stage_md5 import stage_md5

BY_DVC = sorted((FIXTURES / "r9").glob("*.dvc"))
BY_VERSION = [path for path in BY_DVC if b"version_aware" in path.read_bytes()]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and not set(name) & set("/\0")
)
VERSIONS = st.builds(
    Recorded,
    size=st.integers(0, 10**12),
    version_id=st.text("abc0189._-T:Z", min_size=1, max_size=30),
    etag=st.one_of(st.none(), st.text('"abcdef0189x-', min_size=1, max_size=30)),
)
DOWNLOADED = st.one_of(st.none(), st.builds(Downloaded, st.just("a" * 32 + ".dir"), st.integers(0, 99), st.just(3)))


def versions(data: bytes) -> dict[str, Recorded]:
    return {relpath: file.recorded for relpath, file in read_import(data).files.items()}


@pytest.mark.parametrize("path", BY_DVC, ids=lambda path: path.name)
def test_stage_md5_is_dvcs(path):
    assert path.read_bytes().startswith(f"md5: {stage_md5(path.read_bytes())}\n".encode())


def test_what_dvc_wrote_is_read():
    directory = read_import((FIXTURES / "r9/ds.dvc").read_bytes())
    assert (directory.url, directory.is_directory, directory.is_version_aware) == ("s3://src/ds", True, True)
    assert directory.out.path == "ds"
    assert directory.files["sub/b.txt"].recorded == Recorded(
        size=14, version_id="ede90c7c-3ac3-44eb-99ce-da734ac127f0", etag="7267df423f90d637be9a79c05ae6674e"
    )
    file = read_import((FIXTURES / "r9/one_plain.csv.dvc").read_bytes())
    assert (file.is_directory, file.is_version_aware, list(file.files)) == (False, False, [""])
    assert read_import((FIXTURES / "r1/data.dvc").read_bytes()) is None


@pytest.mark.parametrize("path", BY_VERSION, ids=lambda path: path.name)
def test_text_is_dvcs(path):
    data = path.read_bytes()
    read = read_import(data)
    recorded = read.out.recorded
    nfiles = 2 if read.is_directory else None
    downloaded = None if recorded.md5 is None else Downloaded(recorded.md5, recorded.size, nfiles)
    files = versions(data)
    assert new_import(read.url, read.out.path, files, is_directory=read.is_directory, downloaded=downloaded) == data
    assert edit_import(data, read, files, downloaded) == data


@given(
    st.dictionaries(NAMES, VERSIONS, min_size=1, max_size=5),
    st.dictionaries(NAMES, VERSIONS, min_size=1, max_size=5),
    DOWNLOADED,
    DOWNLOADED,
    st.booleans(),
)
def test_any_versions_read_back_and_can_be_changed_to_any_others(before, after, old, new, keeps):
    after = {**before, **after} if keeps else after
    data = new_import("s3://b/p q#", "out's", before, is_directory=True, downloaded=old)
    assert versions(data) == before
    changed = edit_import(data, read_import(data), after, new)
    assert versions(changed) == after
    read = read_import(changed)
    assert (read.url, read.out.path) == ("s3://b/p q#", "out's")
    assert (read.out.recorded.md5, read.out.recorded.size) == ((new.md5, new.size) if new else (None, None))
    assert changed.startswith(f"md5: {stage_md5(changed)}\n".encode())
    assert list(versions(changed)) == sorted(after)


def test_what_others_wrote_survives_a_change():
    data = (FIXTURES / "r9/ds.dvc").read_bytes()
    text = data.replace(b"deps:", b"# whence\r\ndeps:").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    text = text.replace(b"  path: ds\r\n", b"  path: ds\r\n  desc: mine\r\n") + b"meta:\r\n  a: 1\r\n"
    files = versions(text)
    changed = edit_import(text, read_import(text), {**files, "a.txt": Recorded(size=1, version_id="v", etag="e")}, None)
    assert changed.count(b"\r\n") == changed.count(b"\n")
    for kept in (b"# whence\r\n", b"  desc: mine\r\n", b"meta:\r\n  a: 1\r\n"):
        assert kept in changed
    assert b"nfiles" not in changed
    assert yaml.safe_load(changed)["deps"][0]["files"][0] == {
        "relpath": "a.txt",
        "etag": "e",
        "size": 1,
        "version_id": "v",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("deps:\n- hash: md5\nouts:\n- path: x\n", "a dependency without a path"),
        ("deps:\n- path: s3://b/x\n", "one dependency and one out"),
        ("deps:\n- path: s3://b/x\n  size: big\nouts:\n- path: x\n", "line 2: size 'big'"),
        ("deps:\n- path: s3://b\n  files:\n  - relpath: ../x\nouts:\n- path: x\n", "line 4: file '../x'"),
        ("deps:\n- path: s3://b\n  files:\n  - etag: x\nouts:\n- path: x\n", "a file without a relpath"),
        ("deps:\n- path: s3://b\n  files:\n  - relpath: a\n  - relpath: a\nouts:\n- path: x\n", "line 5: file 'a'"),
        ("deps: [\n", "not valid YAML"),
    ],
)
def test_imports_that_cannot_be_used(text, reason):
    with pytest.raises(MetafileError, match=reason):
        read_import(text.encode())


def test_options_and_other_kinds():
    text = b"deps:\n- path: s3://b/x\n  fs_config: {version_aware: true, endpointurl: http://h}\nouts:\n- path: x\n"
    assert read_import(text).options == {"endpointurl": "http://h"}
    other = read_import(b"deps:\n- path: y\n  repo: {url: z}\nouts:\n- path: x\n")
    assert "dvc import" in other.other_kind
