"""Which account a remote means, and by which of the ways that DVC knows it is entered.

The first of these that is complete: connection string, service principal, account key, shared access signature, the
default chain of azure-identity, nobody. A remote's own option goes before environment and configuration file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from cvfs.errors import RemoteError
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.surroundings import Given, Surroundings

#: What every emulator of Azure Storage answers to; published, and so no secret.
EMULATOR_ACCOUNT = "devstoreaccount1"
EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR_ENDPOINT = f"http://127.0.0.1:10000/{EMULATOR_ACCOUNT}"
_DEFAULT_SUFFIX = "core.windows.net"


class Way(Enum):
    """How requests are signed, or who asks for the token that goes with them."""

    KEY = "account key"
    SAS = "shared access signature"
    PRINCIPAL = "service principal"
    DEFAULT = "default credentials of azure-identity"
    ANONYMOUS = "asked without credentials: allow_anonymous_login"


@dataclass(frozen=True, slots=True)
class Login:
    """An account and the way in. ``secret`` is a key or SAS token; ``source`` says where it was found.

    ``endpoint`` is the URL of the account's Blob service, without a slash at its end.
    """

    endpoint: str
    account: str
    way: Way
    source: str
    secret: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.way.value if not self.source else f"credentials: {self.way.value} from {self.source}"


def login_of(options: AzureOptions, surroundings: Surroundings) -> Login:
    """Choose the account and the way in, without asking anybody.

    Raises:
        RemoteError: no account is named, or what is said of it cannot be used.
    """
    if found := _first(options.connection_string, "connection_string", surroundings, "connection_string"):
        return _by_connection_string(found, options)
    account = _first(options.account_name, "account_name", surroundings, "account")
    if account is None:
        raise RemoteError(
            f"{options.label}: no storage account is named",
            hint="set the remote's account_name or connection_string, or AZURE_STORAGE_ACCOUNT",
        )
    endpoint = f"https://{account.text}.blob.{_DEFAULT_SUFFIX}"
    principal = (options.tenant_id, options.client_id, options.client_secret)
    if all(principal):
        return Login(endpoint, account.text, Way.PRINCIPAL, "the remote's client_id")
    if key := _first(options.account_key, "account_key", surroundings, "key"):
        return Login(endpoint, account.text, Way.KEY, key.source, _checked_key(key, options))
    if sas := _first(options.sas_token, "sas_token", surroundings, "sas_token"):
        return Login(endpoint, account.text, Way.SAS, sas.source, sas.text.lstrip("?"))
    if any(principal):
        raise RemoteError(f"{options.label}: tenant_id, client_id and client_secret belong together; one is missing")
    way = Way.ANONYMOUS if options.anonymous else Way.DEFAULT
    return Login(endpoint, account.text, way, "" if options.anonymous else "this machine")


def _first(own: str | None, option: str, surroundings: Surroundings, name: str) -> Given | None:
    return surroundings.storage(name) if own is None else Given(own, f"the remote's {option}")


def _by_connection_string(found: Given, options: AzureOptions) -> Login:
    pairs = (part.partition("=") for part in found.text.split(";"))
    given = {name.strip().lower(): text.strip() for name, _, text in pairs if text.strip()}
    if given.get("usedevelopmentstorage", "").lower() == "true":
        return Login(_EMULATOR_ENDPOINT, EMULATOR_ACCOUNT, Way.KEY, found.source, EMULATOR_KEY)
    endpoint = _endpoint(given)
    account = given.get("accountname") or _account_in(endpoint)
    if not endpoint or not account:
        raise RemoteError(
            f"{options.label}: the connection string ({found.source}) names no account",
            hint="it needs AccountName, and AccountKey or SharedAccessSignature",
        )
    if "accountkey" in given:
        key = _checked_key(Given(given["accountkey"], found.source), options)
        return Login(endpoint, account, Way.KEY, found.source, key)
    if "sharedaccesssignature" in given:
        return Login(endpoint, account, Way.SAS, found.source, given["sharedaccesssignature"].lstrip("?"))
    return Login(endpoint, account, Way.ANONYMOUS, "")


def _endpoint(given: Mapping[str, str]) -> str:
    own = given.get("blobendpoint", "")
    if own:
        url = urlsplit(own)
        if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query:
            return ""
        return f"{url.scheme}://{url.netloc}{url.path}".rstrip("/")
    if "accountname" not in given:
        return ""
    scheme = given.get("defaultendpointsprotocol", "https")
    suffix = given.get("endpointsuffix", _DEFAULT_SUFFIX)
    return f"{scheme}://{given['accountname']}.blob.{suffix}"


def _account_in(endpoint: str) -> str:
    """Return the account that an endpoint itself names: emulators have it in the path, Azure in the host's name."""
    url = urlsplit(endpoint)
    return url.path.strip("/") or (url.hostname or "").partition(".")[0]


def _checked_key(key: Given, options: AzureOptions) -> str:
    try:
        base64.b64decode(key.text, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteError(f"{options.label}: the account key ({key.source}) is not base64: it is incomplete") from None
    return key.text
