"""One session with Azure and what was made for it: the SDK's client, and the obstore client for its credentials.

Through obstore go all reads but

- those of keys that it cannot express (control characters, ``//``, a slash at either end),
- those from a server whose certificate its TLS library rejects, although the SDK takes it (``REQUESTS_CA_BUNDLE``).
"""

from __future__ import annotations

import logging
import threading

from cvfs.errors import CredentialsError
from cvfs.stores.azure.answers import Question
from cvfs.stores.azure.fast import FastClient
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.plain import PlainClient
from cvfs.stores.azure.session import AzureSession, Secrets
from cvfs.stores.azure.uploading import BLOCK_SIZE
from cvfs.stores.obstore_reading import expressible
from cvfs.stores.ranges import read_or_empty
from cvfs.stores.store import Piece, Stat, Uploadable
from cvfs.stores.transport import CertificateError

log = logging.getLogger(__name__)


class Link:
    """Read and upload through whichever library fits. Safe to use from several threads; asks nobody until first used.

    Raises:
        RemoteError: options, environment and Azure configuration name no account that can be used.
    """

    def __init__(self, options: AzureOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._fast: tuple[Secrets | None, FastClient] | None = None
        self._plain: PlainClient | None = None
        self._only_sdk = False
        self.session = AzureSession(options)

    def read(self, asked: Question, start: int, length: int | None) -> Piece:
        """GET one version, or the current one, or a range of it."""
        return read_or_empty(lambda begin, count: self._read(asked, begin, count), start, length)

    def put(self, asked: Question, source: Uploadable, *, md5: str | None, create_only: bool) -> Stat:
        """Upload a new version, as ``Store.put``; the version's id may be missing."""
        return self.plain().uploads.put(source, asked, md5=md5, create_only=create_only)

    def plain(self) -> PlainClient:
        """Return the client for all that obstore cannot do."""
        self.session.secrets()
        with self._lock:
            if self._plain is None:
                self._plain = PlainClient(self._options, self.session.client(BLOCK_SIZE))
            return self._plain

    def has_other_secrets_than(self, other: Link) -> bool:
        """Tell whether there are credentials, and not the ones that ``other`` used last."""
        try:
            return self.session.secrets() != other.session.last_secrets
        except CredentialsError:
            return False

    def close(self) -> None:
        """Close what can be closed; obstore's connections go with the last reference."""
        with self._lock:
            if self._plain is not None:
                self._plain.close()

    def _read(self, asked: Question, start: int, length: int | None) -> Piece:
        if self._only_sdk or not expressible(asked.key):
            return self.plain().read(start, length, asked)
        try:
            return self._fast_client().read(start, length, asked)
        except CertificateError:
            piece = self.plain().read(start, length, asked)
            log.info("%s: obstore does not trust the server's certificate: going through the SDK", asked.label)
            self._only_sdk = True
            return piece

    def _fast_client(self) -> FastClient:
        secrets = self.session.secrets()
        with self._lock:
            if self._fast is None or self._fast[0] != secrets:
                self._fast = (secrets, FastClient(self._options, self.session.login, secrets))
            return self._fast[1]
