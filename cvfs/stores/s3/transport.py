"""Failures on the way to the store, before or instead of an answer."""

from __future__ import annotations

from cvfs.errors import StoreError, UnavailableError
from cvfs.stores.s3.answers import Question


class CertificateError(StoreError):
    """The server cannot prove who it is. Another try would not help."""


def timed_out(asked: Question) -> UnavailableError:
    """Return the error for a store that did not answer, or stopped in the middle, for too long."""
    return UnavailableError(f"{asked}: the store did not answer in time")


def unreachable(asked: Question, why: str) -> UnavailableError:
    """Return the error for a connection that could not be made."""
    return UnavailableError(f"{asked}: the store cannot be reached: {why}")


def broken_off(asked: Question) -> UnavailableError:
    """Return the error for a connection that ended before the answer did."""
    return UnavailableError(f"{asked}: the connection broke before the answer was complete")


def certificate_refused(asked: Question) -> CertificateError:
    """Return the error for a server that cannot prove who it is."""
    return CertificateError(
        f"{asked}: the server's TLS certificate cannot be trusted",
        hint="set the remote's ssl_verify, or AWS_CA_BUNDLE, to a file with the authority's certificate",
    )
