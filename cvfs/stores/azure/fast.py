"""GET by version id through obstore, for all keys that it can express."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore.exceptions
import obstore.store

from cvfs.errors import StoreError
from cvfs.stores.azure.answers import Question
from cvfs.stores.azure.login import Login, Way
from cvfs.stores.azure.obstore_errors import from_obstore
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.session import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Secrets
from cvfs.stores.obstore_reading import get_version
from cvfs.stores.store import Piece, Stat

if TYPE_CHECKING:
    from obstore.store import AzureConfig, AzureCredential, ClientConfig

#: The most that one request may take, however steadily its bytes arrive: without a limit, a server that sends a byte
#: now and then would hold a reader for good. Generous, because a block is megabytes and a line may be slow.
REQUEST_TIMEOUT_S = 600.0


class FastClient:
    """Read with one set of credentials. Safe to use from several threads."""

    def __init__(self, options: AzureOptions, login: Login, secrets: Secrets | None) -> None:
        try:
            self._store = obstore.store.AzureStore(
                options.container,
                config=_config(login, anonymous=secrets is None),
                client_options=_client_options(options, login),
                retry_config={"max_retries": 0},
                credential_provider=None if secrets is None else _always(secrets),
            )
        except (ValueError, OSError, obstore.exceptions.BaseError) as error:
            raise StoreError(f"{options.label}: obstore takes no such account or container") from error

    def read(self, start: int, length: int | None, asked: Question) -> Piece:
        """GET one version, or the current one, or a range of it, and hold the answer to what was asked."""
        try:
            data, meta = get_version(
                self._store, asked.key, asked.version_id, start=start, length=length, where=str(asked)
            )
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            raise from_obstore(error, asked) from error
        return Piece(data, start, Stat(meta["size"], meta["version"], meta["e_tag"]))


def _config(login: Login, *, anonymous: bool) -> AzureConfig:
    # All that obstore would otherwise take from the environment, where cvfs has read it (or was told not to).
    return {
        "account_name": login.account,
        "endpoint": login.endpoint,
        "skip_signature": anonymous,
        "use_emulator": False,
        "use_fabric_endpoint": False,
        "use_azure_cli": False,
    }


def _client_options(options: AzureOptions, login: Login) -> ClientConfig:
    return {
        "allow_http": login.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=options.connection_timeout or CONNECT_TIMEOUT_S),
        "read_timeout": timedelta(seconds=options.read_timeout or READ_TIMEOUT_S),
        "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
        "user_agent": "cvfs",
    }


def _always(secrets: Secrets) -> Callable[[], AzureCredential]:
    # A provider, and not the plain values: beside those, obstore would take others from the environment.
    answer: AzureCredential
    if secrets.way is Way.KEY:
        answer = {"access_key": secrets.text, "expires_at": None}
    elif secrets.way is Way.SAS:
        answer = {"sas_token": secrets.text, "expires_at": None}
    else:
        answer = {"token": secrets.text, "expires_at": None}
    return lambda: answer
