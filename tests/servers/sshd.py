"""The real OpenSSH server on loopback, for whoever runs the tests, with keys of its own."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.process import running

SSHD = Path("/usr/sbin/sshd")

_CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A server. ``keyfile`` lets ``user`` in; ``log`` is what it writes."""

    port: int
    user: str
    keyfile: Path
    host_key: str
    log: Path

    def url(self, path: Path) -> str:
        """Return the URL of a directory."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    def make_known(self, home: Path) -> None:
        """Have the user with that home directory know the server."""
        (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
        (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")


@contextmanager
def run_sshd(directory: Path) -> Iterator[Sshd]:
    """Run a server until the block ends."""
    assert SSHD.exists(), f"{SSHD} is missing: .ci/system-packages test installs openssh-server"
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True, timeout=60)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "sshd_config"
    config.write_text(_CONFIG.format(port=port, directory=directory))
    kind, key = (directory / "host_key.pub").read_text().split()[:2]
    command = [str(SSHD), "-D", "-e", "-f", str(config)]
    with running(command, r"listening on 127\.0\.0\.1 port (\d+)", directory) as (_, log):
        yield Sshd(port, getpass.getuser(), directory / "user_key", f"{kind} {key}", log)
