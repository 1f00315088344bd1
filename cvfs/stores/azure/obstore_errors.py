"""From obstore's exceptions to ours."""

from __future__ import annotations

from collections.abc import Callable

from cvfs.errors import StoreError
from cvfs.stores.azure.answers import Question, Refusal, beyond_end, error_for
from cvfs.stores.azure.sdk_errors import CERTIFICATE_HINT, other_bytes
from cvfs.stores.obstore_failures import Cause, failure_in
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable

_ERRORS: dict[Cause, Callable[[Question], StoreError]] = {
    Cause.OTHER_BYTES: other_bytes,
    # Of emulators; Azure itself says 416.
    Cause.BEYOND_END: beyond_end,
    Cause.CERTIFICATE: lambda asked: certificate_refused(asked, CERTIFICATE_HINT),
    Cause.NO_ETAG: lambda asked: StoreError(f"{asked}: the store's answer has no ETag"),
    Cause.TIMED_OUT: timed_out,
    Cause.BROKEN_OFF: broken_off,
}


def from_obstore(error: Exception, asked: Question) -> StoreError:
    """Return the error of ours that ``error``, raised by obstore, stands for."""
    failure = failure_in(error)
    if failure.cause is Cause.ANSWERED:
        return error_for(Refusal(failure.status, failure.code, failure.text), asked)
    if failure.cause is Cause.UNREACHABLE:
        return unreachable(asked, failure.text)
    make = _ERRORS.get(failure.cause)
    return make(asked) if make else StoreError(f"{asked}: the request could not be made: {type(error).__name__}")
