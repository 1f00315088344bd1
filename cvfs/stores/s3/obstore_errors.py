"""From obstore's exceptions to ours.

obstore tells little by type and much by text: a sentence, then Rust's rendering of the error, one field a line. Fields
are matched as whole lines: a key is rendered in quotes with its line breaks escaped, and cannot pass for one. The text
holds the URL with its query, so none of it is shown but the server's code and message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from cvfs.errors import StoreError
from cvfs.stores.s3.answers import CERTIFICATE_HINT, Question, Refusal, WrongRegionError, error_for, other_bytes
from cvfs.stores.transport import broken_off, certificate_refused, timed_out, unreachable

_STATUS = re.compile(r"^\s*status: (\d{3}),$", re.MULTILINE)
_BODY = re.compile(r'^\s*body: Some\(\n\s*"(.*)",$', re.MULTILINE)
_FAILURES: tuple[tuple[str, Callable[[Question], StoreError]], ...] = (
    (r"inner: BareRedirect,", lambda asked: WrongRegionError(asked, None)),
    (r"source: (UnexpectedRange \{|NoContentRange,|NotPartial,|ParseContentRange.*)", other_bytes),
    (r"error: InvalidCertificate\(", lambda asked: certificate_refused(asked, CERTIFICATE_HINT)),
    (r"source: MissingEtag,", lambda asked: StoreError(f"{asked}: the store's answer has no ETag")),
    (r"kind: Timeout,", timed_out),
    (r"error: IncompleteBody,|kind: (Interrupted|Body),", broken_off),
)
_REASONS = (
    ("dns error", "its name cannot be resolved"),
    ("ConnectionRefused", "it refused the connection"),
    ("ConnectionReset", "it closed the connection"),
    ("IncompleteMessage", "it closed the connection"),
)


def from_obstore(error: Exception, asked: Question) -> StoreError:
    """Return the error of ours that ``error``, raised by obstore, stands for."""
    text = str(error)
    if status := _STATUS.search(text):
        return error_for(_refusal(int(status[1]), text), asked)
    for pattern, make in _FAILURES:
        if re.search(rf"^\s*({pattern})$", text, re.MULTILINE):
            return make(asked)
    if "RetryError(" in text:
        return unreachable(asked, next((why for sign, why in _REASONS if sign in text), "the connection failed"))
    return StoreError(f"{asked}: the request could not be made: {type(error).__name__}")


def _refusal(status: int, text: str) -> Refusal:
    found = _BODY.search(text)
    body = found[1].replace('\\"', '"').replace("\\n", "\n") if found else ""
    return Refusal(status, _element("Code", body) or "", _element("Message", body) or "", _element("Region", body))


def _element(name: str, body: str) -> str | None:
    found = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return html.unescape(found[1]) if found else None
