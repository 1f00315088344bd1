"""What AWS configuration, environment and a remote's options make together: a session, its client, its credentials.

Nothing here asks S3. Looking for credentials may use the network (SSO, an assumed role, instance metadata), each step
with a time limit.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

import botocore.config
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader

from cvfs.errors import CredentialsError, RemoteError
from cvfs.stores.s3.options import S3Options

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_s3.client import S3Client

#: botocore waits a minute for each, and asks five times: too long for a reader. A DVC option overrides either.
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0

_UNSIGNED = MappingProxyType({"signature_version": UNSIGNED})


class Secrets(NamedTuple):
    """One consistent set of credentials."""

    access_key: str
    secret_key: str
    token: str | None


class Address(NamedTuple):
    """Where requests go: ``endpoint`` includes the bucket if ``virtual_hosted``, else the path begins with it."""

    endpoint: str
    virtual_hosted: bool


class AwsSession:
    """A session made once from files, environment and options; a new one sees what has changed in them since.

    Safe to use from several threads.

    Raises:
        RemoteError: the profile does not exist, or a file or value of the configuration cannot be used.
    """

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._missing: CredentialsError | None = None
        self.last_secrets: Secrets | None = None
        try:
            self._session = _make_session(options)
            # A client without credentials: one that signs would look for them, and so might use the network.
            unsigned = self.make_client(signed=False)
            self.region = unsigned.meta.region_name or "us-east-1"
            self.address = _address(unsigned, options.bucket)
            self.custom_endpoint = self._custom_endpoint(unsigned.meta.endpoint_url)
        except (BotoCoreError, ValueError) as error:
            raise RemoteError(f"{options.label}: the AWS configuration cannot be used: {_one_line(error)}") from error
        self.authorities = _authorities(options, self._session)

    def found_by(self) -> str:
        """Name the way by which credentials were found, for messages."""
        if self._options.anonymous:
            return "asked without credentials: allow_anonymous_login"
        method = getattr(self._credentials, "method", None)
        return "credentials: the remote's access_key_id" if method == "explicit" else f"credentials: {method}"

    def secrets(self) -> Secrets | None:
        """Return valid credentials, refreshed if they had to be; None for anonymous access.

        That there are none is remembered; a new session looks again.

        Raises:
            CredentialsError: there are none, or they could not be refreshed.
        """
        if self._options.anonymous:
            return None
        with self._lock:
            try:
                frozen = self._find().get_frozen_credentials()
            except (BotoCoreError, ClientError, OSError, EOFError) as error:
                raise CredentialsError(
                    f"{self._options.label}: no valid credentials ({_looked_in(self._options)}): {_one_line(error)}",
                    hint="sign in again (for SSO: aws sso login), or correct the AWS configuration",
                ) from error
        if not frozen.access_key or not frozen.secret_key:
            raise CredentialsError(f"{self._options.label}: half of the credentials is missing ({self.found_by()})")
        self.last_secrets = Secrets(frozen.access_key, frozen.secret_key, frozen.token)
        return self.last_secrets

    def make_client(self, *, signed: bool) -> S3Client:
        """Make a client; one that signs looks for credentials if ``secrets()`` has not yet."""
        client = self._session.create_client(
            "s3",
            region_name=self._options.region,
            endpoint_url=self._options.endpointurl,
            use_ssl=self._options.use_ssl,
            verify=self._options.verify,
            config=_client_config(self._options) if signed else _client_config(self._options, **_UNSIGNED),
        )
        return cast("S3Client", client)

    def bucket_region(self) -> str | None:
        """Ask where the bucket is; None where the store does not tell. S3 tells even those whom it refuses."""
        try:
            answer: Any = self.make_client(signed=False).head_bucket(Bucket=self._options.bucket)
        except ClientError as error:
            answer = error.response
        except (BotoCoreError, RecursionError):  # botocore asks without end where a redirect names no region
            return None
        region: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region

    def _find(self) -> Credentials:
        if self._missing is not None:
            raise CredentialsError(self._missing.message, hint=self._missing.hint)
        if self._credentials is None:
            self._credentials = self._session.get_credentials()
        if self._credentials is None:
            self._missing = _missing(self._options)
            raise self._missing
        return self._credentials

    def _custom_endpoint(self, ours: str) -> str | None:
        """Return the endpoint that options, environment or AWS configuration set, without user info; else None."""
        default = self._session.create_client(
            "s3",
            region_name=self._options.region,
            use_ssl=self._options.use_ssl,
            config=_client_config(self._options, **_UNSIGNED, ignore_configured_endpoint_urls=True),
        )
        if ours == default.meta.endpoint_url:
            return None
        url = urlsplit(ours)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path.rstrip('/')}"


class _NotSentError(Exception):
    """Carries the URL of a request that was made only to learn it."""


def _address(client: S3Client, bucket: str) -> Address:
    """Let botocore decide between path and virtual-host style, as it does for its own requests. Nothing is sent."""

    def stop(request: AWSRequest, **_: object) -> None:
        raise _NotSentError(request.url)

    event = "request-created.s3.HeadObject"
    client.meta.events.register(event, stop)
    try:
        client.head_object(Bucket=bucket, Key="probe")
    except _NotSentError as caught:
        url = urlsplit(str(caught))
    finally:
        client.meta.events.unregister(event, stop)
    base = f"{url.scheme}://{url.netloc}"
    in_path = f"/{bucket}/probe"
    if url.path.endswith(in_path):
        return Address(base + url.path.removesuffix(in_path), virtual_hosted=False)
    return Address(base + url.path.removesuffix("/probe"), virtual_hosted=True)


@cache
def _loader(path: str | None) -> Loader:
    """Share the parsed descriptions of AWS's services: reading them is most of the time that making a session takes."""
    return create_loader(path)


