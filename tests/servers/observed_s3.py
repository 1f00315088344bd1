"""An S3 server on loopback (moto) that writes down what it is asked, and keeps everyone waiting when told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Environ = dict[str, Any]

#: A stall that nobody ends is a mistake in the test: the requests go on then, rather than hang.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the path with its query, the ``Range`` asked for, and how many bytes of body were the answer."""

    method: str
    path: str
    range: str | None
    sent: int


class Stall:
    """Holds requests back until it is over; ``waiting`` is how many are being held."""

    def __init__(self) -> None:
        self.waiting = 0
        self._over = threading.Event()
        self._count = threading.Lock()

    def hold(self) -> None:
        """Wait until the stall is over."""
        with self._count:
            self.waiting += 1
        self._over.wait(PATIENCE_S)
        with self._count:
            self.waiting -= 1

    def end(self) -> None:
        """Let all requests go on."""
        self._over.set()


class ObservedS3:
    """Moto's S3, with ``endpoint`` as its URL. The test's own clients are observed as well as the programs'."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._logs: list[list[Request]] = []
        self._stall: Stall | None = None
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_QuietHandler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[ObservedS3]:
        """Serve until the block ends, and forget all buckets then."""
        server = cls()
        thread = threading.Thread(target=server._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server._server.shutdown()
            thread.join()
            server._server.server_close()

    def client(self) -> S3Client:
        """Return a client of this server."""
        return boto3.client("s3", endpoint_url=self.endpoint)

    @contextmanager
    def recording(self) -> Iterator[list[Request]]:
        """Write down the requests that are answered while the block runs."""
        log: list[Request] = []
        self._logs.append(log)
        try:
            yield log
        finally:
            self._logs.remove(log)

    @contextmanager
    def stalled(self) -> Iterator[Stall]:
        """Answer nothing while the block runs."""
        stall = self._stall = Stall()
        try:
            yield stall
        finally:
            self._stall = None
            stall.end()

    def _answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._stall:
            self._stall.hold()
        body = b"".join(self._app(environ, start_response))
        query = environ.get("QUERY_STRING")
        path = environ["PATH_INFO"] + (f"?{query}" if query else "")
        request = Request(environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE"), len(body))
        for log in self._logs:
            log.append(request)
        return [body]


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Print nothing: ``recording`` tells more."""
