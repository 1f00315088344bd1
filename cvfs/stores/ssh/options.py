"""The options of ``ssh`` remotes (``dvc/config_schema.py``), checked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cvfs.errors import RemoteError
from cvfs.metafiles.config import RemoteConfig

_TIMEOUT_S = 30
#: What sshd allows for one connection, unless told otherwise.
_SESSIONS = 10
_PORTS = 65536


@dataclass(frozen=True, slots=True, repr=False)
class SshOptions:
    """Where a remote is and how to sign in. What is None is looked for in ``~/.ssh/config``."""

    label: str
    host: str
    path: str
    port: int | None = None
    user: str | None = None
    keyfile: str | None = None
    password: str | None = None
    passphrase: str | None = None
    allow_agent: bool = True
    timeout: int = _TIMEOUT_S
    sessions: int = _SESSIONS

    @property
    def url(self) -> str:
        """Name the directory."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"ssh://{user}{self.host}{port}{self.path}"


def options_of(remote: RemoteConfig) -> SshOptions:
    """Read the options of a remote. No password is ever asked for.

    Raises:
        ConfigError: a value is not of its option's kind.
        RemoteError: the URL names no host.
    """
    label = f"remote {remote.name!r}"
    try:
        address = urlsplit(remote.url)
        port = remote.integer("port") or address.port
    except ValueError as error:
        raise RemoteError(f"{label}: its url is not one: {error}") from error
    if not address.hostname or (port is not None and port >= _PORTS):
        raise RemoteError(f"{label}: its url names no host and port")
    return SshOptions(
        label=label,
        host=address.hostname,
        # DVC takes the path as it is written.
        path="/" + remote.url.partition("://")[2].partition("/")[2].strip("/"),
        port=port,
        user=remote.text("user") or (unquote(address.username) if address.username else None),
        keyfile=remote.text("keyfile"),
        password=remote.text("password") or (unquote(address.password) if address.password else None),
        passphrase=remote.text("passphrase"),
        allow_agent=remote.flag("allow_agent", default=True),
        timeout=remote.integer("timeout") or _TIMEOUT_S,
        sessions=remote.integer("max_sessions") or _SESSIONS,
    )
