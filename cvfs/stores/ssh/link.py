"""One connection to an SSH server, and as many SFTP sessions on it as are needed at once.

Servers are known by ``known_hosts`` as for OpenSSH, and an unknown one is refused. Of ``~/.ssh/config`` counts what
says where a host is and who signs in; programs that it names (``ProxyCommand``) are not run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko

from cvfs.errors import CredentialsError, StoreError, UnavailableError
from cvfs.stores.ssh.options import SshOptions


class Link:
    """Lends out SFTP sessions. Safe to use from several threads; asks nobody until first used."""

    def __init__(self, options: SshOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(options.sessions)
        self._client: paramiko.SSHClient | None = None
        self._idle: list[paramiko.SFTPClient] = []

    @contextmanager
    def session(self) -> Iterator[paramiko.SFTPClient]:
        """Lend a session; after a failure of the connection the next one begins anew.

        Raises:
            CredentialsError: the server lets nobody in whom this machine has a key or password of.
            StoreError: the server is unknown here, or another one than it was.
            UnavailableError: there is no connection, or it broke off.
        """
        with self._places:
            try:
                session = self._take()
                yield session
            except (paramiko.SSHException, EOFError, ConnectionError, TimeoutError) as error:
                self.close()
                raise UnavailableError(f"{self._options.url}: the connection broke off: {error}") from error
            with self._lock:
                self._idle.append(session)

    def close(self) -> None:
        """Close the connection and all its sessions."""
        with self._lock:
            client, self._client, self._idle = self._client, None, []
        if client is not None:
            with suppress(paramiko.SSHException, EOFError, OSError):
                client.close()

    def _take(self) -> paramiko.SFTPClient:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._client is None:
                self._client = self._connect()
            client = self._client
        return client.open_sftp()

    def _connect(self) -> paramiko.SSHClient:
        options = self._options
        found = _ssh_config(options.host)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.load_system_host_keys()
            client.connect(
                found.get("hostname", options.host),
                port=options.port or int(found.get("port", paramiko.config.SSH_PORT)),
                username=options.user or found.get("user"),
                password=options.password,
                passphrase=options.passphrase,
                key_filename=options.keyfile or found.get("identityfile"),
                allow_agent=options.allow_agent,
                look_for_keys=options.keyfile is None,
                timeout=options.timeout,
                banner_timeout=options.timeout,
                auth_timeout=options.timeout,
                channel_timeout=options.timeout,
            )
        except paramiko.BadHostKeyException as error:
            client.close()
            raise StoreError(
                f"{options.url}: this is another server than known_hosts says",
                hint=f"if that is right: ssh-keygen -R {options.host}, then connect once by ssh",
            ) from error
        except paramiko.AuthenticationException as error:
            client.close()
            raise CredentialsError(
                f"{options.url}: the server refuses the keys and passwords that were found (keyfile, agent, ~/.ssh)"
            ) from error
        except paramiko.SSHException as error:
            client.close()
            if "known_hosts" not in str(error):
                raise _no_connection(options, error) from error
            hint = f"connect once by ssh, or: ssh-keyscan {options.host} >> ~/.ssh/known_hosts"
            raise StoreError(f"{options.url}: nobody on this machine knows the server", hint=hint) from error
        except (OSError, EOFError, ValueError) as error:
            client.close()
            raise _no_connection(options, error) from error
        return client


def _no_connection(options: SshOptions, error: Exception) -> UnavailableError:
    return UnavailableError(f"{options.url}: no connection: {error}")


def _ssh_config(host: str) -> paramiko.SSHConfigDict:
    try:
        return paramiko.SSHConfig.from_path(str(Path("~/.ssh/config").expanduser())).lookup(host)
    except (OSError, paramiko.ConfigParseError, RuntimeError):
        return paramiko.SSHConfigDict()
