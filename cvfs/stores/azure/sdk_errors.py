"""From the SDK's exceptions to ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from cvfs.errors import CredentialsError, IntegrityError, StoreError, UnavailableError
from cvfs.stores.azure.answers import Question, Refusal, error_for
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable

CERTIFICATE_HINT = "set REQUESTS_CA_BUNDLE to a file with the authority's certificate"

_REASONS = (
    ("NameResolutionError", "its name cannot be resolved"),
    ("Connection refused", "it refused the connection"),
    ("RemoteDisconnected", "it closed the connection"),
    ("Connection aborted", "it closed the connection"),
)


def from_sdk(error: AzureError, asked: Question) -> StoreError:
    """Return the error of ours that ``error``, raised by a client of the SDK, stands for."""
    if isinstance(error, HttpResponseError) and error.status_code is not None and error.status_code >= 300:
        return error_for(_refusal(error), asked)
    return next((make(asked) for kind, make in _BY_TYPE if isinstance(error, kind)), None) or _not_sent(error, asked)


@contextmanager
def mapped(asked: Question) -> Iterator[None]:
    """Raise nothing but errors of ours for what a client of the SDK raises, and for files that cannot be read."""
    try:
        yield
    except AzureError as error:
        raise from_sdk(error, asked) from error
    except OSError as error:
        raise StoreError(f"{asked}: {error}") from error


def _refusal(error: HttpResponseError) -> Refusal:
    code = getattr(error, "error_code", None) or ""
    return Refusal(error.status_code or 0, str(getattr(code, "value", code)), error.message)


def _not_sent(error: AzureError, asked: Question) -> StoreError:
    if not isinstance(error, ServiceRequestError | ServiceResponseError):
        return StoreError(f"{asked}: the request could not be made: {type(error).__name__}")
    if "CERTIFICATE_VERIFY" in str(error):
        return certificate_refused(asked, CERTIFICATE_HINT)
    return unreachable(asked, next((why for sign, why in _REASONS if sign in str(error)), "the connection failed"))


def _no_token(asked: Question) -> CredentialsError:
    return CredentialsError(f"{asked}: no valid token ({asked.login})", hint="sign in again: az login")


def _not_understood(asked: Question) -> UnavailableError:
    return UnavailableError(f"{asked}: the store's answer cannot be understood")


def other_bytes(asked: Question) -> IntegrityError:
    """Return the error for an answer that is not what was asked for, though it is no refusal."""
    return IntegrityError(f"{asked}: the store answered with other bytes than those asked for")


#: The first that fits counts.
_BY_TYPE = (
    ((ServiceRequestTimeoutError, ServiceResponseTimeoutError), timed_out),
    (DecodeError, _not_understood),
    (ClientAuthenticationError, _no_token),
    # Without an error status: the answer began well and broke off.
    (HttpResponseError, broken_off),
)
