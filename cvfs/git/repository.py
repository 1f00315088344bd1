"""One Git repository, read without a checkout and without a change to its work tree, index or refs.

Everything goes through plumbing commands, so bare repositories, worktrees, shallow and partial clones, alternates and
SHA-256 work as they do in git. Paths are text with surrogateescape, because git's are bytes.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO

from cvfs.errors import RepositoryError, RevisionError
from cvfs.git.command import LOCATING, Finished, Git
from cvfs.git.promisor import Promisor
from cvfs.git.urls import parse_url

log = logging.getLogger(__name__)

#: The last second of year 9999, beyond which neither Python's dates nor most programs can go. A hostile commit can.
LAST_TIME = 253402300799

#: How much of ``ls-tree``'s output is taken at once.
CHUNK = 1 << 16

_COMMITTER = re.compile(rb"^committer .*> (-?\d+) [+-]\d+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its full id, and the committer's date in seconds since 1970 (never negative)."""

    id: str
    time: int


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One path of a commit's tree. ``type`` is ``blob``, or ``commit`` for a submodule."""

    path: str
    mode: int
    type: str
    oid: str


class Repository:
    """A Git repository. Safe to use from several threads. Blocking: call from a worker thread."""

    def __init__(self, git: Git, git_dir: str, work_tree: str | None, object_format: str) -> None:
        self._git = git
        self.git_dir = git_dir
        self.work_tree = work_tree
        self.object_format = object_format
        self._present: set[str] = set()

    @classmethod
    def open(cls, path: str | None, env: Mapping[str, str]) -> Repository:
        """Find the repository that holds ``path`` (any directory in it), or, with None, the one git would use here.

        ``env`` is the environment for git. Of its GIT_ variables those that name a repository count only where ``path``
        is None.

        Raises:
            RepositoryError: there is none, git does not trust it, git is not installed, or ``path`` is a URL.
        """
        if path is not None and not os.path.isdir(os.fsencode(path)) and (url := parse_url(path)) is not None:
            raise RepositoryError(
                f"{url.shown} is a URL, and this needs a repository on this machine", hint="clone it with git first"
            )
        environment = {name: value for name, value in env.items() if path is None or name not in LOCATING}
        here = Git(environment, () if path is None else ("-C", os.fsencode(path)))
        questions = ("--is-bare-repository", "--is-inside-work-tree", "--show-object-format", "--absolute-git-dir")
        done = here.run("rev-parse", *questions)
        if done.code != 0:
            raise _cannot_open(path, done)
        _, inside, object_format, git_dir = done.output.removesuffix(b"\n").split(b"\n", 3)
        work_tree = None
        if inside == b"true":
            work_tree = os.fsdecode(here.check("rev-parse", "--show-toplevel").removesuffix(b"\n"))
        git = Git(environment, (b"--git-dir=" + git_dir,))
        return cls(git, os.fsdecode(git_dir), work_tree, object_format.decode())

    def resolve(self, revision: str) -> Commit:
        """Return the commit that ``revision`` names: any spelling git knows. Tags are followed to their commit.

        Raises:
            RevisionError: it names nothing, several things, or no commit.
        """
        try:
            name = revision.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise RevisionError(f"{revision!r} is not a revision") from error
        if not name or b"\0" in name:
            raise RevisionError(f"{revision!r} is not a revision")
        done = self._git.run("rev-parse", "--verify", "--end-of-options", name)
        if done.code != 0:
            raise self._unknown(revision, done)
        if "ambiguous" in done.complaint:
            log.warning("%s", done.complaint.strip())
        with self._git.talk("cat-file", "--batch") as (stdin, stdout):
            answer = _ask(stdin, stdout, f"{done.output.decode().strip()}^{{commit}}")
        if answer is None:
            raise self._unknown(revision, done)
        oid, _, data = answer
        return Commit(oid, _committer_time(data))

    def tree(self, commit: str, paths: Sequence[str] = ()) -> Iterator[TreeEntry]:
        """Yield every file and submodule of a commit by path, or only those at or below ``paths``.

        Raises:
            RepositoryError: the commit or one of its trees is missing.
        """
        if self._promisor.promises and (trees := self._promisor.missing_trees(commit)):
            self._promisor.fetch(trees)
        wanted = [path.encode("utf-8", "surrogateescape") for path in paths]
        with self._git.talk("ls-tree", "-r", "-z", "--full-tree", commit, "--", *wanted) as (_, stdout):
            for line in _lines(stdout):
                header, _, path = line.partition(b"\t")
                mode, kind, oid = header.decode("ascii").split()
                yield TreeEntry(path.decode("utf-8", "surrogateescape"), int(mode, 8), kind, oid)

    def staged(self) -> Commit:
        """Return what stands for the commit that `git commit` would make now: the id is that of the index's tree.

        In a hook that is the index which the hook is asked about. Objects are written, and nothing refers to them.

        Raises:
            RepositoryError: there is no work tree, or the index has unresolved conflicts or cannot be read.
        """
        if self.work_tree is None:
            raise RepositoryError(f"{self.git_dir} has no work tree, and so nothing is staged")
        index = self._git.check("rev-parse", "--git-path", "index").removesuffix(b"\n")
        # git notes in the index which trees it wrote, and would want to lock it for that: let it have a copy.
        with tempfile.TemporaryDirectory(prefix="cvfs-index-") as directory:
            copy = os.path.join(directory, "index")
            try:
                shutil.copyfile(index, copy)
            except FileNotFoundError:
                pass  # nothing was ever staged
            except OSError as error:
                raise RepositoryError(f"the index of {self.work_tree} cannot be read: {error.strerror}") from error
            done = replace(self._git, overrides={**self._git.overrides, "GIT_INDEX_FILE": copy}).run("write-tree")
        if done.code != 0:
            raise RepositoryError(
                f"what is staged cannot be committed: {done.last_line}", hint="`git status` shows what is in the way"
            )
        return Commit(done.output.decode().strip(), 0)

    def ensure(self, oids: Iterable[str]) -> None:
        """Fetch, in one request, those objects that a partial clone lacks. Nothing to do in any other repository.

        Raises:
            RepositoryError: they cannot be had.
        """
        if self._promisor.promises and (unknown := sorted(set(oids) - self._present)):
            if missing := self._promisor.missing(unknown):
                self._promisor.fetch(missing)
            self._present.update(unknown)

    def blob_sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """Return the size in bytes of each blob."""
        wanted = sorted(set(oids))
        if not wanted:
            return {}
        self.ensure(wanted)
        asked = "".join(f"{oid}\n" for oid in wanted).encode()
        sizes = {}
        for line in self._git.check("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).splitlines():
            oid, _, size = line.decode().partition(" ")
            if not size.isdigit():
                raise _missing(oid)
            sizes[oid] = int(size)
        return sizes

    def read_blobs(self, oids: Iterable[str]) -> Generator[tuple[str, bytes], None, None]:
        """Yield each blob and its id, in the order asked for, through one git process.

        Raises:
            RepositoryError: one is missing, is no blob, or cannot be fetched.
        """
        wanted = list(oids)
        if not wanted:
            return
        self.ensure(wanted)
        with self._git.talk("cat-file", "--batch") as (stdin, stdout):
            for oid in wanted:
                answer = _ask(stdin, stdout, oid)
                if answer is None or answer[1] != "blob":
                    raise _missing(oid)
                yield oid, answer[2]

    @cached_property
    def _promisor(self) -> Promisor:
        return Promisor(self._git, self.git_dir, self.object_format)

    def _unknown(self, revision: str, done: Finished) -> RevisionError:
        if "is ambiguous" in done.complaint:
            return RevisionError(f"{revision!r} is ambiguous", hint="give more digits of the commit id")
        if done.code == 0:
            message = f"{revision!r} names no commit that is in this repository"
        else:
            message = f"{revision!r} is not a revision of this repository"
        return RevisionError(message, hint=self._advice(revision))

    def _advice(self, revision: str) -> str:
        listed = self._git.run("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        names = listed.output.decode("utf-8", "surrogateescape").splitlines()
        near = [name for name in names if name.endswith(f"/{revision}")] or difflib.get_close_matches(revision, names)
        if near:
            return f"did you mean {' or '.join(near[:3])}?"
        if self._git.run("rev-parse", "--is-shallow-repository").output.strip() == b"true":
            return "this clone is shallow; fetch the history it lacks with `git fetch --unshallow`"
        if not names and revision == "HEAD":
            return "nothing has been committed yet"
        return "`git fetch --tags` brings what is new in the remote repository; `git log --all` shows what is here"


def _cannot_open(path: str | None, done: Finished) -> RepositoryError:
    place = "the current directory" if path is None else path
    if advice := re.search(r"git config --global --add safe\.directory .*", done.complaint):
        return RepositoryError(
            f"git does not trust {place}, because it belongs to another user: {done.last_line}",
            hint=f"if you trust it: {advice[0]}",
        )
    if "not a git repository" in done.complaint:
        return RepositoryError(f"{place} is not in a Git repository", hint="name one with --repo PATH")
    return RepositoryError(f"the Git repository of {place} cannot be opened: {done.last_line}")


def _missing(oid: str) -> RepositoryError:
    return RepositoryError(f"blob {oid} is missing from the repository", hint="`git fsck` tells what else is damaged")


def _ask(stdin: IO[bytes], stdout: IO[bytes], name: str) -> tuple[str, str, bytes] | None:
    """Ask ``cat-file --batch`` for one object: its id, type and content, or None where it is missing."""
    stdin.write(f"{name}\n".encode())
    header = stdout.readline().split()
    if not header:
        raise EOFError("git ended before its answer")
    if len(header) != 3 or not header[2].isdigit():
        return None
    size = int(header[2])
    data = stdout.read(size)
    if len(data) < size or not stdout.read(1):
        raise EOFError("git ended within its answer")
    return header[0].decode(), header[1].decode(), data


def _committer_time(commit: bytes) -> int:
    found = _COMMITTER.search(commit.partition(b"\n\n")[0])
    return min(max(int(found[1]), 0), LAST_TIME) if found else 0


def _lines(stdout: IO[bytes]) -> Iterator[bytes]:
    """Yield what NUL bytes end."""
    rest = b""
    while chunk := stdout.read(CHUNK):
        *lines, rest = (rest + chunk).split(b"\0")
        yield from lines
