"""One session with S3 and what was made for it: the botocore client, and the obstore client for its credentials.

Bytes go through obstore, which needs a tenth of the time for a small object. Through botocore go, instead,

- the keys that obstore cannot express (control characters, ``//``, a slash at either end, ``.`` and ``..`` as a
  component),
- uploads with options that obstore does not know (``fast.can_upload``), with a condition, or of more than
  ``FAST_SIZE``,
- everything to and from a server whose certificate obstore's TLS library rejects, although by OpenSSL's rules the
  user's own CA bundle vouches for it (typically a self-signed one).
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from cvfs.errors import AccessDeniedError, CredentialsError
from cvfs.stores.ranges import read_or_empty
from cvfs.stores.s3.answers import Question
from cvfs.stores.s3.botocore_errors import mapped
from cvfs.stores.s3.fast import FastClient, can_upload, expressible
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.plain import PlainClient
from cvfs.stores.s3.session import AwsSession, Secrets
from cvfs.stores.s3.stored import is_md5
from cvfs.stores.source import opened
from cvfs.stores.store import Piece, Stat, Uploadable
from cvfs.stores.transport import CertificateError

#: The most that is uploaded through obstore: its time limit for an answer begins with the request, and so includes
#: sending, and how long that takes depends on the line and on how many uploads share it.
FAST_SIZE = 256 << 10

T = TypeVar("T")
log = logging.getLogger(__name__)


class Link:
    """Read and upload through whichever library fits. Safe to use from several threads; asks nobody until first used.

    Raises:
        RemoteError: the options and the AWS configuration do not make a client.
    """

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._fast: tuple[Secrets | None, FastClient] | None = None
        self._plain: PlainClient | None = None
        self._needs_openssl = False
        self._uploads_fast = can_upload(options)
        self._etags_are_md5 = True
        self.session = AwsSession(options)

    def read(self, asked: Question, version_id: str | None, start: int, length: int | None) -> Piece:
        """GET one version, or a range of it."""
        return read_or_empty(partial(self._read, asked, version_id), start, length)

    def put(self, asked: Question, source: Uploadable, *, md5: str | None, create_only: bool) -> Stat:
        """Upload a new version, as ``Store.put``; the version's id may be missing."""
        if self._uploads_fast and not create_only:
            with mapped(asked), opened(source, str(asked), md5) as content:
                if content.size <= FAST_SIZE:
                    data = content.read(content.size)
                    content.verify()
                    return self._put_small(asked, data)
        return self.plain().uploads.put(source, asked, md5=md5, create_only=create_only)

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

    def _read(self, asked: Question, version_id: str | None, start: int, length: int | None) -> Piece:
        return self._through(
            asked,
            lambda fast: fast.read(version_id, start, length, asked),
            lambda plain: plain.read(version_id, start, length, asked),
        )

    def _put_small(self, asked: Question, data: bytes) -> Stat:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stat = self._through(
            asked,
            lambda fast: fast.put(data, asked),
            lambda plain: plain.uploads.put(data, asked, md5=None, create_only=False),
        )
        if self._etags_are_md5 and is_md5(stat.etag) and stat.etag != md5:
            self._ask_what_etag_is(asked, stat, md5)
        return stat

    def _ask_what_etag_is(self, asked: Question, stat: Stat, md5: str) -> None:
        """Find out whether a bucket's own encryption makes ETags look like an md5 and be none; raise if it does not.

        obstore does not show that header of the answer. Asked once: it is the same for the whole bucket.
        """
        try:
            self.plain().check(stat.version_id, md5, asked)
        except AccessDeniedError:
            log.info("%s: the ETag is not the md5 of what was sent, and why may not be asked", asked)
        self._etags_are_md5 = False

    def _through(self, asked: Question, fast: Callable[[FastClient], T], plain: Callable[[PlainClient], T]) -> T:
        if self._needs_openssl or not expressible(asked.key):
            return plain(self.plain())
        try:
            return fast(self._fast_client())
        except CertificateError:
            if self.session.authorities is None:
                raise
            done = plain(self.plain())
            log.info("%s: the CA bundle fits the server only by OpenSSL's rules: going through botocore", asked.label)
            self._needs_openssl = True
            return done

    def _fast_client(self) -> FastClient:
        secrets = self.session.secrets()
        with self._lock:
            if self._fast is None or self._fast[0] != secrets:
                self._fast = (secrets, FastClient(self._options, self.session, secrets))
            return self._fast[1]
