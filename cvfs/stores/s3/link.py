"""One session with S3 and what was made for it: the botocore client, and the obstore reader for its credentials.

Bytes come through obstore. Through botocore come, instead, the keys that obstore cannot express (control characters,
``//``, a slash at either end, ``.`` and ``..`` as a component) and everything from a server whose certificate obstore's
TLS library rejects, although by OpenSSL's rules the user's own CA bundle vouches for it (typically a self-signed one).
"""

from __future__ import annotations

import logging
import threading

from cvfs.errors import CredentialsError
from cvfs.stores.s3.answers import BeyondEndError, Question
from cvfs.stores.s3.fast import FastReader, expressible
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.plain import PlainClient
from cvfs.stores.s3.session import AwsSession, Secrets
from cvfs.stores.s3.transport import CertificateError
from cvfs.stores.store import Piece

log = logging.getLogger(__name__)


class Link:
    """Read through whichever library fits. Safe to use from several threads; asks nobody until first used.

    Raises:
        RemoteError: the options and the AWS configuration do not make a client.
    """

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._fast: tuple[Secrets | None, FastReader] | None = None
        self._plain: PlainClient | None = None
        self._needs_openssl = False
        self.session = AwsSession(options)

    def read(self, asked: Question, version_id: str, start: int, length: int | None) -> Piece:
        """GET one version, or a range of it."""
        try:
            return self._read(asked, version_id, start, length)
        except BeyondEndError:
            # Any range of an empty object begins beyond its end. Whether it is empty, only the whole of it tells.
            if start > 0 or length is None:
                raise
            whole = self._read(asked, version_id, 0, None)
            if whole.data:
                raise
            return whole

    def plain(self) -> PlainClient:
        """Return the client for all that obstore cannot do."""
        secrets = self.session.secrets()
        with self._lock:
            if self._plain is None:
                self._plain = PlainClient(self._options, self.session.make_client(signed=secrets is not None))
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

    def _read(self, asked: Question, version_id: str, start: int, length: int | None) -> Piece:
        if self._needs_openssl or not expressible(asked.key):
            return self.plain().read(version_id, start, length, asked)
        try:
            return self._fast_reader().read(version_id, start, length, asked)
        except CertificateError:
            if self.session.authorities is None:
                raise
            piece = self.plain().read(version_id, start, length, asked)
            log.info("%s: the CA bundle fits the server only by OpenSSL's rules: reading through botocore", asked.label)
            self._needs_openssl = True
            return piece

    def _fast_reader(self) -> FastReader:
        secrets = self.session.secrets()
        with self._lock:
            if self._fast is None or self._fast[0] != secrets:
                self._fast = (secrets, FastReader(self._options, self.session, secrets))
            return self._fast[1]
