"""A versioned bucket with data that somebody else put there, and repositories that import it."""

from __future__ import annotations

from pathlib import Path

from command import Outcome, Shell
from repositories import GitRepository
from servers.moto import Moto

FILES = {"ds/a.txt": b"contents a\n", "ds/sub/b b.txt": b"contents b\n", "ds/sub/ü": b"", "one.csv": b"x,y\n1,2\n"}
#: What is below ``ds/``.
DS = {key.removeprefix("ds/"): data for key, data in FILES.items() if key.startswith("ds/")}


class Bucket:
    """A bucket on moto with some objects."""

    def __init__(self, moto: Moto, *, versioned: bool = True) -> None:
        self.moto = moto
        self.name = moto.make_bucket(versioned=versioned)
        self.put(FILES)

    def put(self, files: dict[str, bytes]) -> None:
        for key, data in files.items():
            self.moto.s3.put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.moto.s3.delete_object(Bucket=self.name, Key=key)

    def connect(self, repository: GitRepository, shell: Shell) -> None:
        """Configure the bucket as the remote ``src``."""
        for words in (
            ("add", "src", f"s3://{self.name}"),
            ("modify", "src", "endpointurl", self.moto.endpoint),
            ("modify", "src", "version_aware", "true"),
        ):
            shell.cvfs("remote", *words, cwd=repository.path).ok()


def run(shell: Shell, repository: GitRepository, *arguments: str | Path) -> Outcome:
    return shell.cvfs(*arguments, cwd=repository.path)


def files_below(path: Path) -> dict[str, bytes]:
    """Read all files below a directory, by their paths in it."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
