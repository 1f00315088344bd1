"""One class for each kind of store: how to make one, and how to do to it what others than cvfs do to stores.

To run the contract suite against an S3 server on this machine as well, set CVFS_TEST_S3_ENDPOINT to its URL and
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to credentials that may make buckets. It makes its own, and leaves them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import azure_harness
import gcs_harness
from servers.moto import ANY, Moto

from cvfs.stores.local import LocalStore
from cvfs.stores.memory import MemoryStore
from cvfs.stores.s3 import S3Store
from cvfs.stores.s3.options import S3Options
from cvfs.stores.store import Store

#: Taken while modules are imported: later, the environment of tests has nothing of the user's.
EXTERNAL = os.environ.get("CVFS_TEST_S3_ENDPOINT")
_EXTERNAL_CREDENTIALS = (
    os.environ.get("AWS_ACCESS_KEY_ID", ANY[0]),
    os.environ.get("AWS_SECRET_ACCESS_KEY", ANY[1]),
)

#: The kinds of stores that the contract suite runs on.
HARNESSES = (
    *("memory", "local", "s3", "azure", "gcs"),
    *(["s3-external"] if EXTERNAL else []),
    *(["azure-external"] if azure_harness.EXTERNAL else []),
    *(["gcs-external"] if gcs_harness.EXTERNAL else []),
)


class Harness(Protocol):
    """What the contract suite needs beside the store itself. ``absent_version`` is well-formed, but nobody's."""

    store: Store
    absent_version: str
    #: Characters that this store cannot have in a key.
    impossible: str
    #: Those that it cannot list.
    unlistable: str

    def delete(self, key: str) -> None:
        """Delete the current object as other tools do: its versions stay."""

    def expire(self, key: str, version_id: str) -> None:
        """Remove one version for good."""

    def misplaced(self) -> Store:
        """Return a store like this one whose bucket or directory does not exist."""


class MemoryHarness:
    absent_version = "v999999"
    impossible = ""
    unlistable = ""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.delete = self.store.delete
        self.expire = self.store.expire

    def misplaced(self) -> Store:
        return MemoryStore("elsewhere")


class LocalHarness:
    absent_version = "1700000000000000000-0123abcd"
    impossible = "\0"
    unlistable = "\0"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = LocalStore(directory)

    def delete(self, key: str) -> None:
        os.unlink(f"{self.directory}/{key}")

    def expire(self, key: str, version_id: str) -> None:
        folder = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        (self.directory / ".cvfs-versions" / folder / version_id).unlink()
        if self.store.stat(key).version_id is None:
            self.delete(key)

    def misplaced(self) -> Store:
        return LocalStore(self.directory / "elsewhere")

    @contextmanager
    def refused(self) -> Iterator[Store]:
        """Give a store like this one that is refused everything."""
        # Root is refused nothing: stop being root for a moment. A user's own files can be closed to the user.
        was_root = os.geteuid() == 0
        self.directory.chmod(0)
        if was_root:
            os.seteuid(65534)
        try:
            yield self.store
        finally:
            if was_root:
                os.seteuid(0)
            self.directory.chmod(0o755)


class S3Harness:
    absent_version = "f0e1d2c3-0000-4000-8000-000000000000"
    #: S3 itself has no objection to line breaks; moto cannot route them.
    impossible = "\n"
    #: S3 can list them, encoded; moto puts them into XML as they are.
    unlistable = "\t\n\r\x07\x7f"

    def __init__(self, server: Moto, outsider: tuple[str, str] | None) -> None:
        self._server = server
        self._outsider = outsider
        self.bucket = server.make_bucket()
        self._client = server.s3
        self.store = self._store()

    def _store(self, bucket: str | None = None, credentials: tuple[str, str] | None = None) -> S3Store:
        access_key, secret_key = credentials or self._server.credentials
        return s3_store(
            self._server.endpoint,
            bucket=bucket or self.bucket,
            prefix="base",
            access_key_id=access_key,
            secret_access_key=secret_key,
        )

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=f"base/{key}")

    def expire(self, key: str, version_id: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=f"base/{key}", VersionId=version_id)

    def misplaced(self) -> Store:
        return self._store(bucket=f"no-{self.bucket}")

    @contextmanager
    def refused(self) -> Iterator[Store]:
        """Give a store like this one that is refused everything."""
        yield self._store(credentials=self._outsider)

    def stranger(self) -> Store:
        """Return a store like this one with credentials that nobody gave out."""
        return self._store(credentials=("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"))


def s3_store(endpoint: str | None, **options: Any) -> S3Store:
    """Make a store in the bucket ``bucket`` below ``endpoint``; ``options`` are those of ``S3Options``."""
    defaults = {"label": "remote 'up'", "bucket": "bucket", "region": "us-east-1", "endpointurl": endpoint}
    return S3Store(S3Options(**{**defaults, **options}))


def external_server(directory: Path) -> Moto:
    """Describe the server that the environment names."""
    assert EXTERNAL is not None
    log = directory / "no-log"
    with suppress(FileExistsError):
        log.touch()
    return Moto(EXTERNAL, log, _EXTERNAL_CREDENTIALS)