def _make_session(options: S3Options) -> botocore.session.Session:
    session = botocore.session.Session(profile=options.profile)
    for variable, path in (("credentials_file", options.credentialpath), ("config_file", options.configpath)):
        # As in DVC, the environment's own choice of file goes before the remote's.
        if path is not None and session.get_config_variable(variable) == session.session_var_map[variable][2]:
            session.set_config_variable(variable, path)
    # Any other variable may come from the file that has just been chosen.
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    # For the clients that credential providers make, such as STS.
    limits = botocore.config.Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S)
    session.set_default_client_config(limits)
    if options.access_key_id is not None:
        if options.secret_access_key is None:
            raise RemoteError(f"{options.label} has an access_key_id, but no secret_access_key")
        session.set_credentials(options.access_key_id, options.secret_access_key, options.session_token)
    return session


def _client_config(options: S3Options, **special: Any) -> botocore.config.Config:
    return botocore.config.Config(
        connect_timeout=options.connect_timeout or CONNECT_TIMEOUT_S,
        read_timeout=options.read_timeout or READ_TIMEOUT_S,
        # RetryingStore does this, for all stores alike.
        retries={"total_max_attempts": 1, "mode": "standard"},
        # Many compatible servers refuse the checksums that newer SDKs add of their own accord.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=64,
        user_agent_extra="cvfs",
        **special,
    )


def _authorities(options: S3Options, session: botocore.session.Session) -> bytes | None:
    """Read the CA bundle that option, environment or AWS configuration names; None without one, or if none is asked."""
    if options.verify is False:
        return None
    path = options.verify if isinstance(options.verify, str) else session.get_config_variable("ca_bundle")
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise RemoteError(f"{options.label}: the CA bundle {path!r} cannot be read: {error.strerror}") from error


def _missing(options: S3Options) -> CredentialsError:
    return CredentialsError(
        f"{options.label}: no credentials found ({_looked_in(options)})",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or allow_anonymous_login = true for "
        "a public bucket",
    )


def _looked_in(options: S3Options) -> str:
    if options.access_key_id is not None:
        return "looked at the remote's own access_key_id"
    files = options.credentialpath or "the AWS credentials and configuration files"
    if options.profile is not None:
        return f"looked for the profile {options.profile!r} in {files}"
    return f"looked in the environment, {files}, and the metadata of the container or instance"


def _one_line(error: BaseException) -> str:
    """Put botocore's words in one line, without the queries of URLs: they can hold tokens."""
    return re.sub(r"\?[^\s\"']+", "?...", re.sub(r"\s+", " ", str(error)))[:300] or type(error).__name__
