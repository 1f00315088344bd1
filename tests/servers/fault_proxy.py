"""An HTTP proxy on loopback that passes requests on to a store's server, and spoils those that a script names.

A rule matches by method and a part of the path, and applies to so many requests. What it may do: answer with an error
status, close the connection when so many bytes of the request's body have arrived, or pass the request on and close
before the answer, so that nobody learns of what has been done.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

#: Headers that belong to one connection.
_HOP = {"connection", "transfer-encoding", "keep-alive", "expect", "server", "date"}
_CHUNK = 1 << 16


@dataclass(slots=True)
class Rule:
    """What happens to requests of ``method`` whose path holds ``part``, ``times`` times.

    ``status`` answers so without asking the server; ``cut_after`` closes when so many bytes of the body were read;
    ``lost_answer`` closes after the server has answered.
    """

    method: str
    part: str
    times: int = 1
    status: int | None = None
    cut_after: int | None = None
    lost_answer: bool = False
    struck: int = 0


@dataclass(slots=True)
class FaultProxy:
    """A running proxy. ``requests`` are those that arrived, as ``PUT /bucket/key``."""

    endpoint: str
    rules: list[Rule] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def spoil(self, method: str, part: str, **how: object) -> Rule:
        """Add a rule."""
        rule = Rule(method, part, **how)  # type: ignore[arg-type]
        with self.lock:
            self.rules.append(rule)
        return rule

    def rule_for(self, method: str, path: str) -> Rule | None:
        """Note a request, and return the rule that strikes it."""
        with self.lock:
            self.requests.append(f"{method} {path.partition('?')[0]}")
            for rule in self.rules:
                if rule.method == method and rule.part in path and rule.struck < rule.times:
                    rule.struck += 1
                    return rule
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[FaultProxy]
    upstream: ClassVar[str]

    def handle_any(self) -> None:
        rule = self.proxy.rule_for(self.command, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if rule is not None and rule.cut_after is not None:
            self.rfile.read(min(rule.cut_after, length))
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(length)
        if rule is not None and rule.status is not None:
            self._answer(rule.status, {}, b"")
            return
        status, headers, data = self._ask(body)
        if rule is not None and rule.lost_answer:
            self.close_connection = True
            self.connection.close()
            return
        self._answer(status, headers, data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP and name.lower() != "content-length":
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        """Be quiet about connections that a rule, or a client, closed."""


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy to the server at the URL ``upstream`` until the block ends."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    proxy = FaultProxy(f"http://127.0.0.1:{server.server_port}")
    handler = server.RequestHandlerClass
    handler.proxy = proxy  # type: ignore[attr-defined]
    handler.upstream = urlsplit(upstream).netloc  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
