"""GET by version id and small uploads through obstore, for all keys that it can express."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
import obstore.exceptions
import obstore.store

from cvfs.errors import IntegrityError, StoreError
from cvfs.stores.ranges import range_end
from cvfs.stores.s3.answers import Question
from cvfs.stores.s3.obstore_errors import from_obstore
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.session import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, AwsSession, Secrets
from cvfs.stores.s3.stored import bare_etag, real_version
from cvfs.stores.store import Piece, Stat

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

#: The most that one request may take, however steadily its bytes arrive: without a limit, a server that sends a byte
#: now and then would hold a reader for good. Generous, because a block is megabytes and a line may be slow.
REQUEST_TIMEOUT_S = 600.0


def expressible(key: str) -> bool:
    """Tell whether obstore sends ``key`` as it is.

    It refuses control characters, ``.``, ``..`` and empty components, and silently drops a slash at either end.
    """
    return not any(part in {"", ".", ".."} for part in key.split("/")) and all(" " <= c != "\x7f" for c in key)


def can_upload(options: S3Options) -> bool:
    """Tell whether obstore's uploads do all that the options ask for, and carry a checksum that the server verifies.

    That is the SHA-256 of the content, which is a part of what is signed.
    """
    asked_for = (options.acl, options.grants, options.sse, options.sse_kms_key_id, options.sse_customer_key)
    return not options.anonymous and not any(asked_for)


class FastClient:
    """Read and upload with one set of credentials. Safe to use from several threads."""

    def __init__(self, options: S3Options, session: AwsSession, secrets: Secrets | None) -> None:
        try:
            self._store = obstore.store.S3Store(
                options.bucket,
                config=_config(options, session, anonymous=secrets is None),
                client_options=_client_options(options, session),
                retry_config={"max_retries": 0},
                credential_provider=None if secrets is None else _always(secrets),
            )
        except (ValueError, OSError, obstore.exceptions.BaseError) as error:
            raise StoreError(f"{options.label}: {str(error).partition(chr(10))[0]}") from error

    def read(self, version_id: str | None, start: int, length: int | None, asked: Question) -> Piece:
        """GET one version or the current one, or a range of it, and hold the answer to what was asked."""
        wanted: obstore.GetOptions = {} if version_id is None else {"version": version_id}
        if length is not None:
            wanted["range"] = (start, start + length)
        elif start:
            wanted["range"] = {"offset": start}
        try:
            result = obstore.get(self._store, asked.key, options=wanted)
            data = result.bytes().to_bytes()
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            raise from_obstore(error, asked) from error
        meta = result.meta
        stop = range_end(meta["size"], start, length, str(asked))
        if tuple(result.range) != (start, stop) or len(data) != stop - start:
            raise IntegrityError(f"{asked}: asked for bytes {start} to {stop}, got {len(data)} from {result.range[0]}")
        etag = meta["e_tag"]
        return Piece(data, start, Stat(meta["size"], meta["version"], None if etag is None else bare_etag(etag)))

    def put(self, data: bytes, asked: Question) -> Stat:
        """PUT a new version in one request, and return what the answer says of it."""
        try:
            answer = obstore.put(self._store, asked.key, data, use_multipart=False)
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            raise from_obstore(error, asked) from error
        etag = answer["e_tag"]
        return Stat(len(data), real_version(answer["version"]), None if etag is None else bare_etag(etag))


def _config(options: S3Options, session: AwsSession, *, anonymous: bool) -> S3Config:
    # All that obstore would otherwise take from the environment, where boto3 has read it (or was told not to).
    config: S3Config = {
        "region": session.region,
        "endpoint": session.address.endpoint,
        "aws_endpoint_url_s3": session.address.endpoint,
        "virtual_hosted_style_request": session.address.virtual_hosted,
        "skip_signature": anonymous,
    }
    if options.sse_customer_key is not None:
        config["server_side_encryption"] = "sse-c"
        config["sse_customer_key_base64"] = base64.b64encode(options.sse_customer_key).decode("ascii")
    return config


def _client_options(options: S3Options, session: AwsSession) -> ClientConfig:
    config: ClientConfig = {
        "allow_http": session.address.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=options.connect_timeout or CONNECT_TIMEOUT_S),
        "read_timeout": timedelta(seconds=options.read_timeout or READ_TIMEOUT_S),
        "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
        "user_agent": "cvfs",
    }
    if options.verify is False:
        config["allow_invalid_certificates"] = True
    elif session.authorities is not None:
        config["root_certificate"] = session.authorities
    return config


def _always(secrets: Secrets) -> Callable[[], S3Credential]:
    # A provider, and not the plain values: beside those, obstore would take a session token from the environment.
    answer: S3Credential = {
        "access_key_id": secrets.access_key,
        "secret_access_key": secrets.secret_key,
        "token": secrets.token,
        "expires_at": None,
    }
    return lambda: answer
