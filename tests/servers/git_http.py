"""Git repositories over HTTP on loopback: git's own http-backend, or plain files, with or without a password."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class GitServer:
    """A server of all repositories below ``directory``. ``requests`` are the paths asked for so far.

    After ``patience`` requests it answers with 503.
    """

    directory: Path
    password: str | None = None
    port: int = 0
    patience: int | None = None
    requests: list[str] = field(default_factory=list)

    def url(self, name: str, userinfo: str = "") -> str:
        """Return the URL of a repository below ``directory``."""
        return f"http://{userinfo}127.0.0.1:{self.port}/{name}"

    def admits(self, handler: BaseHTTPRequestHandler) -> bool:
        """Note a request, and answer it with 401 if the password (of user ``me``) is not in it."""
        self.requests.append(handler.path)
        if self.patience is not None and len(self.requests) > self.patience:
            handler.send_error(503)
            return False
        wanted = base64.b64encode(f"me:{self.password}".encode()).decode()
        if self.password is None or handler.headers.get("Authorization") == f"Basic {wanted}":
            return True
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", 'Basic realm="git"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return False


@contextmanager
def git_server(directory: Path, *, password: str | None = None, dumb: bool = False) -> Iterator[GitServer]:
    """Serve until the block ends."""
    server = GitServer(directory, password)
    handler = partial(_Files, server, directory=str(directory)) if dumb else partial(_Backend, server)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        server.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


class _Files(SimpleHTTPRequestHandler):
    def __init__(self, server: GitServer, *arguments: object, directory: str) -> None:
        self._served = server
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        if self._served.admits(self):
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Backend(BaseHTTPRequestHandler):
    """Runs ``git http-backend`` for each request, as a web server with CGI does."""

    def __init__(self, server: GitServer, *arguments: object) -> None:
        self._served = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if self._served.admits(self):
            self._answer(b"")

    def do_POST(self) -> None:
        body = self._body()
        if self._served.admits(self):
            self._answer(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        variables = {
            "GIT_PROJECT_ROOT": str(self._served.directory),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env={**os.environ, **variables},
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
