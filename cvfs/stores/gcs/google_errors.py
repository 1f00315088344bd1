"""From the exceptions of Google's libraries, and of those below them, to ours."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests.exceptions
import urllib3.exceptions
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from cvfs.errors import CredentialsError, IntegrityError, StoreError, UnavailableError
from cvfs.stores.gcs.answers import Question, error_for, refusal_in
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable

#: How to have the server's certificate trusted: neither library has an option for it, nor has DVC.
CERTIFICATE_HINT = "set REQUESTS_CA_BUNDLE to a file with the authority's certificate"

#: What looks like a token, a key or an assertion.
_SECRET = re.compile(r"[A-Za-z0-9+/_.=-]{40,}")


@contextmanager
def mapped(asked: Question) -> Iterator[None]:
    """Raise nothing but errors of ours for what calls of a client raise, and for files that cannot be read."""
    try:
        yield
    except (GoogleAPICallError, InvalidResponse) as error:
        raise _refused(error, asked) from error
    except GoogleAuthError as error:
        raise from_google_auth(error, str(asked), asked.credentials()) from error
    except DataCorruption as error:
        raise IntegrityError(f"{asked}: the bytes are not those that their checksum says") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise from_requests(error, asked) from error
    except OSError as error:
        raise StoreError(f"{asked}: {error}") from error


def from_requests(error: Exception, where: object) -> StoreError:
    """Return the error of ours for a request without an answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return certificate_refused(where, CERTIFICATE_HINT)
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return timed_out(where)
    if isinstance(error, requests.exceptions.ChunkedEncodingError | urllib3.exceptions.HTTPError):
        return broken_off(where)
    if isinstance(error, requests.exceptions.ConnectionError | http.client.HTTPException):
        return unreachable(where, "the connection failed or was closed")
    return StoreError(f"{where}: the request could not be made: {type(error).__name__}")


def from_google_auth(error: GoogleAuthError, where: str, how: str) -> StoreError:
    """Return the error of ours for credentials that cannot be used; ``how`` says how they were found."""
    if isinstance(error, TransportError) or error.retryable:
        return UnavailableError(f"{where}: whoever gives out tokens cannot be reached ({how})")
    return CredentialsError(
        f"{where}: no valid credentials ({how}): {one_line(error)}",
        hint="sign in again (gcloud auth application-default login), or use another key",
    )


def one_line(error: Exception) -> str:
    """Put the words of google-auth, or of the system, in one line, without what may be a secret."""
    said = error.strerror if isinstance(error, OSError) else next(iter(error.args), None)
    words = " ".join(str(said or type(error).__name__).split())
    return _SECRET.sub("...", words)[:300]


def _refused(error: GoogleAPICallError | InvalidResponse, asked: Question) -> StoreError:
    answer = error.response
    if answer is None:
        return UnavailableError(f"{asked}: the store's answer makes no sense")
    return error_for(refusal_in(answer.status_code, answer.text or ""), asked)
