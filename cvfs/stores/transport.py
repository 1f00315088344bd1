"""Failures on the way to a store, before or instead of an answer. ``where`` names what was asked, for messages."""

from __future__ import annotations

from cvfs.errors import StoreError, UnavailableError


class CertificateError(StoreError):
    """The server cannot prove who it is. Another try would not help."""


def timed_out(where: object) -> UnavailableError:
    """Return the error for a store that did not answer, or stopped in the middle, for too long."""
    return UnavailableError(f"{where}: the store did not answer in time")


def unreachable(where: object, why: str) -> UnavailableError:
    """Return the error for a connection that could not be made."""
    return UnavailableError(f"{where}: the store cannot be reached: {why}")


def broken_off(where: object) -> UnavailableError:
    """Return the error for a connection that ended before the answer did."""
    return UnavailableError(f"{where}: the connection broke before the answer was complete")


def certificate_refused(where: object, hint: str) -> CertificateError:
    """Return the error for a server that cannot prove who it is. ``hint`` says how to name another authority."""
    return CertificateError(f"{where}: the server's TLS certificate cannot be trusted", hint=hint)
