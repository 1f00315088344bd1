"""Google Cloud Storage on loopback: a pytest plugin with the fixture ``gcs``.

It speaks the JSON and XML APIs as documented, keeps every generation of a versioned bucket and none of another one,
checks tokens and permissions, computes and verifies checksums, and writes down what it is asked. Tests drive it only
through the real SDK, obstore and gcsfs, so that it answers to what they expect of the service.
"""

from __future__ import annotations

import json
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from google.cloud import storage
from google.oauth2 import service_account

from servers.gcs_accounts import EVERYTHING, Accounts
from servers.gcs_http import Guard, Request
from servers.gcs_json import JsonApi
from servers.gcs_objects import GcsError, Objects
from servers.gcs_xml import XmlApi
from servers.scripted import Answer

#: Of a longer body, the log has the beginning.
MOST_LOGGED = 1 << 16

#: May do everything, and nothing.
ADMIN = "admin@test-project.iam.gserviceaccount.com"
OUTSIDER = "outsider@test-project.iam.gserviceaccount.com"


class Gcs:
    """A running server. ``endpoint`` is its URL.

    ``intercept`` may answer a request in its place (None: as usual); what others than tests do goes through ``client``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._log: list[Request] = []
        self._objects = Objects()
        self.accounts = Accounts()
        guard = Guard(self._objects, self.accounts)
        self.json = JsonApi(self._objects, guard)
        self._xml = XmlApi(self._objects, guard)
        self.intercept: Callable[[Request], Answer | None] = lambda _: None
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.accounts.add(ADMIN, EVERYTHING)
        self.accounts.add(OUTSIDER, frozenset())

    @contextmanager
    def running(self) -> Iterator[Gcs]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @contextmanager
    def intercepted(self, intercept: Callable[[Request], Answer | None]) -> Iterator[None]:
        """Have ``intercept`` answer what it wants to while the block runs."""
        before, self.intercept = self.intercept, intercept
        try:
            yield
        finally:
            self.intercept = before

    def key_file(self, email: str = ADMIN, directory: Path | None = None, **more: str) -> Path:
        """Write the key of a service account to a file, and return its path. ``more`` are further fields."""
        return self.accounts.key_file(directory or self._directory, email, f"{self.endpoint}/token", **more)

    def account(self, *permissions: str) -> Path:
        """Make an account with these permissions and no others, and return the path of its key."""
        email = f"{uuid.uuid4().hex[:12]}@test-project.iam.gserviceaccount.com"
        self.accounts.add(email, frozenset(f"storage.{permission}" for permission in permissions))
        return self.key_file(email)

    def client(self) -> storage.Client:
        """Make a client of the admin's."""
        credentials = service_account.Credentials.from_service_account_file(
            self.key_file(), scopes=["https://www.googleapis.com/auth/devstorage.full_control"]
        )
        return storage.Client("test-project", credentials, client_options={"api_endpoint": self.endpoint})

    def make_bucket(self, *, versioned: bool = True, **properties: bool) -> str:
        """Make a bucket of a new name and return it. ``properties`` are those of ``gcs_objects.Bucket``."""
        return self._objects.make_bucket(f"bucket_{uuid.uuid4().hex[:12]}", versioned=versioned, **properties).name

    def versions(self, bucket: str, prefix: str = "") -> list[tuple[str, str, bytes]]:
        """List all generations, live or not: name, generation and content."""
        found = self._objects.listed(bucket, prefix, versions=True)
        return [(one.name, str(one.number), one.data) for one in found]

    def mark(self) -> int:
        """Remember this moment for ``requests(since=…)``."""
        return len(self._log)

    def requests(self, containing: str = "", since: int = 0) -> list[str]:
        """Return the requests that came, as ``GET /path?query``, with that text."""
        lines = [f"{request.method} {request.target}" for request in self._log[since:]]
        return [line for line in lines if containing in line]

    def received(self, since: int = 0) -> list[Request]:
        """Return the requests that came, whole."""
        return self._log[since:]

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        self._log.append(replace(request, body=request.body[:MOST_LOGGED]))
        intercepted = self.intercept(request)
        if intercepted is not None:
            return intercepted
        if request.segments == ("token",):
            return self._exchange(request)
        api = self.json if request.segments[0] in {"storage", "upload", "download"} else self._xml
        try:
            return api.answer(request)
        except GcsError as error:
            return Answer(error.status, error.message.encode())

    def _exchange(self, request: Request) -> Answer:
        headers = {"Content-Type": "application/json"}
        try:
            granted: Mapping[str, object] = self.accounts.exchange(request.body)
        except GcsError as error:
            body = {"error": error.reason, "error_description": error.message}
            return Answer(error.status, _json_bytes(body), headers)
        return Answer(200, _json_bytes(granted), headers)


@contextmanager
def run_gcs(directory: Path) -> Iterator[Gcs]:
    """Run a server of its own until the block ends."""
    with Gcs(directory).running() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    """Give the server of the whole session."""
    with run_gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture
def gcs(gcs_server: Gcs, monkeypatch: pytest.MonkeyPatch) -> Gcs:
    """Give the server, as it was made: what a test changes of it is changed back. Make buckets of your own."""
    monkeypatch.setattr(gcs_server, "intercept", gcs_server.intercept)
    monkeypatch.setattr(gcs_server.json, "page_size", gcs_server.json.page_size)
    monkeypatch.setattr(gcs_server.json, "rewrite_at_once", gcs_server.json.rewrite_at_once)
    monkeypatch.setattr(gcs_server.json.uploads, "persist_at_most", None)
    monkeypatch.setattr(gcs_server.accounts, "lifetime", gcs_server.accounts.lifetime)
    return gcs_server


def _json_bytes(value: Mapping[str, object]) -> bytes:
    return json.dumps(value).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler_for(gcs: Gcs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer are sent one after the other.
        disable_nagle_algorithm = True

        def answer_next(self) -> None:
            url = urlsplit(self.path)
            self.send(
                gcs.answer(
                    Request(
                        self.command,
                        self.path,
                        tuple(unquote(part) for part in url.path.lstrip("/").split("/")),
                        dict(parse_qsl(url.query, keep_blank_values=True)),
                        {name.lower(): value for name, value in self.headers.items()},
                        self.body(),
                        gcs.endpoint,
                    )
                )
            )

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer_next

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = bytearray()
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(data)

        def send(self, answer: Answer) -> None:
            if answer.wait is not None:
                answer.wait.wait(30)
            self.close_connection = self.close_connection or answer.reset or bool(answer.cut)
            if answer.reset:
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) - answer.cut])

        def log_message(self, *_: object) -> None:
            pass

    return Handler
