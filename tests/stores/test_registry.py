"""Which remotes may have a file, and how a remote becomes a store."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cvfs.errors import ConfigError, RemoteError, StoreError, TrustError, VersionNotFoundError
from cvfs.metafiles.config import Config, Level, parse_config
from cvfs.model import Addressing
from cvfs.stores.memory import MemoryStore
from cvfs.stores.registry import RemoteSet, open_store


def config(text: str, level: Level = Level.LOCAL) -> Config:
    return Config([parse_config(text, level, ".dvc/config", "/nowhere/.dvc")])


THREE = """
[core]
    remote = Main
['remote "main"']
    url = s3://bucket/main
['remote "old"']
    url = s3://bucket/old
['remote "Special"']
    url = s3://bucket/special
"""


def remotes(text: str = THREE, **more: object) -> RemoteSet:
    return RemoteSet({"": config(text)}, trusted=True, **more)


@pytest.mark.parametrize(
    ("recorded", "of_out", "expected"),
    [
        (None, None, ["main"]),
        ("old", None, ["old", "main"]),
        ("OLD", "special", ["old", "special", "main"]),
        (None, "Special", ["special", "main"]),
        ("renamed", None, ["main"]),
        ("renamed", "gone", ["main"]),
        ("main", "Main", ["main"]),
        ("special", "old", ["special", "old", "main"]),
    ],
)
def test_candidates(recorded: str | None, of_out: str | None, expected: list[str]) -> None:
    assert remotes().candidates("", recorded, of_out) == expected


def test_no_candidate_is_told_with_what_there_is() -> None:
    without_default = THREE.replace("remote = Main", "")
    with pytest.raises(RemoteError, match="no default remote") as caught:
        remotes(without_default).candidates("", None, None)
    assert "main, old, special" in str(caught.value.hint)
    with pytest.raises(RemoteError, match="no remote 'gone'"):
        remotes(without_default).candidates("", "gone", None)
    with pytest.raises(RemoteError, match="no remote 'gone', 'main'") as caught:
        remotes("[core]\n remote = main\n").candidates("", "gone", None)
    assert "none" in str(caught.value.hint)


def test_each_root_has_remotes_of_its_own() -> None:
    other = "[core]\n remote = main\n['remote \"main\"']\n url = s3://other\n"
    opened = []

    def open_one(remote, *, trusted):
        opened.append((remote.url, trusted))
        return MemoryStore()

    both = RemoteSet({"": config(THREE), "sub": config(other)}, trusted=False, open_store=open_one)
    assert both.store("", "main") is not both.store("sub", "main")
    assert opened == [("s3://bucket/main", False), ("s3://other", False)]
    with pytest.raises(RemoteError, match="'sub'"):
        RemoteSet({"sub": config("")}, trusted=False).candidates("sub", None, None)


def test_store_is_made_once_however_many_ask() -> None:
    opened, gate = [], threading.Event()

    def open_slowly(remote, *, trusted):
        opened.append(remote.name)
        assert gate.wait(30)
        return MemoryStore()

    several = remotes(open_store=open_slowly)
    with ThreadPoolExecutor(8) as threads:
        stores = [threads.submit(several.store, "", name) for name in ("main", "MAIN") * 4]
        gate.set()
        assert len({id(store.result()) for store in stores}) == 1
    assert opened == ["main"]


def test_failure_to_make_a_store_is_remembered() -> None:
    tries = []

    def fail(remote, *, trusted):
        tries.append(remote.name)
        raise RemoteError("cannot", hint="do something")

    failing = remotes(open_store=fail)
    for _ in range(3):
        with pytest.raises(RemoteError, match="cannot") as caught:
            failing.store("", "main")
        assert caught.value.hint == "do something"
    assert tries == ["main"]
    failing.close()


def test_close_closes_what_was_made() -> None:
    closed = []

    class Closing(MemoryStore):
        def close(self) -> None:
            closed.append(self.url)

    several = remotes(open_store=lambda remote, *, trusted: Closing(remote.name))
    several.store("", "main")
    several.store("", "old")
    several.close()
    assert closed == ["memory://main", "memory://old"]


def remote(url: str, options: str = "", level: Level = Level.LOCAL):
    lines = "".join(f"    {line}\n" for line in (f"url = {url}", *options.split(";")))
    return config(f"['remote \"up\"']\n{lines}", level).remote("up")


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_versioned_directory(tmp_path: Path, form: str) -> None:
    store = open_store(remote(form.format(tmp_path / "store"), "version_aware = true"), trusted=False)
    stat = store.put("a", b"x")
    assert store.read("a", str(stat.version_id)).data == b"x"
    assert (tmp_path / "store" / "a").read_bytes() == b"x"
    assert store.url == f"file://{tmp_path}/store"


def test_s3() -> None:
    options = "endpointurl = http://127.0.0.1:9;access_key_id = a;secret_access_key = b"
    store = open_store(remote("s3://bucket/base", options), trusted=False)
    assert store.url == "s3://bucket/base at http://127.0.0.1:9"
    assert store.full_key("a") == "base/a"


def test_azure() -> None:
    store = open_store(remote("azure://container/base", "account_name = acc;account_key = c2VjcmV0"), trusted=False)
    assert store.url == "azure://container/base at https://acc.blob.core.windows.net"
    assert store.full_key("a") == "base/a"


def test_remote_that_is_not_supported() -> None:
    with pytest.raises(RemoteError, match="not supported yet: hdfs") as caught:
        open_store(remote("hdfs://host/path"), trusted=False)
    assert "'up'" in caught.value.message


@pytest.mark.parametrize("url", ["{}", "file://{}"])
def test_ordinary_directory_is_only_read(tmp_path: Path, url: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_bytes(b"0123456789")
    store = open_store(remote(url.format(tmp_path)), trusted=False)
    store.check()
    assert (store.url, store.full_key("files/a")) == (f"file://{tmp_path}", f"{tmp_path}/files/a")
    assert (store.read("files/a", None, 3, 4).data, store.stat("files/a").size) == (b"3456", 10)
    for key in ("files", "nothing", "files/a/b"):
        with pytest.raises(VersionNotFoundError):
            store.read(key, None)
    with pytest.raises(VersionNotFoundError, match="no versions"):
        store.read("files/a", "v1")
    with pytest.raises(StoreError, match="only reads"):
        store.put("files/b", b"x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "files"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", Addressing.HASHES),
        ("version_aware = false", Addressing.HASHES),
        ("version_aware = true", Addressing.VERSIONS),
        ("worktree = true", Addressing.WORKTREE),
    ],
)
def test_how_contents_are_found_is_what_the_configuration_says(options: str, expected: Addressing) -> None:
    text = f"['remote \"up\"']\n    url = s3://bucket\n    {options}\n"
    assert remotes(text).addressing("", "UP") is expected


def test_what_a_repository_says_needs_the_users_word() -> None:
    hostile = remote("s3://bucket", "endpointurl = http://127.0.0.1:9", Level.COMMIT)
    with pytest.raises(TrustError, match="endpointurl"):
        open_store(hostile, trusted=False)
    assert open_store(hostile, trusted=True).url.endswith("127.0.0.1:9")


def test_wrong_option_is_told_with_its_file() -> None:
    with pytest.raises(ConfigError, match=r"\.dvc/config.*use_ssl"):
        open_store(remote("s3://bucket", "use_ssl = perhaps"), trusted=False)


def test_no_sdk_is_loaded_before_a_remote_needs_it() -> None:
    code = "import sys, cvfs.stores.registry; print({'azure', 'boto3', 'botocore', 'obstore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
