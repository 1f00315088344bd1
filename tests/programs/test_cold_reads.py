"""Readers of files that are in no cache, while the store is slow to answer: who waits for whom, and who does not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import publishing
import pytest
from accounts import Account
from command import Shell
from leftovers import wait_until
from repositories import GitRepository
from servers.observed_s3 import ObservedS3

from cvfs.stores.store import Stat

BUCKET = "cold-reads"

#: For what takes a fraction of a second, on a machine that is busy with other things.
SOON_S = 30.0

MANY = 200


class Uploads:
    """Puts objects into the bucket, below the prefix of the remote."""

    def __init__(self, s3: ObservedS3) -> None:
        self.client = s3.client()
        self.client.create_bucket(Bucket=BUCKET)
        self.client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key: str, source: bytes) -> Stat:
        answer = self.client.put_object(Bucket=BUCKET, Key=f"base/{key}", Body=source)
        return Stat(len(source), answer["VersionId"], answer["ETag"].strip('"'))


@dataclass(frozen=True, slots=True)
class Cold:
    """A mount with an empty cache, the md5 and size of each file in it, and the server that it reads from."""

    top: Path
    md5: dict[str, str]
    sizes: dict[str, int]
    shell: Shell
    s3: ObservedS3

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        return self.shell.start(*command, cwd=self.top)

    def read_to_end(self, reader: subprocess.Popen[bytes]) -> str:
        output, errors = reader.communicate(timeout=SOON_S)
        assert reader.returncode == 0, errors.decode()
        return output.decode().split()[0]


@pytest.fixture(scope="module")
def s3() -> Iterator[ObservedS3]:
    with ObservedS3.running() as server:
        yield server


@pytest.fixture(scope="module")
def repository(s3: ObservedS3, tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    repository = GitRepository.init(tmp_path_factory.mktemp("cold") / "repository")
    publishing.configure(repository.path, f"s3://{BUCKET}/base", endpointurl=s3.endpoint)
    random = np.random.default_rng(7)
    files = {"cold/small": random.bytes(20_000), "cold/large": random.bytes(5 * 2**20), "cold/warm": b"warm\n"}
    files |= {f"cold/many/{number}": random.bytes(100) for number in range(MANY)}
    for name, data in files.items():
        target = repository.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    publishing.publish(repository.path, "cold", Uploads(s3))
    repository.commit("Cold files")
    return repository


@pytest.fixture
def cold(account: Account, repository: GitRepository, s3: ObservedS3, tmp_path: Path) -> Iterator[Cold]:
    directory = account.directory / tmp_path.name
    directory.mkdir()
    shell = Shell(account)
    clone = repository.clone(directory / "clone")
    account.own(directory)
    source = repository.path / "cold"
    data = {str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in data.items()}
    sizes = {name: len(content) for name, content in data.items()}
    options = ("--repo", clone.path, "--subdir", "cold", "--cache-dir", directory / "cache")
    with shell.mounted("HEAD", directory / "mount", *options) as top:
        yield Cold(top, md5, sizes, shell, s3)


@pytest.mark.parametrize("name", ["small", "large"])
def test_four_processes_cost_one_download(cold: Cold, name: str) -> None:
    with cold.s3.recording() as requests:
        with cold.s3.stalled() as stall:
            readers = [cold.start("md5sum", name) for _ in range(4)]
            assert wait_until(lambda: stall.waiting > 0, SOON_S)
        assert {cold.read_to_end(reader) for reader in readers} == {cold.md5[name]}
    ranges = [request.range for request in requests]
    assert len(set(ranges)) == len(ranges)
    assert sum(request.sent for request in requests) == cold.sizes[name]


def test_reader_killed_while_it_waits_leaves_the_others_their_bytes(cold: Cold) -> None:
    with cold.s3.recording() as requests:
        with cold.s3.stalled() as stall:
            first = cold.start("md5sum", "small")
            assert wait_until(lambda: stall.waiting > 0, SOON_S)
            second = cold.start("md5sum", "small")
            first.kill()
            first.communicate(timeout=SOON_S)
        assert cold.read_to_end(second) == cold.md5["small"]
        assert cold.shell.run("md5sum", "small", cwd=cold.top).ok().stdout.split()[0] == cold.md5["small"]
    assert len(requests) == 1


def test_reader_killed_in_the_middle_of_a_file_harms_nobody(cold: Cold) -> None:
    program = "import sys, time; f = open('large', 'rb'); f.read(1 << 20); print(1, flush=True); sys.stdin.read()"
    half = cold.start(sys.executable, "-c", program)
    assert half.stdout.readline() == b"1\n"
    half.kill()
    half.communicate(timeout=SOON_S)
    assert cold.shell.run("md5sum", "large", cwd=cold.top).ok().stdout.split()[0] == cold.md5["large"]


def test_two_hundred_stalled_readers_hold_up_neither_listing_nor_cached_files(cold: Cold) -> None:
    assert cold.shell.run("cat", "warm", cwd=cold.top).ok().stdout == "warm\n"
    program = f"""
import concurrent.futures as c
read = lambda n: len(open(f"many/{{n}}", "rb").read())
with c.ThreadPoolExecutor({MANY}) as pool:
    print(sum(pool.map(read, range({MANY}))))
"""
    with cold.s3.stalled() as stall:
        readers = cold.start(sys.executable, "-c", program)
        assert wait_until(lambda: stall.waiting >= 2, SOON_S)
        assert cold.shell.run("ls", "-lR", cold.top, bound=SOON_S).ok().stdout.count("\n") > MANY
        assert cold.shell.run("stat", "-c", "%s", "many/7", cwd=cold.top, bound=SOON_S).ok().stdout == "100\n"
        again = cold.shell.run("dd", "if=warm", "iflag=direct", "status=none", cwd=cold.top, bound=SOON_S)
        assert again.ok().stdout == "warm\n"
        assert readers.poll() is None
    assert cold.read_to_end(readers) == str(100 * MANY)
