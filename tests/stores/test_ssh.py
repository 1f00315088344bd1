"""Ordinary remotes by SFTP, on the real OpenSSH server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.sshd import Sshd, run_sshd

from cvfs.errors import (
    CredentialsError,
    IntegrityError,
    RemoteError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.metafiles.config import Config, Level, parse_config
from cvfs.stores import ssh
from cvfs.stores.registry import open_store
from cvfs.stores.retry import RetryPolicy
from cvfs.stores.store import Store

DATA = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with run_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    files = tmp_path / "store"
    (files / "files/md5/ab").mkdir(parents=True)
    (files / "files/md5/ab/cdef").write_bytes(DATA)
    (files / "empty").write_bytes(b"")
    (files / "ü name").write_bytes(b"odd")
    return files


def store(url: str, **options: str | Path) -> Store:
    lines = ["['remote \"far\"']", f"    url = {url}", *(f"    {key} = {value}" for key, value in options.items())]
    remote = Config([parse_config("\n".join(lines), Level.LOCAL, ".dvc/config", "/nowhere/.dvc")]).remote("far")
    return open_store(remote, trusted=True, policy=RetryPolicy(attempts=1))


@pytest.fixture
def far(sshd: Sshd, directory: Path) -> Iterator[Store]:
    sshd.make_known(Path.home())
    opened = store(sshd.url(directory), keyfile=sshd.keyfile, allow_agent="false")
    yield opened
    opened.close()


def test_files_and_ranges(far: Store) -> None:
    assert far.read("files/md5/ab/cdef", None).data == DATA
    piece = far.read("files/md5/ab/cdef", None, 100_000, 500_000)
    assert (piece.data, piece.start, piece.stat.size) == (DATA[100_000:600_000], 100_000, len(DATA))
    assert far.read("files/md5/ab/cdef", None, len(DATA) - 3, 100).data == DATA[-3:]
    assert far.read("ü name", None).data == b"odd"
    assert [far.read("empty", None, 0, length).data for length in (None, 1)] == [b"", b""]
    assert far.stat("files/md5/ab/cdef").size == len(DATA)
    for start in (len(DATA), len(DATA) + 5):
        with pytest.raises(IntegrityError):
            far.read("files/md5/ab/cdef", None, start, 1)


@pytest.mark.parametrize("key", ["nothing", "files", "files/md5/ab/cdef/x", "../store/empty", "a//b"])
def test_what_is_no_file(far: Store, key: str) -> None:
    with pytest.raises(VersionNotFoundError):
        far.read(key, None)


def test_many_reads_at_once_use_one_connection(far: Store, sshd: Sshd) -> None:
    before = len(re.findall("Accepted publickey", sshd.log.read_text()))
    read_all = [far.read("files/md5/ab/cdef", None, start, 1000).data for start in range(0, 30_000, 1000)]
    assert b"".join(read_all) == DATA[:30_000]
    assert len(re.findall("Accepted publickey", sshd.log.read_text())) == before + 1


def test_a_server_that_nobody_knows_is_refused(sshd: Sshd, directory: Path) -> None:
    with pytest.raises(StoreError, match="nobody on this machine knows the server") as caught:
        store(sshd.url(directory), keyfile=sshd.keyfile).read("empty", None)
    assert "ssh-keyscan" in str(caught.value.hint)


def test_another_server_than_the_known_one_is_refused(sshd: Sshd, directory: Path, tmp_path: Path) -> None:
    sshd.make_known(Path.home())
    known = Path.home() / ".ssh/known_hosts"
    other = (sshd.keyfile.parent / "user_key.pub").read_text().split()[1]
    known.write_text(known.read_text().replace(sshd.host_key.split()[1], other))
    with pytest.raises(StoreError, match="another server than known_hosts says"):
        store(sshd.url(directory), keyfile=sshd.keyfile).read("empty", None)


def test_a_key_that_does_not_fit(sshd: Sshd, directory: Path) -> None:
    sshd.make_known(Path.home())
    with pytest.raises(CredentialsError, match="refuses the keys"):
        store(sshd.url(directory), keyfile=sshd.keyfile.parent / "host_key", allow_agent="false").read("empty", None)


def test_ssh_config_says_who_and_where(sshd: Sshd, directory: Path) -> None:
    sshd.make_known(Path.home())
    lines = ["Host far", "HostName 127.0.0.1", f"Port {sshd.port}", f"User {sshd.user}", f"IdentityFile {sshd.keyfile}"]
    (Path.home() / ".ssh/config").write_text("\n".join(lines))
    assert store(f"ssh://far{directory}", allow_agent="false").read("ü name", None).data == b"odd"


def test_nobody_listens() -> None:
    with pytest.raises(UnavailableError, match="no connection"):
        store("ssh://me@127.0.0.1:9/srv").read("a", None)


def test_without_the_library_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "_LIBRARY", False)
    with pytest.raises(RemoteError, match="another library") as caught:
        store("ssh://me@127.0.0.1:9/srv")
    assert "cvfs[ssh]" in str(caught.value.hint)
