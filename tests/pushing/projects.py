"""A clone with data and a remote that keeps versions, for tests of commands that change both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from command import Outcome, Shell
from repositories import GitRepository
from servers.azure import AzureServer
from servers.moto import Moto


class Bucket(Protocol):
    """What tests see of a remote, without cvfs. Keys are relative to the remote's URL."""

    url: str
    options: Mapping[str, str]

    def contents(self, key: str) -> list[bytes]:
        """Return what the versions of a key hold, the oldest first."""

    def read(self, key: str, version_id: str) -> bytes:
        """Return what one version holds."""

    def live(self) -> list[str]:
        """List the keys that have a current object, sorted."""


@dataclass(frozen=True, slots=True)
class LocalBucket:
    """cvfs's own store in a directory."""

    directory: Path

    @property
    def url(self) -> str:
        return str(self.directory)

    @property
    def options(self) -> Mapping[str, str]:
        return {}

    def contents(self, key: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self._folder(key).glob("[0-9]*"))]

    def read(self, key: str, version_id: str) -> bytes:
        return (self._folder(key) / version_id).read_bytes()

    def live(self) -> list[str]:
        found = (path.relative_to(self.directory) for path in self.directory.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if path.parts[0] != ".cvfs-versions")

    def _folder(self, key: str) -> Path:
        return self.directory / ".cvfs-versions" / hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A bucket of moto's, with a prefix."""

    moto: Moto
    name: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}/base"

    @property
    def options(self) -> Mapping[str, str]:
        return {"endpointurl": self.moto.endpoint}

    def contents(self, key: str) -> list[bytes]:
        versions = [one for one in self.moto.versions(self.name, f"base/{key}") if one.key == f"base/{key}"]
        return [self.read(key, one.version_id) for one in reversed(versions) if not one.deleted]

    def read(self, key: str, version_id: str) -> bytes:
        answer = self.moto.s3.get_object(Bucket=self.name, Key=f"base/{key}", VersionId=version_id)
        return bytes(answer["Body"].read())

    def live(self) -> list[str]:
        live = (one for one in self.moto.versions(self.name) if one.latest and not one.deleted)
        return sorted(one.key.removeprefix("base/") for one in live)


@dataclass(frozen=True, slots=True)
class AzureBucket:
    """A container of our own Azure server, with a prefix."""

    server: AzureServer
    name: str

    @property
    def url(self) -> str:
        return f"azure://{self.name}/base"

    @property
    def options(self) -> Mapping[str, str]:
        return {}  # the account is in the environment, because git would see the key

    def contents(self, key: str) -> list[bytes]:
        every = self.server.container(self.name).list_blobs(f"base/{key}", include=["versions", "deletedwithversions"])
        return [self.read(key, str(one.version_id)) for one in every if one.name == f"base/{key}"]

    def read(self, key: str, version_id: str) -> bytes:
        blob = self.server.container(self.name).get_blob_client(f"base/{key}")
        return bytes(blob.download_blob(version_id=version_id).readall())

    def live(self) -> list[str]:
        return sorted(one.name.removeprefix("base/") for one in self.server.container(self.name).list_blobs())

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object as another tool would."""
        self.server.container(self.name).upload_blob(f"base/{key}", data, overwrite=True)


@dataclass(frozen=True, slots=True)
class Project:
    """A clone whose default remote is ``bucket``, under the name ``up``."""

    repository: GitRepository
    bucket: Bucket
    shell: Shell

    @property
    def path(self) -> Path:
        """The top of the work tree."""
        return self.repository.path

    def cvfs(self, *arguments: str, folder: str = ".") -> Outcome:
        """Run ``cvfs`` in the work tree."""
        return self.shell.cvfs(*arguments, cwd=self.path / folder)

    def push(self, *arguments: str) -> Outcome:
        """Run ``cvfs push``, which has to succeed."""
        return self.cvfs("push", *arguments).ok()

    def connect(self, name: str, bucket: Bucket, *, default: bool = False) -> None:
        """Configure a remote."""
        self.cvfs("remote", "add", *(["-d"] if default else []), name, bucket.url).ok()
        for key, value in {"version_aware": "true", **bucket.options}.items():
            self.cvfs("remote", "modify", name, key, value).ok()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files below the work tree."""
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def add(self, *paths: str) -> None:
        """Run ``cvfs add``, which has to succeed."""
        self.cvfs("add", *paths).ok()

    def out(self, metafile: str) -> dict[str, Any]:
        """Return the only out of a ``.dvc`` file."""
        (out,) = yaml.safe_load((self.path / metafile).read_text(encoding="utf-8"))["outs"]
        return dict(out)

    def entries(self, metafile: str) -> dict[str, dict[str, Any]]:
        """Return the files of a directory's ``.dvc`` file, by relpath."""
        return {entry["relpath"]: entry for entry in self.out(metafile)["files"]}

    def versions(self, metafile: str) -> dict[str, str]:
        """Return the version id of each file of a directory's ``.dvc`` file that has one."""
        return {
            relpath: entry["cloud"]["up"]["version_id"]
            for relpath, entry in self.entries(metafile).items()
            if "version_id" in entry.get("cloud", {}).get("up", {})
        }

    def clone(self, path: Path) -> Project:
        """Clone what is committed: no data, no state of cvfs."""
        return Project(self.repository.clone(path), self.bucket, self.shell)

    def check_recorded(self, metafile: str) -> None:
        """Assert that each entry's version holds what the entry says of it, to the last byte."""
        out = self.out(metafile)
        path = str((Path(metafile).parent / out["path"]).as_posix())
        for entry in out.get("files", [out]):
            key = f"{path}/{entry['relpath']}" if "relpath" in entry else path
            data = self.bucket.read(key, entry["cloud"]["up"]["version_id"])
            assert (hashlib.md5(data).hexdigest(), len(data)) == (entry["md5"], entry["size"]), key
