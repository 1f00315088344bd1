"""What is found wrong with a commit: by its records, and by asking stores that do what the test says."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

import pytest
import yaml

from cvfs.check import OpenedCheck, check_records, check_versions, open_check
from cvfs.checking.findings import Fault, Tally
from cvfs.errors import (
    AccessDeniedError,
    ArchivedError,
    CredentialsError,
    RevisionError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.opening import CommitRequest
from cvfs.stores.memory import MemoryStore
from cvfs.stores.registry import RemoteSet

CONFIG = """\
[core]
    remote = up
['remote "up"']
    url = s3://bucket/up
    version_aware = true
['remote "old"']
    url = s3://bucket/old
    version_aware = true
"""


class Bucket(MemoryStore):
    """A store that counts what it is asked, and refuses what it is told to."""

    def __init__(self):
        super().__init__()
        self.failures: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.lock = threading.Lock()

    def read(self, key, version_id, start=0, length=None):
        with self.lock:
            self.asked.append(key)
        if key in self.failures:
            raise self.failures[key]
        assert length == 1
        return super().read(key, version_id, start, length)


@pytest.fixture
def repository(make_repository):
    made = make_repository("dataset")
    made.commit("set up", {".dvc/config": CONFIG})
    return made


@pytest.fixture
def buckets():
    return {"up": Bucket(), "old": Bucket()}


@pytest.fixture
def opened(repository, buckets, tmp_path):
    @contextmanager
    def check(revision="HEAD"):
        request = CommitRequest(revision, os.environ, str(repository.path), cache_dir=str(tmp_path / "cache"))
        with open_check(request) as real:
            configs = real.remotes._configs
            remotes = RemoteSet(configs, trusted=False, open_store=lambda remote, trusted: buckets[remote.name])
            yield OpenedCheck(real.name, real.snapshot, remotes)

    return check


def push(bucket, files, remote="up"):
    """Put files, and return their entries."""
    entries = []
    for name, data in files.items():
        stat = bucket.put(f"data/{name}", data)
        cloud = {remote: {"etag": stat.etag, "version_id": stat.version_id}}
        entries.append({"relpath": name, "md5": stat.etag, "size": len(data), "cloud": cloud})
    return entries


def metafile(entries, **out):
    return yaml.safe_dump({"outs": [{"path": "data", "hash": "md5", "files": entries, **out}]})


def found(findings):
    return [(finding.path, finding.fault) for finding in findings]


def test_a_commit_that_was_pushed_has_no_faults_and_costs_a_byte_a_file(repository, buckets, opened):
    entries = push(buckets["up"], {f"{number:03}": bytes(number) for number in range(300)})
    repository.commit("one", {"data.dvc": metafile(entries)})
    tally = Tally()
    with opened() as check:
        assert list(check_versions(check, tally, jobs=4)) == []
        assert list(check_records(check, Tally())) == []
    assert tally == Tally(checked=300)
    assert sorted(buckets["up"].asked) == [f"data/{number:03}" for number in range(300)]
    assert buckets["old"].asked == []


def test_what_the_remote_says_of_each_file(repository, buckets, opened):
    names = ("good", "gone", "denied", "archived", "longer", "odd", "slow")
    entries = push(buckets["up"], dict.fromkeys(names, b"data"))
    buckets["up"].expire("data/gone", entries[1]["cloud"]["up"]["version_id"])
    buckets["up"].failures = {
        "data/denied": AccessDeniedError("no"),
        "data/archived": ArchivedError("deep down", hint="restore it"),
        "data/odd": StoreError("the store answered 501"),
        "data/slow": UnavailableError("timed out"),
    }
    entries[4]["size"] = 99
    repository.commit("one", {"data.dvc": metafile(entries)})
    with opened() as check:
        findings = list(check_versions(check, Tally()))
    assert found(findings) == [
        ("data/archived", Fault.ARCHIVED),
        ("data/denied", Fault.DENIED),
        ("data/gone", Fault.MISSING),
        ("data/longer", Fault.DIFFERS),
        ("data/odd", Fault.UNREACHABLE),
        ("data/slow", Fault.UNREACHABLE),
    ]
    archived, gone, longer = findings[0], findings[2], findings[3]
    assert archived.hint == "restore it"
    assert (gone.remote, gone.key) == ("up", "data/gone")
    assert gone.version.version_id == entries[1]["cloud"]["up"]["version_id"]
    assert "4 bytes" in longer.reason
    assert "99" in longer.reason


def test_what_the_records_tell_without_asking(repository, buckets, opened):
    entries = push(buckets["up"], {"a": b"a", "b": b"b", "c": b"c", "d": b"d"})
    del entries[0]["cloud"]
    entries[1]["cloud"]["up"]["version_id"] = "null"
    repository.commit(
        "one",
        {
            "data.dvc": metafile(entries),
            "hashed.dvc": f"outs:\n- path: hashed\n  hash: md5\n  md5: {'1' * 32}.dir\n",
            "bad.dvc": "outs:\n<<<<<<< HEAD\n",
            "local.dvc": f"outs:\n- path: local\n  hash: md5\n  md5: {'2' * 32}\n  push: false\n",
            "got.dvc": f"deps:\n- path: s3://x/y\nouts:\n- path: got\n  hash: md5\n  md5: {'3' * 32}.dir\n",
            "m.dvc": "outs:\n- path: m.json\n  cache: false\n",
            "m.json": "{}",
        },
    )
    tally = Tally()
    expected = [
        ("bad.dvc", Fault.PROBLEM),
        ("data/a", Fault.NOT_PUSHED),
        ("data/b", Fault.NOT_PUSHED),
        ("hashed", Fault.UNLISTED),
    ]
    with opened() as check:
        assert found(check_records(check, tally)) == expected
        assert buckets["up"].asked == []
        assert found(check_versions(check, Tally())) == expected
    assert tally == Tally(checked=5, passed_over=2)
    assert sorted(buckets["up"].asked) == ["data/c", "data/d"]


def test_a_remote_that_is_not_configured_any_more(repository, buckets, opened):
    entries = push(buckets["up"], {"a": b"a"}, remote="vanished")
    repository.commit("one", {"data.dvc": metafile(entries)})
    with opened() as check:
        # Remotes get renamed: the default one is asked, and has it.
        assert list(check_versions(check, Tally())) == []
    repository.commit("two", {".dvc/config": CONFIG.replace("remote = up", "remote = nowhere")})
    with opened() as check:
        [finding] = check_records(check, Tally())
    assert (finding.fault, finding.remote, finding.key) == (Fault.NO_REMOTE, "vanished", "data/a")
    assert finding.hint


def test_another_remote_may_have_what_the_recorded_one_lacks(repository, buckets, opened):
    entries = push(buckets["up"], {"a": b"a", "b": b"b"}, remote="old")
    buckets["up"].expire("data/b", entries[1]["cloud"]["old"]["version_id"])
    repository.commit("one", {"data.dvc": metafile(entries)})
    with opened() as check:
        [finding] = check_versions(check, Tally())
    assert (finding.path, finding.fault, finding.remote) == ("data/b", Fault.MISSING, "old")


@pytest.mark.parametrize("silence", [UnavailableError("unreachable", hint="look"), CredentialsError("expired")])
def test_a_remote_that_answers_nothing_ends_the_check_early(repository, buckets, opened, silence):
    entries = push(buckets["up"], {f"{number:04}": b"x" for number in range(2000)})
    buckets["up"].failures = dict.fromkeys((f"data/{number:04}" for number in range(2000)), silence)
    repository.commit("one", {"data.dvc": metafile(entries)})
    findings = []
    with opened() as check, pytest.raises(type(silence), match=f"in a row.*{silence.message}") as raised:
        findings += check_versions(check, Tally(), jobs=2)
    assert findings == []
    assert raised.value.hint == silence.hint
    assert len(buckets["up"].asked) < 100


def test_a_remote_that_answers_now_and_then_is_asked_to_the_end(repository, buckets, opened):
    entries = push(buckets["up"], {f"{number:02}": b"x" for number in range(60)})
    silent = [f"data/{number:02}" for number in range(60) if number % 7]
    buckets["up"].failures = dict.fromkeys(silent, UnavailableError("unreachable"))
    repository.commit("one", {"data.dvc": metafile(entries)})
    with opened() as check:
        findings = list(check_versions(check, Tally(), jobs=3))
    assert [finding.path for finding in findings] == silent


def test_whoever_looks_no_further_leaves_no_question_open(repository, buckets, opened):
    entries = push(buckets["up"], {f"{number:04}": b"x" for number in range(2000)})
    buckets["up"].failures = {"data/0000": VersionNotFoundError("gone")}
    repository.commit("one", {"data.dvc": metafile(entries)})
    with opened() as check:
        findings = check_versions(check, Tally(), jobs=2)
        assert next(findings).path == "data/0000"
        findings.close()
    asked = len(buckets["up"].asked)
    assert asked < 100


def test_an_unknown_revision(opened):
    with pytest.raises(RevisionError), opened("no-such-thing"):
        pass
