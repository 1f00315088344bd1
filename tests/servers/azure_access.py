"""Who may do what in the test account: SharedKey signatures, shared access signatures, bearer tokens, nobody.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from servers.azure_account import Refused

_SIGNED = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AzureRequest:
    """One request. ``path`` is as it came; names in ``query`` and ``headers`` are in lower case, values decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    account: str = ""
    container: str = ""
    blob: str = ""

    def __str__(self) -> str:
        shown = "&".join(f"{name}={value}" for name, value in sorted(self.query.items()) if name != "sig")
        return f"{self.method} {unquote(self.path)}" + (f"?{shown}" if shown else "")

    @property
    def needs(self) -> str:
        """The letter of the permission, as in a shared access signature."""
        if self.method in {"GET", "HEAD"}:
            return "l" if self.query.get("comp") == "list" else "r"
        if self.method == "DELETE":
            return "x" if "versionid" in self.query else "d"
        return "w"


@dataclass(slots=True)
class Access:
    """Keys and grants of one account. ``checked`` false lets everybody do everything.

    ``signatures`` maps the ``sig`` of a shared access signature, and ``tokens`` a bearer token, to the letters of what
    it permits.
    """

    account: str
    key: str
    checked: bool = True
    signatures: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def check(self, request: AzureRequest, public: str | None) -> None:
        """Refuse what the request's credentials do not permit; ``public`` is what its container permits to all."""
        if not self.checked:
            return
        scheme, _, proof = request.headers.get("authorization", "").partition(" ")
        if scheme == "SharedKey":
            self._check_signature(request, proof)
        elif scheme == "Bearer":
            if proof not in self.tokens:
                raise Refused(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request.")
            _permit(self.tokens[proof], request)
        elif "sig" in request.query:
            self._check_sas(request)
        elif public is None or (public == "blob" and request.needs != "r") or request.needs not in "rl":
            # Whoever shows no credentials is not told what exists.
            raise Refused(404, "ResourceNotFound", "The specified resource does not exist.")

    def _check_signature(self, request: AzureRequest, proof: str) -> None:
        expected = f"{self.account}:{signature(self.key, string_to_sign(self.account, request))}"
        if not hmac.compare_digest(proof, expected):
            raise Refused(403, "AuthenticationFailed", f"The MAC signature {proof!r} is not the same as any computed.")

    def _check_sas(self, request: AzureRequest) -> None:
        permitted = self.signatures.get(request.query["sig"])
        if permitted is None or request.query["se"] < f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}":
            raise Refused(403, "AuthenticationFailed", f"Signature did not match: {request.query['sig']}")
        _permit(permitted, request)


def _permit(letters: str, request: AzureRequest) -> None:
    # Creating is enough to write what is not there yet; this server asks for writing.
    if request.needs not in letters:
        raise Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized with this permission.")


def string_to_sign(account: str, request: AzureRequest) -> str:
    """Return what SharedKey signs of a request."""
    values = [request.headers.get(name, "") for name in _SIGNED]
    if values[2] == "0":
        values[2] = ""
    own = sorted((name, value) for name, value in request.headers.items() if name.startswith("x-ms-"))
    headers = "".join(f"{name}:{value}\n" for name, value in own)
    resource = f"/{account}{request.path}" + "".join(f"\n{k}:{v}" for k, v in sorted(request.query.items()))
    return "\n".join([request.method, *values, headers + resource])


def signature(key: str, text: str) -> str:
    """Sign as SharedKey does."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
