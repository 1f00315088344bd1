"""Google Cloud Storage for the contract suite: the tests' own server, or another one that the environment names.

To run the contract suite against another server, set CVFS_TEST_GCS_ENDPOINT to its URL (https://storage.googleapis.com
for the real one), and GOOGLE_APPLICATION_CREDENTIALS to the key of a service account that may make buckets; without it,
the server is asked anonymously. GOOGLE_CLOUD_PROJECT is the project that new buckets belong to. They stay.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import service_account
from servers.gcs import OUTSIDER, Gcs

from cvfs.stores.gcs import GcsStore
from cvfs.stores.gcs.options import GcsOptions
from cvfs.stores.store import Store

#: Taken while modules are imported: later, the environment of tests has nothing of the user's.
EXTERNAL = os.environ.get("CVFS_TEST_GCS_ENDPOINT")
_KEY = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
_PROJECT = os.environ.get("GOOGLE_CLOUD_PROJECT", "test-project")


class GcsHarness:
    absent_version = "1700000000000001"
    #: No name in GCS may have them.
    impossible = "\n\r"
    unlistable = "\n\r"

    def __init__(self, server: Gcs | None) -> None:
        self._server = server
        if server is None:
            self._endpoint, self._key, self._client = str(EXTERNAL), _KEY, _external_client()
            self.bucket = f"cvfs-test-{uuid.uuid4().hex[:16]}"
            bucket = self._client.bucket(self.bucket)
            bucket.versioning_enabled = True
            bucket.create()
        else:
            self._endpoint, self._key, self._client = server.endpoint, str(server.key_file()), server.client()
            self.bucket = server.make_bucket()
        self.store = self._store()

    def _store(self, bucket: str | None = None, key: str | None = None) -> GcsStore:
        key = key or self._key
        options = GcsOptions(
            label="remote 'up'",
            bucket=bucket or self.bucket,
            prefix="base",
            credentialpath=key,
            endpointurl=self._endpoint,
            anonymous=key is None,
        )
        return GcsStore(options)

    def delete(self, key: str) -> None:
        self._client.bucket(self.bucket).blob(f"base/{key}").delete()

    def expire(self, key: str, version_id: str) -> None:
        self._client.bucket(self.bucket).blob(f"base/{key}", generation=int(version_id)).delete()

    def misplaced(self) -> Store:
        return self._store(bucket=f"no-{self.bucket}")

    @contextmanager
    def refused(self) -> Iterator[Store]:
        """Give a store like this one that is refused everything."""
        assert self._server is not None
        yield self._store(key=str(self._server.key_file(OUTSIDER)))

    def stranger(self) -> Store:
        """Return a store like this one with credentials that nobody gave out."""
        assert self._server is not None
        return self._store(key=str(self._server.key_file("nobody@elsewhere.iam.gserviceaccount.com")))


def _external_client() -> storage.Client:
    options = {"api_endpoint": EXTERNAL}
    if _KEY is None:
        return storage.Client(_PROJECT, AnonymousCredentials(), client_options=options)
    scopes = ["https://www.googleapis.com/auth/devstorage.full_control"]
    credentials = service_account.Credentials.from_service_account_file(_KEY, scopes=scopes)
    return storage.Client(_PROJECT, credentials, client_options=options)


def gcs_store(server: Gcs, bucket: str, **options: Any) -> GcsStore:
    """Make a store in ``bucket`` with the admin's credentials; ``options`` are those of ``GcsOptions``."""
    defaults: dict[str, Any] = {"label": "remote 'up'", "endpointurl": server.endpoint}
    if not options.get("anonymous"):
        defaults["credentialpath"] = str(server.key_file())
    return GcsStore(GcsOptions(**{**defaults, "bucket": bucket, **options}))
