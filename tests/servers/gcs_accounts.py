"""Who may do what on the Google Cloud Storage of tests, and the tokens that prove it.

A service account's key signs an assertion, which the token endpoint exchanges for a token, as in
https://developers.google.com/identity/protocols/oauth2/service-account.
"""

from __future__ import annotations

import json
import threading
import uuid
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

import google.auth.jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from servers.gcs_objects import GcsError

#: All that the tests' server can be asked to do.
EVERYTHING = frozenset(
    f"storage.{what}"
    for what in (
        *("objects.get", "objects.list", "objects.create", "objects.delete", "objects.update"),
        *("buckets.get", "buckets.create", "buckets.update"),
    )
)


class Accounts:
    """The service accounts of one server, by e-mail address, with their permissions, and the tokens given out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._permissions: dict[str, frozenset[str]] = {}
        self._tokens: dict[str, str] = {}
        #: How many seconds tokens are said to last from now on.
        self.lifetime = 3600
        self.issued = 0

    def add(self, email: str, permissions: frozenset[str]) -> None:
        """Add an account, or change what it may do."""
        with self._lock:
            self._permissions[email] = permissions

    def key_file(self, directory: Path, email: str, token_uri: str, **more: str) -> Path:
        """Write the key of an account, which need not exist, as the console gives it out."""
        path = directory / f"{email}.json"
        private, _ = _key_pair()
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": "test-project",
                    "private_key_id": "0123456789abcdef",
                    "private_key": private,
                    "client_email": email,
                    "client_id": "1",
                    "token_uri": token_uri,
                    **more,
                }
            )
        )
        return path

    def exchange(self, body: bytes) -> dict[str, object]:
        """Answer a request of the token endpoint: a signed assertion for a token."""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        _, public = _key_pair()
        claims = google.auth.jwt.decode(form["assertion"], certs=public)
        with self._lock:
            self.issued += 1
            if claims["iss"] not in self._permissions:
                raise GcsError(400, "invalid_grant", "InvalidGrant", "Invalid grant: account not found")
            token = f"ya29.{uuid.uuid4().hex}"
            self._tokens[token] = str(claims["iss"])
        return {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}

    def revoke_tokens(self) -> None:
        """Forget all tokens that were given out."""
        with self._lock:
            self._tokens.clear()

    def permissions(self, authorization: str | None) -> tuple[str, frozenset[str]] | None:
        """Return who asks and what they may do; None for anonymous ones."""
        if authorization is None:
            return None
        with self._lock:
            email = self._tokens.get(authorization.removeprefix("Bearer "))
        if email is None:
            raise GcsError(401, "authError", "AuthenticationRequired", "Invalid Credentials")
        return email, self._permissions[email]


@cache
def _key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
