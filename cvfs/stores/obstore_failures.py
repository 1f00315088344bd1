"""What obstore's exceptions tell, whichever store they come from.

obstore tells little by type and much by text: a sentence, then Rust's rendering of the error, one field a line. Fields
are matched as whole lines: a key is rendered in quotes with its line breaks escaped, and cannot pass for one. The text
holds the URL with its query, so none of it may be shown but the server's own words.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from enum import Enum, auto


class Cause(Enum):
    """Why a request failed."""

    #: The store answered with an error status.
    ANSWERED = auto()
    #: It answered with another range than the one asked for.
    OTHER_BYTES = auto()
    #: It answered something, though the range begins beyond the end.
    BEYOND_END = auto()
    #: It cannot prove who it is.
    CERTIFICATE = auto()
    #: Its answer lacks what obstore insists on.
    NO_ETAG = auto()
    TIMED_OUT = auto()
    BROKEN_OFF = auto()
    #: There was no connection; the failure's text says why.
    UNREACHABLE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed request. ``status``, ``body``, and ``code`` and ``text`` (of an answer in XML) belong to ANSWERED."""

    cause: Cause
    status: int = 0
    code: str = ""
    text: str = ""
    body: str = ""


_STATUS = re.compile(r"^\s*status: (\d{3}),$", re.MULTILINE)
_BODY = re.compile(r'^\s*body: Some\(\n\s*"(.*)",$', re.MULTILINE)
_CAUSES = (
    # What Azurite answers where Azure says 416; the second one is for an empty object.
    (r'source: StartTooLarge \{|value: "bytes 0--1/0",', Cause.BEYOND_END),
    (r"source: (UnexpectedRange \{|NoContentRange,|NotPartial,|ParseContentRange.*)", Cause.OTHER_BYTES),
    (r"error: InvalidCertificate\(", Cause.CERTIFICATE),
    (r"source: MissingEtag,", Cause.NO_ETAG),
    (r"kind: Timeout,", Cause.TIMED_OUT),
    (r"error: IncompleteBody,|kind: (Interrupted|Body),", Cause.BROKEN_OFF),
)
_REASONS = (
    ("dns error", "its name cannot be resolved"),
    ("ConnectionRefused", "it refused the connection"),
    ("ConnectionReset", "it closed the connection"),
    ("IncompleteMessage", "it closed the connection"),
)


def failure_in(error: Exception) -> Failure:
    """Find out what ``error``, raised by obstore, is about."""
    text = str(error)
    if status := _STATUS.search(text):
        found = _BODY.search(text)
        body = found[1].replace('\\"', '"').replace("\\n", "\n") if found else ""
        return Failure(Cause.ANSWERED, int(status[1]), element("Code", body), element("Message", body), body)
    for pattern, cause in _CAUSES:
        if re.search(rf"^\s*({pattern})$", text, re.MULTILINE):
            return Failure(cause)
    if "RetryError(" in text:
        why = next((why for sign, why in _REASONS if sign in text), "the connection failed")
        return Failure(Cause.UNREACHABLE, text=why)
    return Failure(Cause.UNKNOWN)


def element(name: str, body: str) -> str:
    """Return the text of the first element of that name in an answer in XML; '' without one."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return html.unescape(found[1]) if found else ""
