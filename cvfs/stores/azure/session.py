"""A login made usable: secrets that are valid now, and the SDK's client of the container."""

from __future__ import annotations

import threading
from typing import NamedTuple

from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.storage.blob import ContainerClient

from cvfs.errors import CredentialsError
from cvfs.stores.azure.login import Login, Way, login_of
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.surroundings import Surroundings
from cvfs.stores.azure.tokens import KeptToken, token_credential

#: The SDK waits a minute for an answer: too long for a reader. A DVC option overrides either.
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0

_SCOPE = "https://storage.azure.com/.default"


class Secrets(NamedTuple):
    """What requests are signed or sent with: an account key, a SAS token or a bearer token."""

    way: Way
    text: str


class AzureSession:
    """A session made once from options, environment and files; a new one sees what has changed in them since.

    Safe to use from several threads. Making one asks nobody.

    Raises:
        RemoteError: no account is named, or a value cannot be used.
    """

    def __init__(self, options: AzureOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._credential: KeptToken | None = None
        self._missing: CredentialsError | None = None
        self.login: Login = login_of(options, Surroundings())
        self.last_secrets: Secrets | None = None

    def found_by(self) -> str:
        """Name the way by which credentials were found, for messages."""
        return str(self.login)

    def secrets(self) -> Secrets | None:
        """Return what is valid now; None for anonymous access. Looking for a token may use the network.

        That there is none is remembered; a new session looks again.

        Raises:
            CredentialsError: no token can be had.
        """
        way = self.login.way
        if way is Way.ANONYMOUS:
            return None
        self.last_secrets = Secrets(way, self._token() if self.login.secret is None else self.login.secret)
        return self.last_secrets

    def client(self, part_size: int) -> ContainerClient:
        """Make a client; uploads of up to ``part_size`` bytes become one request."""
        login, options = self.login, self._options
        return ContainerClient(
            login.endpoint,
            options.container,
            credential=self._sdk_credential(),
            max_single_put_size=part_size,
            # What is asked for comes in one answer, whose headers are then those of all of it.
            max_single_get_size=1 << 40,
            # RetryingStore does this, for all stores alike.
            retry_total=0,
            connection_timeout=options.connection_timeout or CONNECT_TIMEOUT_S,
            read_timeout=options.read_timeout or READ_TIMEOUT_S,
            user_agent="cvfs",
        )

    def _sdk_credential(self) -> dict[str, str] | AzureSasCredential | KeptToken | None:
        login = self.login
        if login.way is Way.ANONYMOUS:
            return None
        if login.secret is None:
            return self._token_credential()
        if login.way is Way.SAS:
            return AzureSasCredential(login.secret)
        # An emulator's URL does not say which account the key belongs to.
        return {"account_name": login.account, "account_key": login.secret}

    def _token_credential(self) -> KeptToken:
        with self._lock:
            if self._credential is None:
                self._credential = token_credential(self._options, self.login.way)
            return self._credential

    def _token(self) -> str:
        if self._missing is not None:
            raise CredentialsError(self._missing.message, hint=self._missing.hint)
        try:
            return self._token_credential().get_token(_SCOPE).token
        except (AzureError, ValueError, OSError) as error:
            self._missing = _no_token(self._options, error)
            raise self._missing from error


def _no_token(options: AzureOptions, error: Exception) -> CredentialsError:
    """Return the error for a token that azure-identity could not get."""
    if options.client_secret is not None:
        said = "the service principal was refused" if isinstance(error, ClientAuthenticationError) else "no answer"
        return CredentialsError(
            f"{options.label}: no token for the service principal {options.client_id!r}: {said}",
            hint="check tenant_id, client_id and client_secret; a secret expires",
        )
    out = f" (without {', '.join(options.exclusions)})" if options.exclusions else ""
    return CredentialsError(
        f"{options.label}: no credentials found (looked in connection string, account key and SAS token of options, "
        f"AZURE_STORAGE_… and the Azure configuration, then in the default chain of azure-identity{out})",
        hint="run `az login`, set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or allow_anonymous_login = true for a "
        "public container",
    )
