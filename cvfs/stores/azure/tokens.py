"""Tokens of azure-identity, kept until shortly before their end: some of its ways run a program for each one."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken

from cvfs.stores.azure.login import Way
from cvfs.stores.azure.options import AzureOptions

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

#: A request that begins before a token ends should also finish before.
MARGIN_S = 300


class KeptToken:
    """A credential of the SDK's kind that asks another one only when it has to. Safe to use from several threads."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ...], AccessToken] = {}

    def get_token(self, *scopes: str, **special: Any) -> AccessToken:
        """Return a token for ``scopes``. What the SDK asks for after a challenge (another tenant) is not kept."""
        wanted = {name: value for name, value in special.items() if value}
        if wanted.keys() - {"enable_cae"}:
            return self._credential.get_token(*scopes, **wanted)
        with self._lock:
            kept = self._kept.get(scopes)
            if kept is None or kept.expires_on - MARGIN_S < time.time():
                kept = self._kept[scopes] = self._credential.get_token(*scopes)
            return kept

    def close(self) -> None:
        """Do nothing: the other credential has nothing that stays open."""


def token_credential(options: AzureOptions, way: Way) -> KeptToken:
    """Make the credential for a service principal or the default chain, without asking anybody."""
    import azure.identity  # noqa: PLC0415 (takes half a second, and most remotes have a key)

    # What it would warn of, the error that follows says in one sentence.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    if way is Way.PRINCIPAL:
        return KeptToken(
            azure.identity.ClientSecretCredential(
                options.tenant_id or "", options.client_id or "", options.client_secret or ""
            )
        )
    # No browser: whoever reads a file of a mount is not there to sign in.
    return KeptToken(
        azure.identity.DefaultAzureCredential(
            exclude_interactive_browser_credential=True, **dict.fromkeys(options.exclusions, True)
        )
    )
