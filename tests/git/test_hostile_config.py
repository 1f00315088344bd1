"""A repository that somebody else made: nothing that it brings may run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from repositories import GitRepository

from cvfs.errors import RepositoryError
from cvfs.git import Repository

#: Settings that hold a command, in one repository or another. ``%s`` stands for the program.
COMMANDS = {
    "alias.cat-file": "!%s",
    "alias.ls-tree": "!%s",
    "alias.rev-parse": "!%s",
    "core.alternateRefsCommand": "%s",
    "core.askPass": "%s",
    "core.editor": "%s",
    "core.fsmonitor": "%s",
    "core.gitProxy": "%s",
    "core.pager": "%s",
    "core.sshCommand": "%s",
    "credential.helper": "!%s",
    "diff.external": "%s",
    "diff.evil.textconv": "%s",
    "filter.evil.clean": "%s",
    "filter.evil.process": "%s",
    "filter.evil.smudge": "%s",
    "gpg.program": "%s",
    "pager.cat-file": "%s",
    "pager.ls-tree": "%s",
    "pager.rev-parse": "%s",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "remote.origin.receivepack": "%s",
    "remote.origin.uploadpack": "%s",
    "uploadpack.packObjectsHook": "%s",
}
HOOKS = ("post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """The file that exists once the hostile program has run."""
    return tmp_path / "it-ran"


@pytest.fixture
def program(tmp_path: Path, ran: Path) -> Path:
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho "$0 $*" >>{ran}\nexit 1\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def hostile(repository: GitRepository, tmp_path: Path, program: Path) -> GitRepository:
    """A partial clone that lacks its blobs and is full of commands."""
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.commit("attributes", {".gitattributes": "* filter=evil diff=evil\n"})
    url = f"file://{repository.path}"
    repository.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(tmp_path / "hostile"))
    made = GitRepository(tmp_path / "hostile")
    hooks = tmp_path / "hooks"
    for directory in (hooks, made.path / ".git" / "hooks"):
        directory.mkdir(exist_ok=True)
        for hook in HOOKS:
            (directory / hook).unlink(missing_ok=True)
            (directory / hook).symlink_to(program)
    for key, value in {**COMMANDS, "core.hooksPath": str(hooks)}.items():
        made.git("config", key, value.replace("%s", str(program)))
    return made


def read_all(repository: GitRepository) -> list[bytes]:
    found = Repository.open(str(repository.path), os.environ)
    tree = list(found.tree(found.resolve("HEAD").id))
    oids = [entry.oid for entry in tree]
    found.blob_sizes(oids)
    return sorted(data for _, data in found.read_blobs(oids))


def test_the_trap_works(hostile: GitRepository, ran: Path) -> None:
    """Without this the other tests could pass for the wrong reason."""
    subprocess.run(["git", "status"], cwd=hostile.path, check=False, capture_output=True)
    assert ran.exists()
    ran.unlink()
    subprocess.run(["git", "cat-file", "-p", "HEAD:a.txt"], cwd=hostile.path, check=False, capture_output=True)
    assert ran.exists()


def test_nothing_runs_though_blobs_have_to_be_fetched(hostile: GitRepository, ran: Path) -> None:
    assert read_all(hostile) == [b"* filter=evil diff=evil\n", b"a.txt", b"changed\n", b"two\n"]
    assert not ran.exists(), ran.read_text()


@pytest.mark.parametrize("url", ["ext::%s", "evil::%s", "ssh://-oProxyCommand=%s/x", "-u%s", "|%s", "--upload-pack=%s"])
def test_a_url_runs_nothing(hostile: GitRepository, program: Path, ran: Path, url: str) -> None:
    helper = program.with_name("git-remote-evil")
    helper.symlink_to(program)
    hostile.git("config", "remote.origin.url", url.replace("%s", str(program)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
        with pytest.raises(RepositoryError, match="lacks"):
            read_all(hostile)
    assert not ran.exists(), ran.read_text()


def test_a_remote_helper_set_by_vcs_runs_nothing(hostile: GitRepository, program: Path, ran: Path) -> None:
    program.with_name("git-remote-evil").symlink_to(program)
    hostile.git("config", "remote.origin.vcs", "evil")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        assert len(read_all(hostile)) == 4
    assert not ran.exists(), ran.read_text()


def test_a_remote_with_an_odd_name(hostile: GitRepository, ran: Path) -> None:
    hostile.git("config", "--rename-section", "remote.origin", "remote.a.b+c")
    hostile.git("config", "extensions.partialClone", "a.b+c")
    assert len(read_all(hostile)) == 4
    assert not ran.exists(), ran.read_text()


def test_an_ordinary_repository_runs_nothing(hostile: GitRepository, ran: Path) -> None:
    hostile.git("config", "--remove-section", "remote.origin")
    with pytest.raises(RepositoryError, match="missing"):
        read_all(hostile)
    assert not ran.exists(), ran.read_text()
