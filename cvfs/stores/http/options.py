"""The options of ``http`` and ``https`` remotes (``dvc/config_schema.py``), checked."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config import RemoteConfig

#: Seconds. A server that has not begun to answer by then is taken for dead.
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class HttpOptions:
    """Where a remote is and how to sign in. ``auth`` is basic, digest, custom or None; ``header`` is for custom.

    ``verify`` is False, or the path of a file or directory of CA certificates, or True for the system's.
    """

    label: str
    address: SplitResult
    auth: str | None = None
    user: str | None = None
    password: str | None = None
    header: str | None = None
    verify: bool | str = True
    connect_timeout: float = CONNECT_TIMEOUT_S
    read_timeout: float = READ_TIMEOUT_S

    @property
    def url(self) -> str:
        """Name the address without user, password and query."""
        host = self.address.netloc.rpartition("@")[2]
        return f"{self.address.scheme}://{host}{self.address.path}".rstrip("/")


def options_of(remote: RemoteConfig) -> HttpOptions:
    """Read the options of a remote.

    Raises:
        ConfigError: a value is not of its option's kind.
        RemoteError: the URL has no host, or what signing in takes is missing.
    """
    label = f"remote {remote.name!r}"
    address = _address(remote, label)
    auth, header = remote.text("auth"), remote.text("custom_auth_header")
    auth = auth.lower() if auth else "custom" if header else None
    user, password = remote.text("user"), remote.text("password")
    if auth is None and (user or password):
        auth = "basic"
    if auth is None and address.username:
        auth, user, password = "basic", unquote(address.username), unquote(address.password or "")
    if auth not in (None, "basic", "digest", "custom"):
        raise ConfigError(f"{label}: option 'auth': expected basic, digest or custom")
    if auth == "custom" and not header:
        raise RemoteError(f"{label}: auth = custom needs custom_auth_header, the name of a header")
    if auth is not None and password is None:
        raise RemoteError(
            f"{label}: there is no password", hint=f"cvfs remote modify --local {remote.name} password PASSWORD"
        )
    verify = remote.flag_or_text("ssl_verify")
    return HttpOptions(
        label=label,
        address=address,
        auth=auth,
        user=user,
        password=password,
        header=header,
        verify=True if verify is None else verify,
        connect_timeout=_seconds(remote, "connect_timeout", CONNECT_TIMEOUT_S),
        read_timeout=_seconds(remote, "read_timeout", READ_TIMEOUT_S),
    )


def tls_context(options: HttpOptions) -> ssl.SSLContext:
    """Make what decides which servers are believed. RemoteError: there are no such certificates."""
    if options.verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if options.verify is True:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    place = {"capath" if Path(options.verify).is_dir() else "cafile": options.verify}
    try:
        context.load_verify_locations(**place)
    except OSError as error:  # of which what ssl raises is one
        raise RemoteError(f"{options.label}: ssl_verify: {options.verify} has no certificates: {error}") from error
    return context


def _address(remote: RemoteConfig, label: str) -> SplitResult:
    try:
        address = urlsplit(remote.url)
        port = address.port
    except ValueError as error:
        raise RemoteError(f"{label}: its url is not one: {error}") from error
    if not address.hostname or port == 0:
        raise RemoteError(f"{label}: its url names no host")
    return address


def _seconds(remote: RemoteConfig, option: str, default: float) -> float:
    text = remote.text(option)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ConfigError(f"remote {remote.name!r}: option {option!r}: expected a number of seconds")
    return seconds
