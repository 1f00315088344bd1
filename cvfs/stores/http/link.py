"""Requests to one server: signing in, redirects, and what its answers mean.

Credentials go to the host of the remote's URL only: ``requests`` would strip them from redirects to others in most
cases, but neither a header of the user's own choice nor what signs in by digest. Proxies are those of the environment;
``.netrc`` is not looked at, because its default entry would go to any host that a repository names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.stores.http.options import HttpOptions, tls_context
from cvfs.stores.ranges import BeyondEndError

_CONNECTIONS = 64
_REDIRECTS = 10
_MISSING = {404, 410}
_TRY_AGAIN = {408, 425, 429}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Link:
    """Send requests below the remote's URL. Safe to use from several threads; asks nobody until first used."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._auth = _auth(options)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "cvfs"}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(options)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._home = urlsplit(self.address(""))

    def address(self, key: str) -> str:
        """Return the URL of a key. VersionNotFoundError: it can have none."""
        if any(part in {".", ".."} for part in key.split("/")):
            raise VersionNotFoundError(f"{self._options.url}: {key!r} cannot be a part of a URL")
        at = self._options.address
        raw = key.encode("utf-8", "surrogateescape")
        path = f"{at.path.rstrip('/')}/{quote(raw)}" if key else at.path
        return urlunsplit((at.scheme, at.netloc.rpartition("@")[2], path, at.query, ""))

    @contextmanager
    def answer(self, method: str, key: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Give the answer to a request, redirects followed, with its body still to be read.

        Raises:
            StoreError: whatever the server or the network has against it, also while the body is read.
        """
        what = f"{self._options.url}: {key!r}"
        try:
            response = self._follow(method, self.address(key), headers, what)
            with response:
                _check(response, what)
                yield response
        except requests.exceptions.SSLError as error:
            raise StoreError(
                f"{what}: the server's certificate is not accepted",
                hint="ssl_verify can name a file of CA certificates",
            ) from error
        except ValueError as error:  # as requests says of URLs, and it parses those of redirects before it is asked to
            raise StoreError(f"{what}: a redirect leads to what is no address of a web server") from error
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            raise UnavailableError(f"{what}: {_explain(error)}") from error

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _follow(self, method: str, url: str, headers: Mapping[str, str], what: str) -> requests.Response:
        for _ in range(_REDIRECTS):
            response = self._send(method, url, headers)
            location = response.headers.get("Location")
            if not response.is_redirect or location is None:
                return response
            response.close()
            try:
                url = urljoin(url, location)
                urlsplit(url)
            except ValueError as error:
                raise StoreError(f"{what}: a redirect leads to what is no address of a web server") from error
        raise StoreError(f"{what}: redirected more than {_REDIRECTS} times")

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        options = self._options
        sent = {**self._headers, **headers}
        auth: AuthBase | None = None
        if _same_server(self._home, urlsplit(url)):
            auth = self._auth
            if options.auth == "custom":
                sent[options.header or ""] = options.password or ""
        settings: dict[str, Any] = {
            "allow_redirects": False,
            "stream": True,
            "timeout": (options.connect_timeout, options.read_timeout),
            "verify": options.verify is not False,
            "proxies": get_environ_proxies(url),
        }
        return self._session.request(method, url, headers=sent, auth=auth or _no_auth, **settings)


class _Adapter(HTTPAdapter):
    """Connections that believe the servers that the options say, and no others."""

    def __init__(self, options: HttpOptions) -> None:
        self._context = tls_context(options)
        if options.verify is False:
            urllib3.disable_warnings(InsecureRequestWarning)  # its user has been told, by whoever set the option
        super().__init__(pool_maxsize=_CONNECTIONS)

    def build_connection_pool_key_attributes(self, *arguments: Any, **named: Any) -> Any:
        """Use our context, to which ``requests`` would else add the certificates that it brings."""
        host, settings = super().build_connection_pool_key_attributes(*arguments, **named)
        kept = {name: value for name, value in settings.items() if name not in {"ca_certs", "ca_cert_dir"}}
        return host, {**kept, "ssl_context": self._context}

    def cert_verify(self, *arguments: Any, **named: Any) -> None:
        """Leave it to the context."""


def _auth(options: HttpOptions) -> AuthBase | None:
    if options.auth == "basic":
        return HTTPBasicAuth(options.user or "", options.password or "")
    if options.auth == "digest":
        return HTTPDigestAuth(options.user or "", options.password or "")
    return None


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign nothing; without it, ``requests`` takes what the URL has."""
    return request


def _same_server(home: SplitResult, other: SplitResult) -> bool:
    def place(at: SplitResult) -> tuple[str, str | None, int | None]:
        return at.scheme, at.hostname, at.port or _DEFAULT_PORTS.get(at.scheme)

    return place(home) == place(other)


def _check(response: requests.Response, what: str) -> None:
    status = response.status_code
    if status in {200, 206}:
        return
    if status in _MISSING:
        raise VersionNotFoundError(f"{what}: no such object")
    if status == 401:
        raise CredentialsError(f"{what}: the server wants a user and password, or refuses those it got")
    if status in {403, 407}:
        raise AccessDeniedError(f"{what}: access denied")
    if status == 416:
        raise BeyondEndError(f"{what}: the object ends before the bytes that were asked for")
    if status in _TRY_AGAIN or status >= 500:
        raise UnavailableError(f"{what}: the server answered {status}")
    raise StoreError(f"{what}: the server answered {status}")


def _explain(error: Exception) -> str:
    """Say what happened, without the URL, which may hold a secret."""
    if isinstance(error, requests.exceptions.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be used"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection, or it broke off"
    return f"the answer broke off ({type(error).__name__})"
