"""A Blob service on a free port of loopback: a pytest plugin with the fixtures ``azure`` and ``azure_server``.

It speaks the REST API as documented, keeps every version, and is driven through the real SDK and obstore only. Neither
Azurite nor any other emulator keeps versions; ``tests/stores/test_azurite.py`` holds this server to Azurite in all that
Azurite can do.
"""

from __future__ import annotations

import base64
import os
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas

from servers.azure_access import Access, AzureRequest
from servers.azure_account import Account, Refused
from servers.azure_rest import Answered, Rest, refusal

ACCOUNT = "devstoreaccount1"
#: What ``requests`` shows of a request that no answer followed.
_NO_ANSWER = 0


@dataclass(slots=True)
class Fault:
    """Answers the next ``times`` requests of ``method`` whose path and query hold ``part`` with an error."""

    method: str
    part: str
    refused: Refused
    times: int
    struck: int = 0

    def strikes(self, request: AzureRequest) -> bool:
        """Tell whether this is one of those requests."""
        return request.method == self.method and self.part in str(request) and self.struck < self.times


class AzureServer:
    """A running server. ``endpoint`` is the account's URL, ``key`` its key.

    ``requests`` are those that were answered, with the status. ``alter`` may change any answer before it is sent.
    """

    def __init__(self, certificate: Path | None = None, *, account: str = ACCOUNT) -> None:
        self.name = account
        self.key = base64.b64encode(os.urandom(64)).decode()
        self.account = Account()
        self.access = Access(account, self.key)
        self.requests: list[tuple[AzureRequest, int]] = []
        self.faults: list[Fault] = []
        self.alter: Callable[[AzureRequest, Answered], Answered] = lambda _, answer: answer
        self._rest = Rest(self.account, self.access)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_port}/{account}"

    @property
    def connection_string(self) -> str:
        """What leads to this server with all rights."""
        scheme = urlsplit(self.endpoint).scheme
        return (
            f"DefaultEndpointsProtocol={scheme};AccountName={self.name};AccountKey={self.key};"
            f"BlobEndpoint={self.endpoint};"
        )

    @cached_property
    def service(self) -> BlobServiceClient:
        """The SDK's client, with all rights."""
        return BlobServiceClient.from_connection_string(self.connection_string, retry_total=0)

    def make_container(self, **options: str) -> str:
        """Make a container of a new name and return it."""
        name = f"container-{uuid.uuid4().hex[:12]}"
        self.service.create_container(name, **options)
        return name

    def container(self, name: str) -> ContainerClient:
        """Return the SDK's client of a container, with all rights."""
        return self.service.get_container_client(name)

    def sas(self, container: str, permissions: str = "rwldx", *, minutes: int = 60) -> str:
        """Give out a shared access signature for a container."""
        expiry = datetime.now(UTC) + timedelta(minutes=minutes)
        allowed = ContainerSasPermissions.from_string(permissions)
        token = generate_container_sas(self.name, container, account_key=self.key, permission=allowed, expiry=expiry)
        self.accept_sas(token, permissions)
        return token

    def accept_sas(self, token: str, permissions: str) -> None:
        """Permit what a shared access signature is said to permit: this server cannot check it by itself."""
        fields = dict(part.split("=", 1) for part in token.split("&"))
        self.access.signatures[unquote(fields["sig"])] = permissions

    def refuse(self, method: str, part: str, status: int, code: str, text: str = "", *, times: int = 1) -> Fault:
        """Answer the next requests of this kind with an error."""
        fault = Fault(method, part, Refused(status, code, text), times)
        with self._lock:
            self.faults.append(fault)
        return fault

    def asked(self, containing: str = "") -> list[str]:
        """Return the requests that were answered, as ``GET /account/container/blob?query``, with that text."""
        with self._lock:
            return [str(request) for request, _ in self.requests if containing in str(request)]

    def answer(self, request: AzureRequest) -> Answered:
        """Answer one request, and write it down."""
        with self._lock:
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
            if fault is not None:
                fault.struck += 1
        answer = self._rest.answer(request) if fault is None else refusal(fault.refused)
        answer = self.alter(request, answer)
        with self._lock:
            self.requests.append((request, _NO_ANSWER if answer.reset else answer.status))
        return answer

    @contextmanager
    def running(self) -> Iterator[AzureServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
            if "service" in self.__dict__:
                self.service.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *arguments: object) -> None:
        """Be quiet about connections that the other side closed."""


def _handler_for(server: AzureServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer_next(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(server.answer(self._request(body)))

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer_next

        def _request(self, body: bytes) -> AzureRequest:
            path, _, query = self.path.partition("?")
            pairs = (part.partition("=") for part in query.split("&") if part)
            account, container, blob = [unquote(part) for part in [*path[1:].split("/", 2), "", ""][:3]]
            return AzureRequest(
                self.command,
                path,
                {unquote(name).lower(): unquote(text) for name, _, text in pairs},
                {name.lower(): value for name, value in self.headers.items()},
                body,
                account,
                container,
                blob,
            )

        def _send(self, answer: Answered) -> None:
            if answer.reset:
                self.close_connection = True
                return
            self.send_response(answer.status)
            version = self.headers.get("x-ms-version", "2021-12-02")
            told = {"x-ms-version": version, "x-ms-request-id": str(uuid.uuid4())}
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers, **told}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) - answer.cut])
            self.close_connection |= answer.cut > 0

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureServer]:
    """Give a server with versioning for the whole session, so every test makes containers of its own."""
    with AzureServer().running() as server:
        yield server


@pytest.fixture
def azure_server() -> Iterator[AzureServer]:
    """Give a server of the test's own, whose account it may change."""
    with AzureServer().running() as server:
        yield server
