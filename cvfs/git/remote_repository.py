"""A repository that is only known by its URL: a bare partial clone of it, kept below the cache directory.

::

    DIRECTORY/HASH.git    commits and trees of all branches and tags; file contents only as far as they were asked for
    DIRECTORY/HASH.lock   taken with flock while the clone is made or changed

HASH is that of the URL without credentials. All of it can be deleted at any time. A full commit id that is here never
asks the remote; any other name does, since a branch moves, and falls back to what was last known.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cvfs.errors import RepositoryError
from cvfs.git.command import Git
from cvfs.git.remote_access import (
    CLONE_TIMEOUT_S,
    Advertised,
    UnreachableError,
    advertised,
    fetch_arguments,
    remote_environment,
    run,
)
from cvfs.git.repository import Commit, Repository
from cvfs.git.urls import RepositoryUrl

log = logging.getLogger(__name__)

_REMOTE = "cvfs"
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NO_LOCKS = frozenset((errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK))


class RemoteRepository(Repository):
    """The clone of a remote repository, brought up to date as far as a revision needs it. Blocking."""

    def __init__(self, url: RepositoryUrl, git: Git, git_dir: str, object_format: str) -> None:
        super().__init__(git, git_dir, None, object_format)
        self._url = url

    @classmethod
    def open_url(cls, url: RepositoryUrl, directory: str, env: Mapping[str, str]) -> RemoteRepository:
        """Open the clone of ``url`` in ``directory``, or make it, empty as yet, if there is none that can be used.

        Raises:
            RepositoryError: the remote has no answer, refuses or is no repository; or ``directory`` cannot be written.
        """
        environment = remote_environment(url, env)
        key = hashlib.sha256(url.text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        git_dir = os.path.join(directory, f"{key}.git")
        git = Git(environment, (f"--git-dir={git_dir}",))
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            with _locked(git_dir):
                object_format = _object_format(git)
                if object_format is None:
                    found = advertised(url, environment)
                    _make(git_dir, url, found)
                    object_format = found.object_format
        except OSError as error:
            raise _cannot_write(git_dir, error) from error
        return cls(url, git, git_dir, object_format)

    def resolve(self, revision: str) -> Commit:
        """Return the commit that ``revision`` names in the remote repository: its branches, tags and commit ids.

        Raises:
            RevisionError: it names nothing, several things, or no commit.
            RepositoryError: it is not known here, and the remote has no answer or refuses.
        """
        is_full = _FULL_ID.fullmatch(revision) is not None
        if is_full and (commit := self._known(revision)) is not None:
            return commit
        try:
            self._update(revision if is_full else None)
        except UnreachableError as error:
            commit = self._known(revision)
            if commit is None:
                raise
            log.warning("%s; using what was last known: %s is %s", error.message, revision, commit.id)
            return commit
        return super().resolve(revision)

    def _known(self, revision: str) -> Commit | None:
        try:
            return super().resolve(revision)
        except RepositoryError:
            return None

    def _update(self, commit: str | None) -> None:
        try:
            with _locked(self.git_dir):
                found = advertised(self._url, self._git.environment)
                if found.is_dumb and self._promisor.promises:
                    # git would ask such a server for what is missing, without end.
                    self._make_anew(found)
                try:
                    self._fetch(found)
                except UnreachableError:
                    if self._is_whole():
                        raise
                    log.warning("%s is damaged, and is made anew", self.git_dir)
                    self._make_anew(found)
                    self._fetch(found)
                if commit is not None and self._known(commit) is None:
                    self._fetch_commit(commit, found)
        except OSError as error:
            raise _cannot_write(self.git_dir, error) from error

    def _fetch(self, found: Advertised) -> None:
        arguments = fetch_arguments(_REMOTE, _REFS, filtered=not found.is_dumb)
        run(self._url, self._git, *arguments, "--prune", timeout=CLONE_TIMEOUT_S)
        if found.head is None:
            return
        if found.head.startswith("refs/"):
            self._git.check("symbolic-ref", "HEAD", found.head)
        else:
            if self._known(found.head) is None:
                self._fetch_commit(found.head, found)
            self._git.check("update-ref", "--no-deref", "HEAD", found.head)

    def _make_anew(self, found: Advertised) -> None:
        _make(self.git_dir, self._url, found)
        self._present.clear()
        self.__dict__.pop("_promisor", None)

    def _is_whole(self) -> bool:
        """Tell whether all commits can be read; git's complaint about one that cannot looks like one of the remote."""
        return self._git.run("rev-list", "--all", "--quiet").code == 0

    def _fetch_commit(self, commit: str, found: Advertised) -> None:
        """Fetch a commit that no branch or tag leads to. Not every server gives one away."""
        arguments = fetch_arguments(_REMOTE, [commit], filtered=not found.is_dumb)
        with suppress(RepositoryError):  # told as an unknown revision
            run(self._url, self._git, *arguments, timeout=CLONE_TIMEOUT_S)

    def _advice(self, revision: str) -> str:
        advice = super()._advice(revision)
        return advice if advice.startswith("did you mean") else f"`git ls-remote {self._url.shown}` lists what there is"


def _object_format(git: Git) -> str | None:
    """Return the format of a clone, None where there is none that git can use."""
    done = git.run("rev-parse", "--is-bare-repository", "--show-object-format")
    words = done.output.decode("ascii", "replace").split()
    return words[1] if done.code == 0 and words[:1] == ["true"] else None


def _make(git_dir: str, url: RepositoryUrl, found: Advertised) -> None:
    """Put an empty clone in place of whatever is there. Raises OSError."""
    directory = os.path.dirname(git_dir)
    new = Path(tempfile.mkdtemp(dir=directory, prefix="new-"))
    (new / "refs").mkdir()
    (new / "objects").mkdir()
    (new / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")
    quoted = url.text.replace("\\", "\\\\").replace('"', '\\"')
    promisor = "" if found.is_dumb else "\tpromisor = true\n\tpartialclonefilter = blob:none\n"
    (new / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        f"[extensions]\n\tobjectformat = {found.object_format}\n"
        + ("" if found.is_dumb else f"\tpartialclone = {_REMOTE}\n")
        + f'[remote "{_REMOTE}"]\n\turl = "{quoted}"\n{promisor}',
        encoding="utf-8",
        errors="surrogateescape",
    )
    old = tempfile.mkdtemp(dir=directory, prefix="old-")
    with suppress(FileNotFoundError):
        os.rename(git_dir, os.path.join(old, "git"))
    os.rename(new, git_dir)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _locked(git_dir: str) -> Iterator[None]:
    descriptor = os.open(f"{git_dir.removesuffix('.git')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(descriptor)


def _cannot_write(git_dir: str, error: OSError) -> RepositoryError:
    return RepositoryError(
        f"the clone {git_dir} cannot be written: {error.strerror}", hint="name another directory with --cache-dir"
    )
