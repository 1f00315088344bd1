"""From obstore's exceptions to ours."""

from __future__ import annotations

from collections.abc import Callable

from cvfs.errors import IntegrityError, StoreError
from cvfs.stores.gcs.answers import Question, error_for, refusal_in
from cvfs.stores.gcs.google_errors import CERTIFICATE_HINT
from cvfs.stores.obstore_failures import Cause, failure_in
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable

_ERRORS: dict[Cause, Callable[[Question], StoreError]] = {
    Cause.OTHER_BYTES: lambda asked: IntegrityError(f"{asked}: the store answered with other bytes than it was asked"),
    Cause.CERTIFICATE: lambda asked: certificate_refused(asked, CERTIFICATE_HINT),
    Cause.NO_ETAG: lambda asked: StoreError(f"{asked}: the store's answer has no ETag"),
    Cause.TIMED_OUT: timed_out,
    Cause.BROKEN_OFF: broken_off,
}


def from_obstore(error: Exception, asked: Question) -> StoreError:
    """Return the error of ours that ``error``, raised by obstore, stands for."""
    failure = failure_in(error)
    if failure.cause is Cause.ANSWERED:
        return error_for(refusal_in(failure.status, failure.body), asked)
    if failure.cause is Cause.UNREACHABLE:
        return unreachable(asked, failure.text)
    make = _ERRORS.get(failure.cause)
    return make(asked) if make else StoreError(f"{asked}: the request could not be made: {type(error).__name__}")
