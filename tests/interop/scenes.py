"""What teams do with DVC's cloud versioning: each scene is played once, by the real DVC, against a versioned bucket."""

from __future__ import annotations

from pathlib import Path

from dvc_repository import DvcRepository
from servers.moto import Moto

#: Names that DVC pushes but cannot pull, for it builds URLs of them, among others that ask for care.
AWKWARD = ("a#b.txt", "q?x.txt", "pc%20t.txt", "plus+.txt", "sp ace.txt", " lead", "yes", "12:30:45", "ü dir/ñ.txt")


class Bucket:
    """A versioned bucket, and what other programs than DVC do to it."""

    def __init__(self, moto: Moto) -> None:
        self.moto = moto
        self.name = moto.make_bucket()

    def connect(self, repository: DvcRepository, folder: str = ".") -> None:
        """Make a prefix of the bucket the version-aware default remote of a DVC repository."""
        repository.add_remote(f"s3://{self.name}/base", self.moto.endpoint, folder)

    def spoil(self) -> None:
        """Overwrite every current object, then hide every other one behind a delete marker."""
        client = self.moto.client()
        keys = sorted(version.key for version in self.moto.versions(self.name) if version.latest)
        for number, key in enumerate(keys):
            client.put_object(Bucket=self.name, Key=key, Body=b"overwritten by hand")
            if number % 2:
                client.delete_object(Bucket=self.name, Key=key)


def dataset(path: Path, bucket: Bucket) -> DvcRepository:
    """Push a directory and a file; change, delete and rename; push again; then others spoil the bucket."""
    repository = DvcRepository.init(path)
    repository.dvc("init", "-q")
    bucket.connect(repository)
    repository.write(
        {
            "data/keep.txt": b"kept as it is\n",
            "data/change.txt": b"before\n",
            "data/delete.txt": b"to be deleted\n",
            "data/rename.txt": b"to be renamed\n",
            "data/deep/er/file.bin": bytes(range(256)) * 5000,
            "data/empty": b"",
            "model.bin": b"weights, first\n" * 1000,
        }
    )
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    repository.commit_pushed("one", "data", "model.bin")

    repository.write({"data/change.txt": b"after\n", "model.bin": b"weights, second\n" * 1000})
    (repository.path / "data/delete.txt").unlink()
    (repository.path / "data/rename.txt").rename(repository.path / "data/renamed.txt")
    repository.dvc("add", "-q", "data", "model.bin")
    repository.dvc("push", "-q")
    repository.commit_pushed("two", "data", "model.bin")
    bucket.spoil()
    return repository


def pipeline(path: Path, bucket: Bucket) -> DvcRepository:
    """Push what the stages of a dvc.yaml made, twice; one stage has a folder of its own to work in."""
    repository = DvcRepository.init(path)
    repository.dvc("init", "-q")
    bucket.connect(repository)
    repository.commit("set up", {"dvc.yaml": PIPELINE, "train/params.yaml": "rate: 1\n"})
    for rate in (1, 2):
        repository.write({"train/params.yaml": f"rate: {rate}\n".encode()})
        repository.dvc("repro", "-q")
        repository.dvc("push", "-q")
        repository.commit_pushed(f"rate {rate}", "prepared", "train/model.bin", "metrics.json")
    bucket.spoil()
    return repository


PIPELINE = """\
stages:
  prepare:
    cmd: mkdir -p prepared/sub && echo one > prepared/1.txt && echo two > prepared/sub/2.txt
    outs:
    - prepared
  train:
    wdir: train
    cmd: cat params.yaml ../prepared/1.txt > model.bin && echo '{"loss":' $(wc -c < model.bin)'}' > ../metrics.json
    params:
    - rate
    deps:
    - ../prepared
    outs:
    - model.bin
    metrics:
    - ../metrics.json
"""


def subrepository(path: Path, bucket: Bucket) -> DvcRepository:
    """Push from a DVC repository in a folder of a Git repository that has no other."""
    repository = DvcRepository.init(path)
    repository.write({"teams/vision/images/cat.txt": b"meow\n", "teams/vision/images/more/dog.txt": b"woof\n"})
    repository.dvc("init", "-q", "--subdir", folder="teams/vision")
    bucket.connect(repository, "teams/vision")
    repository.dvc("add", "-q", "images", folder="teams/vision")
    repository.dvc("push", "-q", folder="teams/vision")
    repository.commit_pushed("images", "teams/vision/images")
    bucket.spoil()
    return repository


def awkward_names(path: Path, bucket: Bucket) -> DvcRepository:
    """Push files with names that DVC itself cannot pull back."""
    repository = DvcRepository.init(path)
    repository.dvc("init", "-q")
    bucket.connect(repository)
    repository.write({f"odd/{name}": f"content of {name}\n".encode() for name in AWKWARD})
    repository.dvc("add", "-q", "odd")
    repository.dvc("push", "-q")
    repository.commit_pushed("odd", "odd")
    bucket.spoil()
    return repository


SCENES = {scene.__name__: scene for scene in (dataset, pipeline, subrepository, awkward_names)}
