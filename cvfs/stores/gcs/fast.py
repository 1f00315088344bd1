"""GET by generation through obstore, which speaks the XML API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import obstore.exceptions
import obstore.store

from cvfs.stores.gcs.answers import Question
from cvfs.stores.gcs.obstore_errors import from_obstore
from cvfs.stores.gcs.session import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, GoogleSession
from cvfs.stores.obstore_reading import get_version
from cvfs.stores.store import Piece, Stat

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSCredential

#: The most that one request may take, however steadily its bytes arrive: without a limit, a server that sends a byte
#: now and then would hold a reader for good. Generous, because a block is megabytes and a line may be slow.
REQUEST_TIMEOUT_S = 600.0


class UnusableError(Exception):
    """obstore's own settings in the environment keep it from being used."""


class FastClient:
    """Read with one token. Safe to use from several threads.

    Raises:
        UnusableError: as it says.
    """

    def __init__(self, bucket: str, session: GoogleSession, token: str | None) -> None:
        answer: GCSCredential = {"token": token or "", "expires_at": None}
        try:
            self._store = obstore.store.GCSStore(
                bucket,
                # All that obstore would otherwise take from the environment, where google-auth has read it.
                config={"base_url": session.endpoint, "skip_signature": token is None},
                client_options=_client_options(session),
                retry_config={"max_retries": 0},
                credential_provider=lambda: answer,
            )
        except (ValueError, OSError, obstore.exceptions.BaseError) as error:
            raise UnusableError(str(error).partition("\n")[0]) from error

    def read(self, version_id: str | None, start: int, length: int | None, asked: Question) -> Piece:
        """GET one generation or the live one, or a range of it, and hold the answer to what was asked."""
        try:
            data, meta = get_version(self._store, asked.key, version_id, start=start, length=length, where=str(asked))
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            raise from_obstore(error, asked) from error
        # The XML API's ETag is another one than the JSON API's, which DVC records, and neither is needed: the bytes of
        # a generation never change.
        return Piece(data, start, Stat(meta["size"], meta["version"], None))


def _client_options(session: GoogleSession) -> ClientConfig:
    # Objects that are stored in compressed form are to come as they are stored, and not unpacked on the way.
    headers = {"accept-encoding": "gzip"}
    payer = session.billed_project()
    if payer is not None:
        headers["x-goog-user-project"] = payer
    return {
        "allow_http": session.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
        "read_timeout": timedelta(seconds=READ_TIMEOUT_S),
        "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
        "user_agent": "cvfs",
        "default_headers": headers,
    }
