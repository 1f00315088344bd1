"""Google Cloud Storage in turns with the real DVC: what either pushed, the other takes for its own."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from command import Shell
from dvc_repository import DvcRepository, md5_of_files
from servers.gcs import Gcs

FILES = {
    "data/a.csv": b"a\n",
    "data/empty": b"",
    "data/sub/sp ace.txt": b"spaces\n",
    "data/\u00fc.txt": b"umlaut\n",
    # More than one chunk of an upload of DVC's, and a session of cvfs's.
    "model.bin": bytes(range(256)) * (9 << 12),
}
SUMS = {name: hashlib.md5(data).hexdigest() for name, data in FILES.items()}

_RECORDED = re.compile(r"\b(etag|version_id): (.*)")


@pytest.fixture(autouse=True)
def _plain_gcsfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have gcsfs ask for no bucket's layout, which it does by gRPC, and of no other server than it is told to."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


@pytest.fixture
def repository(gcs: Gcs, tmp_path: Path) -> DvcRepository:
    made = DvcRepository.init(tmp_path / "repository")
    made.dvc("init", "-q")
    made.add_remote(f"gs://{gcs.make_bucket()}/base", gcs.endpoint)
    made.dvc("remote", "modify", "-q", "--local", "up", "credentialpath", str(gcs.key_file()))
    made.write(FILES)
    return made


def fresh(repository: DvcRepository, path: Path) -> DvcRepository:
    """Clone what is committed, with the configuration that is not, and nothing in DVC's cache."""
    clone = DvcRepository(repository.clone(path).path)
    local = Path(".dvc/config.local")
    (clone.path / local).write_bytes((repository.path / local).read_bytes())
    return clone


def recorded(repository: DvcRepository) -> list[str]:
    """Return how the metafiles spell versions and etags, with the digits that differ from push to push left out."""
    text = "".join((repository.path / name).read_text("utf-8") for name in ("data.dvc", "model.bin.dvc"))
    return [f"{name}: {re.sub('[0-9a-f]', 'x', value)}" for name, value in _RECORDED.findall(text)]


def test_pushed_by_dvc_read_by_cvfs(repository: DvcRepository, fuse: None, shell: Shell, tmp_path: Path) -> None:
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    repository.commit("one")
    clone = fresh(repository, tmp_path / "clone")
    with shell.mounted("HEAD", tmp_path / "mount", "--repo", clone.path) as mount:
        sums = shell.run("md5sum", *FILES, cwd=mount).ok().stdout
    assert {line[34:]: line[:32] for line in sums.splitlines()} == SUMS
    assert "all 5 files can be had" in shell.cvfs("check", "HEAD", cwd=clone.path).ok().stdout
    shell.cvfs("pull", cwd=clone.path).ok()
    assert md5_of_files(clone.path, "data", "model.bin") == SUMS


def test_pushed_by_cvfs_pulled_by_dvc(gcs: Gcs, repository: DvcRepository, shell: Shell, tmp_path: Path) -> None:
    shell.cvfs("add", "data", "model.bin", cwd=repository.path).ok()
    shell.cvfs("push", cwd=repository.path).ok()
    repository.commit("one")
    clone = fresh(repository, tmp_path / "clone")
    clone.dvc("pull", "-q")
    assert md5_of_files(clone.path, "data", "model.bin") == SUMS
    mark = gcs.mark()
    clone.dvc("push", "-q")
    assert [line for line in gcs.requests(since=mark) if line.startswith(("PUT", "DELETE", "POST /upload"))] == []
    assert clone.git("status", "--porcelain") == ""


def test_both_record_versions_in_the_same_spelling(repository: DvcRepository, shell: Shell) -> None:
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    by_dvc = recorded(repository)
    repository.write({name: data + b"changed" for name, data in FILES.items()})
    shell.cvfs("add", "data", "model.bin", cwd=repository.path).ok()
    shell.cvfs("push", cwd=repository.path).ok()
    assert recorded(repository) == by_dvc
    assert len(by_dvc) == 2 * len(FILES)
    assert set(by_dvc) == {"version_id: 'xxxxxxxxxxxxxxxx'", "etag: xxxxxxxxxxxxxxxxxxxxxx"}


def test_bucket_whose_versioning_may_not_be_asked_for_is_not_pushed_to(
    gcs: Gcs, repository: DvcRepository, shell: Shell
) -> None:
    key = gcs.account("objects.get", "objects.list", "objects.create", "objects.delete")
    shell.cvfs("remote", "modify", "--local", "up", "credentialpath", str(key), cwd=repository.path).ok()
    shell.cvfs("add", "data", cwd=repository.path).ok()
    mark = gcs.mark()
    failed = shell.cvfs("push", cwd=repository.path)
    assert failed.returncode == 1
    assert "does not tell whether it keeps old versions" in failed.stderr
    checked = shell.cvfs("remote", "check", cwd=repository.path)
    assert checked.returncode == 1
    assert "storage.buckets.get" in checked.stdout + checked.stderr
    assert gcs.requests("/upload/", mark) == []


def test_versioning_that_is_off_is_turned_on_by_remote_check(gcs: Gcs, repository: DvcRepository, shell: Shell) -> None:
    bucket = gcs.make_bucket(versioned=False)
    shell.cvfs("remote", "modify", "up", "url", f"gs://{bucket}/base", cwd=repository.path).ok()
    assert shell.cvfs("remote", "check", cwd=repository.path).returncode == 1
    assert gcs.versions(bucket) == []
    shell.cvfs("remote", "check", "--enable", cwd=repository.path).ok()
    assert [name for name, _, _ in gcs.versions(bucket)] == ["base/.cvfs-check"]


def test_credentials_that_are_missing_say_where_they_were_looked_for(repository: DvcRepository, shell: Shell) -> None:
    repository.dvc("add", "-q", "data")
    (repository.path / ".dvc" / "config.local").unlink()
    failed = shell.cvfs("push", cwd=repository.path)
    assert failed.returncode == 1
    assert "GOOGLE_APPLICATION_CREDENTIALS" in failed.stderr
    assert "Traceback" not in failed.stderr
