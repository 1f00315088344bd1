"""Azure as a user meets it: what commands, the mount and its log say when the account refuses; and no secret in it."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from command import Shell
from repositories import GitRepository
from servers.azure import AzureServer

NAMES = ("archived", "busy", "denied", "gone", "kept", "refused")


class Dataset:
    """A commit of files that were pushed to a container, and a clone whose user has a shared access signature."""

    def __init__(self, server: AzureServer, shell: Shell, path: Path) -> None:
        self.server = server
        self.shell = shell
        self.container = server.make_container()
        self.blobs = server.container(self.container)
        self.repository = GitRepository.init(path / "dataset")
        self.cvfs("init").ok()
        self.cvfs("remote", "add", "-d", "up", f"azure://{self.container}/base").ok()
        self.cvfs("remote", "modify", "up", "version_aware", "true").ok()
        self.sign("rwl")

    def sign(self, permissions: str, **options: int) -> None:
        """Give the user other permissions."""
        self.sas = self.server.sas(self.container, permissions, **options)
        text = f"BlobEndpoint={self.server.endpoint};SharedAccessSignature={self.sas}"
        self.cvfs("remote", "modify", "--local", "up", "connection_string", text).ok()

    def cvfs(self, *arguments: str, bound: float = 60.0):
        return self.shell.cvfs(*arguments, cwd=self.repository.path, bound=bound)

    def write(self, data: bytes = b"old") -> None:
        (self.repository.path / "data").mkdir(exist_ok=True)
        for name in NAMES:
            (self.repository.path / "data" / name).write_bytes(data + name.encode())

    def push(self) -> None:
        self.write()
        self.cvfs("add", "data").ok()
        self.cvfs("push").ok()
        self.repository.commit("one")

    def versions(self) -> dict[str, str]:
        (out,) = yaml.safe_load((self.repository.path / "data.dvc").read_text())["outs"]
        return {entry["relpath"]: entry["cloud"]["up"]["version_id"] for entry in out["files"]}

    def spoil(self) -> None:
        """Have each file fail in its own way."""
        self.blobs.get_blob_client("base/data/archived").set_standard_blob_tier("Archive")
        self.blobs.delete_blob("base/data/gone")
        self.blobs.get_blob_client("base/data/gone").delete_blob(version_id=self.versions()["gone"])
        telling = f"Signature did not match: {self.server.key}"
        for name, status, code in (
            ("busy", 503, "ServerBusy"),
            ("denied", 403, "AuthorizationPermissionMismatch"),
            ("refused", 403, "AuthenticationFailed"),
        ):
            for method in ("GET", "HEAD"):
                self.server.refuse(method, f"data/{name}", status, code, telling, times=10_000)

    def secrets(self) -> list[str]:
        signature = self.sas.partition("sig=")[2]
        return [self.server.key, signature, unquote(signature)]


@pytest.fixture
def dataset(azure_server: AzureServer, shell: Shell, tmp_path: Path) -> Dataset:
    return Dataset(azure_server, shell, tmp_path)


MESSAGES = {
    "archived": ("the blob lies in the archive tier", "az rest --method put"),
    "busy": ("the store answered 503 ServerBusy (given up after 6 tries",),
    "denied": ("access denied: a right is missing", "Storage Blob Data Reader"),
    "gone": ("this blob or version does not exist",),
    "refused": ("wrong or has expired",),
}
ERRNOS = {
    "archived": errno.EACCES,
    "busy": errno.EIO,
    "denied": errno.EACCES,
    "gone": errno.ESTALE,
    "refused": errno.EACCES,
}


def test_every_failure_on_the_command_line_in_the_mount_and_in_its_log(
    dataset: Dataset, tmp_path: Path, fuse: None
) -> None:
    dataset.push()
    dataset.spoil()
    shown = []
    for name, words in MESSAGES.items():
        done = dataset.cvfs("cat", "HEAD", f"data/{name}")
        assert done.returncode == 1, done.stderr
        for part in (*words, f"base/data/{name}", dataset.versions()[name]):
            assert part in done.stderr
        shown.append(done.stderr)

    mountpoint, log = tmp_path / "mnt", tmp_path / "log"
    mountpoint.mkdir()
    dataset.cvfs("mount", "HEAD", str(mountpoint), "--log-file", str(log), "--log-level", "debug").ok()
    try:
        assert (mountpoint / "data" / "kept").read_bytes() == b"oldkept"
        for name, number in ERRNOS.items():
            with pytest.raises(OSError, match="Errno") as caught:
                (mountpoint / "data" / name).read_bytes()
            assert (name, caught.value.errno) == (name, number)
    finally:
        dataset.cvfs("umount", str(mountpoint)).ok()
    text = log.read_text(encoding="utf-8")
    for name in MESSAGES:
        assert f"base/data/{name}" in text
    assert not any(secret in f"{shown}{text}" for secret in dataset.secrets())


def test_check_lists_what_is_archived_gone_and_refused(dataset: Dataset) -> None:
    dataset.push()
    dataset.blobs.get_blob_client("base/data/archived").set_standard_blob_tier("Archive")
    dataset.blobs.delete_blob("base/data/gone")
    dataset.blobs.get_blob_client("base/data/gone").delete_blob(version_id=dataset.versions()["gone"])
    done = dataset.cvfs("check", "HEAD", "--json")
    found = {line["path"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert {path: each["fault"] for path, each in found.items()} == {
        "data/archived": "archived",
        "data/gone": "missing",
    }
    assert "az rest --method put" in found["data/archived"]["hint"]
    dataset.sign("d")
    denied = dataset.cvfs("check", "HEAD")
    assert denied.returncode == 1
    assert not any(
        secret in f"{done.stdout}{done.stderr}{denied.stdout}{denied.stderr}" for secret in dataset.secrets()
    )


def test_remote_check_finds_out_about_versions_by_writing(dataset: Dataset) -> None:
    done = dataset.cvfs("remote", "check").ok()
    assert "versioning" in done.stdout
    again = dataset.cvfs("remote", "check").ok()
    assert "on" in again.stdout


def test_remote_check_of_an_account_without_versions_says_the_command(dataset: Dataset) -> None:
    dataset.server.account.versioning = False
    for arguments in ((), ("--enable",)):
        done = dataset.cvfs("remote", "check", *arguments)
        assert done.returncode == 1
        assert "--enable-versioning true" in f"{done.stdout}{done.stderr}"


def test_push_to_an_account_without_versions_overwrites_nothing(dataset: Dataset) -> None:
    dataset.server.account.versioning = False
    dataset.blobs.upload_blob("base/data/kept", b"theirs")
    dataset.write()
    dataset.cvfs("add", "data").ok()
    done = dataset.cvfs("push")
    assert done.returncode == 1
    assert "versions" in done.stderr
    assert dataset.blobs.get_blob_client("base/data/kept").download_blob().readall() == b"theirs"


def test_push_after_the_account_stopped_keeping_versions_loses_nothing(dataset: Dataset) -> None:
    dataset.push()
    dataset.server.account.versioning = False
    recorded = dataset.versions()
    dataset.write(b"new")
    dataset.cvfs("add", "data").ok()
    assert dataset.cvfs("push").returncode == 1
    for name, version in recorded.items():
        blob = dataset.blobs.get_blob_client(f"base/data/{name}")
        assert blob.download_blob(version_id=version).readall() == b"old" + name.encode()


def test_user_without_any_account_is_told_what_to_set(dataset: Dataset) -> None:
    dataset.push()
    dataset.cvfs("remote", "modify", "--local", "--unset", "up", "connection_string").ok()
    done = dataset.cvfs("cat", "HEAD", "data/kept", "--cache-dir", str(dataset.repository.path.parent / "empty"))
    assert done.returncode == 1
    assert "no storage account is named" in done.stderr
    assert "AZURE_STORAGE_ACCOUNT" in done.stderr
