"""From botocore's exceptions to ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.exceptions import HTTPClientError as BotocoreHTTPClientError

from cvfs.errors import StoreError
from cvfs.stores.s3.answers import CERTIFICATE_HINT, Question, Refusal, WrongRegionError, error_for
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable


def from_botocore(error: BotoCoreError | ClientError, asked: Question) -> StoreError:
    """Return the error of ours that ``error``, raised by a call of an S3 client, stands for."""
    if isinstance(error, ClientError):
        return error_for(_refusal(error), asked)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return timed_out(asked)
    if isinstance(error, SSLError):
        certificate = any(sign in str(error) for sign in ("CERTIFICATE_VERIFY_FAILED", "doesn't match"))
        return (
            certificate_refused(asked, CERTIFICATE_HINT)
            if certificate
            else unreachable(asked, "the TLS handshake failed")
        )
    if isinstance(error, IncompleteReadError | ResponseStreamingError):
        return broken_off(asked)
    if isinstance(error, BotocoreConnectionError | BotocoreHTTPClientError):
        return unreachable(asked, type(error).__name__)
    return StoreError(f"{asked}: the request could not be made: {type(error).__name__}")


@contextmanager
def mapped(asked: Question) -> Iterator[None]:
    """Raise nothing but errors of ours for what calls of an S3 client raise, and for files that cannot be read."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise from_botocore(error, asked) from error
    except RecursionError as error:
        # botocore asks for the bucket's region without end where a redirect does not name it.
        raise WrongRegionError(asked, None) from error
    except OSError as error:
        raise StoreError(f"{asked}: {error}") from error


def _refusal(error: ClientError) -> Refusal:
    answer = error.response
    details = answer.get("Error", {})
    meta = answer.get("ResponseMetadata", {})
    region = meta.get("HTTPHeaders", {}).get("x-amz-bucket-region") or details.get("Region")
    code = str(details.get("Code", ""))
    # An answer without a body, as to every HEAD, has the status in the code's place.
    return Refusal(
        status=int(meta.get("HTTPStatusCode", 0)),
        code="" if code.isdigit() else code,
        text=str(details.get("Message", "")),
        region=region if isinstance(region, str) else None,
    )
