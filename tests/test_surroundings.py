"""The guards of conftest.py do bite."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import leftovers
import pytest
import sterile
from command import Shell


def test_socket_to_another_machine_is_refused() -> None:
    with socket.socket() as client, pytest.raises(AssertionError, match="loopback only"):
        client.connect(("192.0.2.1", 80))


def test_name_of_another_machine_is_not_looked_up() -> None:
    with pytest.raises(AssertionError, match="loopback only"):
        socket.getaddrinfo("bucket.example.invalid", 443)


def test_loopback_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()


def test_what_the_developers_shell_holds_does_not_reach_a_test() -> None:
    mine = {"AWS_PROFILE": "prod", "DVC_X": "1", "GIT_DIR": "/x", "https_proxy": "http://p", "PATH": "/bin"}
    seen = sterile.sterile_environment(mine, Path("/h"))
    assert seen.keys() & mine.keys() == {"PATH", "https_proxy"}
    assert seen["https_proxy"] == sterile.NOWHERE
    assert seen["HOME"] == "/h"


def test_every_test_has_a_home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Path(os.environ["HOME"])
    assert home.is_relative_to(tmp_path_factory.getbasetemp())
    assert list(home.iterdir()) == []


def test_daemon_of_this_run_is_found_and_ended(test_run: leftovers.TestRun, tmp_path: Path, shell: Shell) -> None:
    script = tmp_path / "cvfs"
    script.write_text("import sys; print(1, flush=True); sys.stdin.read()")
    before = test_run.leftovers()
    with shell.start(sys.executable, script) as daemon:
        assert daemon.stdout.readline() == b"1\n"
        left = test_run.leftovers() - before
        assert left == leftovers.Leftovers(frozenset(), frozenset({daemon.pid}))
        leftovers.remove(left)
        assert daemon.wait(timeout=10) < 0
