"""The surroundings of every test: nothing of the user's own, and nothing that leads off this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

#: What a developer's shell may hold that would change what git, DVC, an SDK or cvfs does.
FOREIGN = (
    *("API_ENDPOINT_OVERRIDE", "AWS_", "AZURE_", "BOTO_", "CLOUDSDK_", "CVFS_", "DVC_", "GCE_", "GIT_", "GOOGLE_"),
    *("SERVICE_ACCOUNT", "STORAGE_EMULATOR_HOST", "XDG_"),
)

#: Where a request to any other machine ends at once: the discard port, on which nothing listens.
NOWHERE = "http://127.0.0.1:9"

#: Name other servers for the contract suite. Whoever sets one wants the network: nothing here is in the way then.
EXTERNAL = ("CVFS_TEST_AZURE_CONNECTION_STRING", "CVFS_TEST_GCS_ENDPOINT", "CVFS_TEST_S3_ENDPOINT")

IDENTITY = {"NAME": "Test", "EMAIL": "test@example.invalid"}


def sterile_environment(base: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return ``base`` without the user's settings, with ``home`` in place of all directories that programs look in."""
    kept = {k: v for k, v in base.items() if not k.startswith(FOREIGN) and not k.lower().endswith("_proxy")}
    network = {} if wants_network(base) else _dead_ends()
    return kept | directories(home) | network | _credentials() | _git() | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def wants_network(base: Mapping[str, str]) -> bool:
    """Tell whether the suite is to run against a server that may be on another machine."""
    return any(name in base for name in EXTERNAL)


def directories(home: Path) -> dict[str, str]:
    """Return the variables that lead programs to ``home`` for all that they keep per user or per machine."""
    return {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "etc/xdg"), "DVC_SITE_CACHE_DIR": str(home / "dvc-site")}


def _dead_ends() -> dict[str, str]:
    proxies = {f"{scheme}_proxy": NOWHERE for scheme in ("http", "https", "all")}
    proxies["no_proxy"] = "localhost,127.0.0.1,::1"
    return proxies | {name.upper(): value for name, value in proxies.items()}


def _credentials() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DVC_NO_ANALYTICS": "1",
        "NO_GCE_CHECK": "true",
    }


def _git() -> dict[str, str]:
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in IDENTITY.items()}
    return {**who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    """Raise where a socket would reach beyond loopback. An audit hook: ``sys.addaudithook`` installs it for good."""
    if event == "socket.connect":
        _, address = arguments
    elif event == "socket.getaddrinfo":
        address = arguments[:1]
    else:
        return
    if isinstance(address, tuple) and not is_loopback(address[0]):
        raise AssertionError(f"a test must talk to loopback only, not to {address[0]!r}")


def is_loopback(host: object) -> bool:
    """Tell whether ``host``, a name or an address as sockets take it, is this machine. No name is looked up."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
