"""Azure's Blob service for the contract suite: the server of ``servers.azure``, or any other.

To run the suite against another server, set CVFS_TEST_AZURE_CONNECTION_STRING to one with an account key, of an account
with versioning. It makes its own containers, and leaves them.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from servers.azure import AzureServer

from cvfs.stores.azure import AzureStore
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.store import Store

#: Taken while modules are imported: later, the environment of tests has nothing of the user's.
EXTERNAL = os.environ.get("CVFS_TEST_AZURE_CONNECTION_STRING")
#: A key of the right form that nobody gave out.
_WRONG_KEY = "RVhBTVBMRQ=="


class AzureHarness:
    absent_version = "2020-02-02T20:20:20.2020202Z"
    impossible = ""
    unlistable = ""

    def __init__(self, connection_string: str, *, prefix: str = "base") -> None:
        self._connection_string = connection_string
        self._service = BlobServiceClient.from_connection_string(connection_string)
        self._prefix = prefix
        self.container = f"contract-{uuid.uuid4().hex[:12]}"
        self.client = self._service.create_container(self.container)
        self.store = self._store(connection_string)

    def _store(self, connection_string: str, container: str | None = None) -> AzureStore:
        return azure_store(connection_string, container=container or self.container, prefix=self._prefix)

    def delete(self, key: str) -> None:
        self.client.delete_blob(f"{self._prefix}/{key}")

    def expire(self, key: str, version_id: str) -> None:
        if self.store.stat(key).version_id == version_id:
            self.delete(key)
        self.client.get_blob_client(f"{self._prefix}/{key}").delete_blob(version_id=version_id)

    def misplaced(self) -> Store:
        return self._store(self._connection_string, f"no-{self.container}")

    @contextmanager
    def refused(self) -> Iterator[Store]:
        """Give a store like this one whose signature permits nothing that cvfs does."""
        account = self._service.credential.account_name
        sas = generate_container_sas(
            account,
            self.container,
            account_key=self._service.credential.account_key,
            permission=ContainerSasPermissions(delete=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        self.accept(sas, "d")
        yield self._store(self._with(f"SharedAccessSignature={sas}"))

    def accept(self, sas: str, permissions: str) -> None:
        """Tell the server of a signature; a real one finds out by itself."""

    def stranger(self) -> Store:
        """Return a store like this one with a key that nobody gave out."""
        return self._store(self._with(f"AccountKey={_WRONG_KEY}"))

    def _with(self, credential: str) -> str:
        name = self._service.credential.account_name
        return f"AccountName={name};BlobEndpoint={self._service.url};{credential}"


def served_azure(server: AzureServer) -> AzureHarness:
    """Make a harness in a server of ours, which has to be told of signatures."""
    made = AzureHarness(server.connection_string)
    made.accept = server.accept_sas
    return made


def azure_store(connection_string: str | None = None, **options: Any) -> AzureStore:
    """Make a store in the container ``container``; ``options`` are those of ``AzureOptions``."""
    defaults = {"label": "remote 'up'", "container": "container", "connection_string": connection_string}
    return AzureStore(AzureOptions(**{**defaults, **options}))
