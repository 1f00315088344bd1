"""What the environment, gcloud's files and a remote's options make together: an endpoint, credentials, a client.

Nothing here asks the store. Looking for credentials may use the network (token endpoints, the metadata server), each
step with a time limit.
"""

from __future__ import annotations

import json
import logging
import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import google.auth
import google.oauth2.credentials
import requests
import requests.adapters
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage
from google.oauth2 import service_account

from cvfs.errors import CredentialsError, RemoteError
from cvfs.stores.gcs.google_errors import from_google_auth, one_line
from cvfs.stores.gcs.options import GcsOptions

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
#: What the SDK and requests take for a time limit.
TIMEOUT = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
#: For each request to whoever gives out tokens.
TOKEN_TIMEOUT_S = 20.0

#: Where requests go if nobody says otherwise.
_GOOGLES_OWN = "https://storage.googleapis.com"
_SCOPES = storage.Client.SCOPE

# Printed for everybody who signed in with gcloud and set no quota project, which reading needs in no way.
warnings.filterwarnings("ignore", "Your application has authenticated using end user credentials", UserWarning)
# What fails for good is an error of ours. These also warn of tries, and of questions that google-auth asks on its own.
for _name in ("google.auth", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.ERROR)


class GoogleSession:
    """A session made once from files, environment and options; a new one sees what has changed in them since.

    Safe to use from several threads. ``payer`` is the project that pays for requests, or None for the bucket's owner.

    Raises:
        RemoteError: the endpoint is no URL.
    """

    def __init__(self, options: GcsOptions, payer: str | None = None) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._missing: CredentialsError | None = None
        self.payer = payer
        self.last_token: str | None = None
        environments = _environments_endpoint()
        self.endpoint = _with_scheme(options.endpointurl or environments, options.label)
        self.custom_endpoint = None if self.endpoint == _GOOGLES_OWN else _without_userinfo(self.endpoint)
        # As in the SDK and gcsfs: whoever names an emulator in the environment has no credentials for it.
        self._emulated = environments != _GOOGLES_OWN and options.credentialpath is None
        self.anonymous = options.anonymous or self._emulated

    def found_by(self) -> str:
        """Name the way by which credentials were found, for messages."""
        if self._options.anonymous:
            return "asked without credentials: allow_anonymous_login"
        if self._emulated:
            return "asked without credentials: STORAGE_EMULATOR_HOST"
        account = getattr(self._credentials, "service_account_email", None)
        whose = "" if account in {None, "default"} else f" of {account}"
        return f"credentials{whose}: {_place(self._options)}"

    def token(self) -> str | None:
        """Return a valid token, a new one if it had to be; None for anonymous access.

        That there are no credentials is remembered; a new session looks again.

        Raises:
            CredentialsError: there are none, or they are not (or no longer) good for a token.
            UnavailableError: whoever gives out tokens cannot be reached.
        """
        if self.anonymous:
            return None
        with self._lock:
            try:
                credentials = self._find()
                if not credentials.valid:
                    credentials.refresh(_asking())
            except GoogleAuthError as error:
                raise from_google_auth(error, self._options.label, self.found_by()) from error
            self.last_token = str(credentials.token)
            return self.last_token

    def billed_project(self) -> str | None:
        """Return the project that the credentials themselves name for quota and billing."""
        return self.payer or getattr(self._credentials, "quota_project_id", None)

    def transport(self) -> AuthorizedSession:
        """Make a session of HTTP that sends the credentials along."""
        with self._lock:
            credentials = AnonymousCredentials() if self.anonymous else self._find()
        session = AuthorizedSession(
            credentials,
            # Anonymous ones cannot be refreshed, and say so with an error of their own.
            refresh_status_codes=() if self.anonymous else (401,),
            refresh_timeout=TOKEN_TIMEOUT_S,
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, requests.adapters.HTTPAdapter(pool_connections=8, pool_maxsize=64))
        return session

    def make_client(self, transport: AuthorizedSession) -> storage.Client:
        """Make a client that sends its requests through ``transport``.

        Raises:
            RemoteError: the credentials are for another cloud than Google's own.
        """
        try:
            client = storage.Client(
                project=self._options.project,
                credentials=transport.credentials,
                _http=transport,
                client_options={"api_endpoint": self.endpoint},
            )
        except ValueError as error:
            raise RemoteError(f"{self._options.label}: {one_line(error)}") from error
        # Newer SDKs ask for every bucket's metadata behind the caller's back, to label traces that nobody wants here:
        # a request, and a permission, that no read needs.
        client._bucket_metadata_cache = None
        return client

    def _find(self) -> Credentials:
        if self._missing is not None:
            raise CredentialsError(self._missing.message, hint=self._missing.hint)
        if self._credentials is None:
            try:
                self._credentials = _look_for(self._options)
            except (DefaultCredentialsError, OSError, ValueError) as error:
                self._missing = _nothing_found(self._options, error)
                raise self._missing from error
        return self._credentials


def _look_for(options: GcsOptions) -> Credentials:
    if options.credentialpath is not None:
        return _from_file(options.credentialpath)
    found, _ = google.auth.default(scopes=_SCOPES, request=_asking())
    return found


def _asking() -> Any:
    """Return what google-auth is to ask token endpoints with: by itself it would wait for two minutes."""
    return partial(Request(), timeout=TOKEN_TIMEOUT_S)


def _from_file(path: str) -> Credentials:
    """Load the two kinds of files that DVC takes here. Others can name programs to run, and hosts to ask."""
    with open(path, encoding="utf-8") as file:
        info: Any = json.load(file)
    kind = info.get("type") if isinstance(info, dict) else None
    found: Any
    if kind == "service_account":
        found = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    elif kind == "authorized_user":
        found = google.oauth2.credentials.Credentials.from_authorized_user_info(info)
    else:
        raise ValueError(f"{path} is neither the key of a service account nor a user's credentials")
    credentials: Credentials = found.with_quota_project_from_environment()
    return credentials


def _environments_endpoint() -> str:
    """Let the SDK say where it would go. Nothing is sent."""
    client = storage.Client(project="none", credentials=AnonymousCredentials())
    endpoint = str(client.api_endpoint)
    client.close()
    return endpoint


def _with_scheme(endpoint: str, label: str) -> str:
    url = endpoint if "://" in endpoint else f"http://{endpoint}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RemoteError(f"{label}: {_without_userinfo(url)!r} is no URL of a server")
    return url.rstrip("/")


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _nothing_found(options: GcsOptions, error: Exception) -> CredentialsError:
    if options.credentialpath is not None:
        return CredentialsError(
            f"{options.label}: no credentials ({_place(options)}): {one_line(error)}",
            hint="credentialpath has to name the key of a service account, or what gcloud keeps of a user, in JSON; "
            "anything else can be named by GOOGLE_APPLICATION_CREDENTIALS",
        )
    nothing_at_all = str(error).startswith("Your default credentials were not found")
    said = "" if nothing_at_all else f": {one_line(error)}"
    return CredentialsError(
        f"{options.label}: no credentials found ({_place(options)}){said}",
        hint="sign in with gcloud auth application-default login, set credentialpath or GOOGLE_APPLICATION_CREDENTIALS,"
        " or allow_anonymous_login = true for a public bucket",
    )


def _place(options: GcsOptions) -> str:
    if options.credentialpath is not None:
        return f"credentialpath {options.credentialpath}"
    return "from GOOGLE_APPLICATION_CREDENTIALS, gcloud's files, or the metadata server"
