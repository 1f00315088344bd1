"""What a partial clone lacks, asked for in one request.

``git cat-file`` would fetch missing objects one by one, and would obey whatever the repository's configuration says of
transports, proxies and credential helpers. So both questions are asked from a *clean room*: an empty repository made
for the occasion, which borrows the object directory of the real one and nothing of its configuration but the remote's
URL and the headers that CI systems keep there (``http.extraHeader``). The user's own global and system configuration
applies.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cvfs.errors import RepositoryError
from cvfs.git.command import LOCATING, Finished, Git
from cvfs.git.urls import SCHEMES

#: As git's GIT_ALLOW_PROTOCOL takes them.
PROTOCOLS = ":".join(SCHEMES)

#: An end for a fetch of metafiles, which are small; a connection that stands still ends sooner.
FETCH_TIMEOUT_S = 600.0
STALLED_S = 60

_REMOTE = "promisor"


class Promisor:
    """The remotes that promised to give a partial clone what it lacks. Blocking: call from a worker thread."""

    def __init__(self, git: Git, git_dir: str, object_format: str) -> None:
        self._git = git
        self._git_dir = git_dir
        self._object_format = object_format
        self._remotes = self._find_remotes()

    @property
    def promises(self) -> bool:
        """Tell whether the repository is a partial clone at all."""
        return bool(self._remotes)

    def missing(self, oids: Sequence[str]) -> list[str]:
        """Return those objects that are not here, without fetching any."""
        with self._clean_room() as room:
            asked = "".join(f"{oid}\n" for oid in oids).encode()
            output = room.check("cat-file", "--batch-check=%(objectname)", stdin=asked)
        return [line.split()[0].decode() for line in output.splitlines() if line.endswith(b" missing")]

    def missing_trees(self, commit: str) -> list[str]:
        """Return the topmost trees of ``commit`` that are not here, without fetching any."""
        walk = ("rev-list", "--objects", "--no-object-names", "--no-walk", "--missing=print", "--filter=blob:none")
        output = self._git.check(*walk, commit)
        return [line[1:].decode() for line in output.splitlines() if line.startswith(b"?")]

    def fetch(self, oids: Sequence[str]) -> None:
        """Fetch objects in one request. No ref changes, and trees come without their blobs.

        Raises:
            RepositoryError: no promisor remote could be reached, or none has them.
        """
        complaint = "no promisor remote has a URL"
        for remote in self._remotes:
            url = self._configured(f"^remote\\.{_quoted(remote)}\\.url$")
            if url:
                done = self._fetch_from(url[0][1], oids)
                if done.code == 0:
                    return
                complaint = f"{remote}: {done.last_line}"
        raise RepositoryError(
            f"this partial clone lacks {len(oids)} objects of the commit, and they cannot be fetched: {complaint}",
            hint="check the network and that `git fetch` works there; transports, proxies and credential helpers are "
            "taken from your own Git configuration, not from the repository's",
        )

    def _fetch_from(self, url: str, oids: Sequence[str]) -> Finished:
        settings = [
            (f"remote.{_REMOTE}.url", url),
            (f"remote.{_REMOTE}.promisor", "true"),
            (f"remote.{_REMOTE}.partialclonefilter", "blob:none"),
            ("fetch.negotiationAlgorithm", "noop"),
            ("http.lowSpeedLimit", "1"),
            ("http.lowSpeedTime", str(STALLED_S)),
            *self._configured(r"^http\.(.*\.)?extraheader$"),
        ]
        environment = self._git.environment
        protocols = environment.get("GIT_ALLOW_PROTOCOL", PROTOCOLS)
        with self._clean_room({"GIT_ALLOW_PROTOCOL": protocols, **as_environment(settings, environment)}) as room:
            return room.run(
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                "--recurse-submodules=no",
                "--filter=blob:none",
                "--stdin",
                _REMOTE,
                stdin="".join(f"{oid}\n" for oid in oids).encode(),
                timeout=FETCH_TIMEOUT_S,
            )

    @contextmanager
    def _clean_room(self, overrides: Mapping[str, str] | None = None) -> Iterator[Git]:
        objects = self._git.check("rev-parse", "--path-format=absolute", "--git-path", "objects")
        with tempfile.TemporaryDirectory(prefix="cvfs-git-") as directory:
            room = Path(directory)
            (room / "refs").mkdir()
            (room / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
            (room / "config").write_text(
                "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
                f"[extensions]\n\tobjectformat = {self._object_format}\n",
                encoding="ascii",
            )
            kept = LOCATING - {"GIT_ALTERNATE_OBJECT_DIRECTORIES"}
            environment = {name: value for name, value in self._git.environment.items() if name not in kept}
            place = {"GIT_DIR": directory, "GIT_OBJECT_DIRECTORY": os.fsdecode(objects.removesuffix(b"\n"))}
            # A remote's URL may be a path relative to where git would have run.
            yield Git({**environment, **place}, ("-C", os.fsencode(self._git_dir)), dict(overrides or {}))

    def _find_remotes(self) -> list[str]:
        names: dict[str, None] = {}
        for key, value in self._configured(r"^(extensions\.partialclone|remote\..*\.promisor)$"):
            if key == "extensions.partialclone":
                names[value] = None
            elif value.lower() not in {"false", "no", "off", "0"}:
                names[key.removeprefix("remote.").removesuffix(".promisor")] = None
        return list(names)

    def _configured(self, pattern: str) -> list[tuple[str, str]]:
        git = replace(self._git, overrides={})
        done = git.run("config", "--local", "--includes", "-z", "--get-regexp", pattern)
        entries = done.output.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return [(key, value) for key, _, value in (entry.partition("\n") for entry in entries)]


def _quoted(name: str) -> str:
    return "".join(character if character.isalnum() else f"[{character}]" for character in name)


def as_environment(settings: Sequence[tuple[str, str]], environment: Mapping[str, str]) -> dict[str, str]:
    """Return settings as variables rather than arguments, which every user of the machine could read."""
    start = int(environment.get("GIT_CONFIG_COUNT") or 0)
    variables = {"GIT_CONFIG_COUNT": str(start + len(settings))}
    for number, (key, value) in enumerate(settings, start):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
