"""One session with Google Cloud Storage and what was made for it: the SDK's client, and obstore's for its token.

Bytes are read through obstore. Through the SDK go, beside all that is no read,

- reads of the keys that obstore cannot express (control characters, ``//``, a slash at either end, ``.`` and ``..`` as
  a component),
- reads from a server whose certificate obstore's TLS library rejects, although REQUESTS_CA_BUNDLE vouches for it,
- all reads where variables of obstore's own in the environment make it unusable.
"""

from __future__ import annotations

import logging
import threading

from cvfs.errors import CredentialsError, UnavailableError
from cvfs.stores.gcs.answers import Question, no_such_version
from cvfs.stores.gcs.fast import FastClient, UnusableError
from cvfs.stores.gcs.options import GcsOptions
from cvfs.stores.gcs.plain import PlainClient
from cvfs.stores.gcs.session import GoogleSession
from cvfs.stores.gcs.stored import generation_of
from cvfs.stores.obstore_reading import expressible
from cvfs.stores.ranges import read_or_empty
from cvfs.stores.store import Piece
from cvfs.stores.transport import CertificateError

log = logging.getLogger(__name__)


class GoogleLink:
    """Read through whichever library fits. Safe to use from several threads; asks nobody until first used.

    ``payer`` is the project that pays for requests, or None for the bucket's owner.

    Raises:
        RemoteError: the endpoint is no URL.
    """

    def __init__(self, options: GcsOptions, payer: str | None = None) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._fast: tuple[str | None, FastClient] | None = None
        self._plain: PlainClient | None = None
        self._without_obstore = False
        self.session = GoogleSession(options, payer)

    def read(self, asked: Question, version_id: str | None, start: int, length: int | None) -> Piece:
        """GET one generation, or a range of it."""
        if version_id is not None and generation_of(version_id) is None:
            raise no_such_version(asked)
        return read_or_empty(lambda begin, count: self._read(asked, version_id, begin, count), start, length)

    def plain(self) -> PlainClient:
        """Return the client for all that obstore cannot do."""
        self.session.token()
        with self._lock:
            if self._plain is None:
                self._plain = PlainClient(self._options.bucket, self.session)
            return self._plain

    def has_other_secrets_than(self, other: GoogleLink) -> bool:
        """Tell whether there are credentials, and not the token that ``other`` used last."""
        try:
            return self.session.token() != other.session.last_token
        except (CredentialsError, UnavailableError):
            return False

    def close(self) -> None:
        """Close what can be closed; obstore's connections go with the last reference."""
        with self._lock:
            if self._plain is not None:
                self._plain.close()

    def _read(self, asked: Question, version_id: str | None, start: int, length: int | None) -> Piece:
        fast = self._fast_client() if expressible(asked.key) else None
        if fast is None:
            return self.plain().read(version_id, start, length, asked)
        try:
            return fast.read(version_id, start, length, asked)
        except CertificateError:
            piece = self.plain().read(version_id, start, length, asked)
        log.info("%s: obstore does not trust the server's certificate, requests does: going by it", asked.label)
        self._without_obstore = True
        return piece

    def _fast_client(self) -> FastClient | None:
        token = self.session.token()
        with self._lock:
            if self._without_obstore:
                return None
            if self._fast is None or self._fast[0] != token:
                try:
                    self._fast = (token, FastClient(self._options.bucket, self.session, token))
                except UnusableError as error:
                    log.info("%s: reading without obstore: %s", self._options.label, error)
                    self._without_obstore = True
                    return None
            return self._fast[1]
