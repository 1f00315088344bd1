"""A dataset in a repository and a store of the machine's own, as one account has them, and mounts of its commits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import publishing
import sterile
from accounts import Account
from command import Outcome, Shell
from repositories import GitRepository

from cvfs.mount_record import MountRecord, process_start
from cvfs.stores.local import LocalStore

HERE = Path(__file__).parent
FILES = {"a": b"alpha\n", "deep/b": b"beta\n", "deep/large": os.urandom(300_000), "empty": b""}


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``mount_main.py`` printed."""

    record: MountRecord | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    message: str = ""
    hint: str | None = None

    @classmethod
    def parse(cls, text: str) -> Answer:
        told = json.loads(text)
        record = told.pop("record", None)
        return cls(record=MountRecord(**record) if record else None, **told)

    def ok(self) -> MountRecord:
        assert self.record is not None, self
        return self.record


@dataclass(frozen=True, slots=True)
class Published:
    """``commit`` recorded ``FILES`` below ``data``; the store has moved on since."""

    account: Account
    directory: Path
    repository: GitRepository
    commit: str

    @classmethod
    def make(cls, account: Account, directory: Path) -> Published:
        directory.mkdir()
        repository = GitRepository.init(directory / "repository")
        store = LocalStore(str(directory / "store"))
        publishing.configure(repository.path, str(directory / "store"))
        for version in (FILES, dict.fromkeys(FILES, b"later\n")):
            for name, data in version.items():
                path = repository.path / "data" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            publishing.publish(repository.path, "data", store)
            repository.commit("A version")
        published = cls(account, directory, repository, repository.git("rev-parse", "HEAD~1"))
        account.own(directory)
        return published

    @property
    def shell(self) -> Shell:
        """Run programs with a home, and so a cache, of this dataset's own."""
        return Shell(self.account, sterile.directories(self.directory))

    def commit_files(self, files: dict[str, str]) -> str:
        """Commit metafiles beside the dataset, and return the commit."""
        for name, text in files.items():
            (self.repository.path / name).write_text(text)
        self.account.own(self.repository.path)
        self.git("add", "-A")
        self.git("commit", "-qm", "More")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        return self.shell.run("git", *arguments, cwd=self.repository.path).ok().stdout.strip()

    def mountpoint(self, name: str = "mount") -> Path:
        path = self.directory / name
        path.mkdir(exist_ok=True)
        self.account.own(path)
        return path

    def arguments(self, **settings: object) -> tuple[str | Path, ...]:
        told = {
            "revision": self.commit,
            "repository": str(self.repository.path),
            "mountpoint": str(self.directory / "mount"),
            "log_file": str(self.directory / "log"),
            **settings,
        }
        return (sys.executable, HERE / "mount_main.py", json.dumps(told))

    def mount(self, **settings: object) -> Answer:
        """Mount in the background."""
        done = self.shell.run(*self.arguments(**settings))
        assert done.stdout, done.stderr
        return Answer.parse(done.stdout)

    def mount_in_foreground(self, **settings: object) -> tuple[subprocess.Popen[bytes], Answer]:
        """Mount in a process that goes on serving; the caller ends it."""
        process = self.shell.start(*self.arguments(foreground=True, **settings))
        return process, Answer.parse(process.stdout.readline().decode())

    def run(self, *command: str | Path) -> Outcome:
        """Run a program in the mount."""
        return self.shell.run(*command, cwd=self.directory / "mount")

    def unmount(self, *, lazy: bool = False, mountpoint: Path | None = None) -> Answer:
        """Unmount as ``cvfs.unmount`` does."""
        lazily = ("-z",) if lazy else ()
        done = self.shell.run(sys.executable, HERE / "unmount_main.py", mountpoint or self.directory / "mount", *lazily)
        assert done.stdout, done.stderr
        return Answer.parse(done.stdout)

    def mounts(self) -> list[dict]:
        """List the mounts of this dataset as ``cvfs.mounts`` does."""
        done = self.shell.run(sys.executable, HERE / "mounts_main.py").ok()
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [mount for mount in found if mount["mountpoint"].startswith(f"{self.directory}/")]


def has_ended(pid: int) -> bool:
    """Tell whether a process has ended, even if nobody has asked for its exit code yet."""
    return process_start(pid) is None
