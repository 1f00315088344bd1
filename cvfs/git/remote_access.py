"""Asks a remote repository by its URL: which refs it has, and for what is missing here.

git runs without a prompt of any kind, so that nothing waits for an answer that nobody gives. Credentials from a URL go
to git through its environment: no command line, file, message or log ever has them. The user's own configuration
applies (proxies, credential helpers, ssh), nobody else's does.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cvfs.errors import RepositoryError
from cvfs.git.command import LOCATING, Finished, Git, GitTimeoutError
from cvfs.git.promisor import PROTOCOLS, STALLED_S, as_environment
from cvfs.git.urls import RepositoryUrl

#: The answer to one small question.
ASK_TIMEOUT_S = 90.0
#: The history of a repository without its contents; a connection that stands still ends sooner.
CLONE_TIMEOUT_S = 3600.0
_CONNECT_S = 30

_HELPER = (
    """!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$CVFS_URL_USER" "$CVFS_URL_PASSWORD"; }; f"""
)
_REFUSED = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied|terminal prompts disabled"
    r"|returned error: 40[13]|Host key verification failed|access denied|Access denied"
)
_ABSENT = re.compile(
    r"not found|does not appear to be a git repository|is this a git repository|not exported|no such|does not exist"
    r"|not a git repository|returned error: 404"
)


class UnreachableError(RepositoryError):
    """The remote repository gave no answer."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a remote repository says of itself. ``head`` is a branch's full name, or a commit id where it is detached.

    ``is_dumb`` says that it is only files on a web server, and cannot leave out contents.
    """

    head: str | None
    object_format: str
    is_dumb: bool


def remote_environment(url: RepositoryUrl, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which git asks ``url``: with its credentials, and without prompts."""
    environment = {name: value for name, value in env.items() if name not in LOCATING}
    environment |= {"GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    settings = [("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", str(STALLED_S))]
    if url.password is not None:
        environment |= {"CVFS_URL_USER": url.user or "", "CVFS_URL_PASSWORD": url.password}
        # The empty one takes away what the user has set up: the URL's own credentials are meant.
        settings += [(f"credential.{url.origin}.helper", ""), (f"credential.{url.origin}.helper", _HELPER)]
    elif url.user is not None:
        settings.append((f"credential.{url.origin}.username", url.user))
    environment |= as_environment(settings, environment)
    has_ssh = "GIT_SSH" in env or "GIT_SSH_COMMAND" in env
    if not has_ssh and Git(environment, ("-C", "/")).run("config", "--get", "core.sshCommand").code != 0:
        environment["GIT_SSH_COMMAND"] = f"ssh -oBatchMode=yes -oConnectTimeout={_CONNECT_S}"
    return environment


def advertised(url: RepositoryUrl, environment: Mapping[str, str]) -> Advertised:
    """Ask a remote repository what it is.

    Raises:
        UnreachableError: it gave no answer.
        RepositoryError: it refused, or is no repository.
    """
    with tempfile.TemporaryDirectory(prefix="cvfs-git-") as directory:
        trace = Path(directory, "packets")
        asking = {**environment, "GIT_TRACE_PACKET": str(trace)}
        done = run(url, Git(asking, ("-C", directory)), "ls-remote", "--symref", url.text, timeout=ASK_TIMEOUT_S)
        is_dumb = not trace.exists() or not trace.stat().st_size
    ids = [line.partition("\t")[0] for line in done.output.decode("utf-8", "surrogateescape").splitlines()]
    found = re.search(rb"^(?:ref: )?(\S+)\tHEAD$", done.output, re.MULTILINE)
    object_format = "sha256" if any(len(oid) == 64 for oid in ids) else "sha1"
    return Advertised(found[1].decode("utf-8", "surrogateescape") if found else None, object_format, is_dumb)


def run(url: RepositoryUrl, git: Git, *arguments: str, timeout: float) -> Finished:
    """Run a git command that talks to a remote repository. Raises as ``advertised``."""
    protocols = git.environment.get("GIT_ALLOW_PROTOCOL", PROTOCOLS)
    try:
        done = replace(git, overrides={"GIT_ALLOW_PROTOCOL": protocols}).run(*arguments, timeout=timeout)
    except GitTimeoutError as error:
        raise UnreachableError(f"{url.shown} did not answer within {timeout:g} seconds") from error
    if done.code != 0:
        raise _explained(url, done)
    return done


def _explained(url: RepositoryUrl, done: Finished) -> RepositoryError:
    said = done.last_line
    if _REFUSED.search(done.complaint):
        return RepositoryError(
            f"{url.shown} refused access: {said}",
            hint="credentials come from the URL, your git credential helpers or ssh agent; nobody is asked for any",
        )
    if _ABSENT.search(done.complaint):
        return RepositoryError(
            f"there is no Git repository at {url.shown}, or none that you may see: {said}",
            hint="`git ls-remote URL` should list its branches",
        )
    return UnreachableError(f"{url.shown} cannot be reached: {said}", hint="check the URL and the network")


def fetch_arguments(remote: str, wanted: Sequence[str], *, filtered: bool) -> list[str]:
    """Return the arguments of a fetch of ``wanted`` that changes nothing but the refs named there."""
    options = ["--quiet", "--no-tags", "--force", "--no-write-fetch-head", "--no-auto-maintenance"]
    options += ["--recurse-submodules=no", *(["--filter=blob:none"] if filtered else [])]
    return ["fetch", *options, remote, *wanted]
