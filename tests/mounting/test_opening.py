"""Opening commits: what is told of problems and remotes before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import publishing
import pytest
from repositories import GitRepository

from cvfs.errors import CacheError, CredentialsError, MetafileError, RemoteError, TrustError
from cvfs.metafiles.config import Config, Level, parse_config
from cvfs.model import Problem
from cvfs.opening import CommitRequest, check_remotes, describe_problems, open_commit, open_tree
from cvfs.stores.local import LocalStore


class Usable:
    def check(self) -> None:
        pass


class Signedout:
    def check(self) -> None:
        raise CredentialsError("no credentials", hint="sign in")


@dataclass
class Opened:
    """As much of an opened commit as ``check_remotes`` looks at; a store that is an exception is raised."""

    configs: dict[str, Config]
    stores: dict[str, object]
    asked: list[str] = field(default_factory=list)

    @property
    def remotes(self) -> Opened:
        return self

    def store(self, root: str, name: str) -> object:
        self.asked.append(name)
        found = self.stores[name]
        if isinstance(found, Exception):
            raise found
        return found


def opened(default: str | None, **stores: object) -> Opened:
    text = f"[core]\nremote = {default}\n" if default else ""
    text += "".join(f"['remote \"{name}\"']\nurl = s3://{name}\n" for name in stores)
    return Opened({"": Config([parse_config(text, Level.COMMIT, "config", None)])}, stores)


def test_usable_default_remote_is_all_that_is_looked_at() -> None:
    commit = opened("main", main=Usable(), ancient=RemoteError("gopher is not supported"))
    assert check_remotes(commit) == []
    assert commit.asked == ["main"]


def test_missing_credentials_are_a_warning() -> None:
    (warning,) = check_remotes(opened("main", main=Signedout()))
    assert "no credentials" in warning
    assert "sign in" in warning


@pytest.mark.parametrize("error", [RemoteError("not supported"), TrustError("not without your word")])
def test_remotes_of_which_none_can_be_used_are_fatal(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        check_remotes(opened("main", main=error, other=RemoteError("neither")))


def test_unusable_default_beside_a_usable_remote_is_a_warning() -> None:
    assert check_remotes(opened("main", main=RemoteError("not supported"), other=Usable())) == ["not supported"]


def test_no_remote_at_all_is_a_warning() -> None:
    (warning,) = check_remotes(opened(None))
    assert "configures no remote" in warning


def test_problems_are_warnings_up_to_a_bound_or_fatal() -> None:
    problems = [Problem(f"{number}.dvc", number, "bad") for number in range(25)]
    warnings = describe_problems(problems, strict=False)
    assert warnings[1] == "1.dvc:1: bad"
    assert warnings[-1] == "5 more problems like these"
    with pytest.raises(MetafileError, match=r"1\.dvc:1: bad"):
        describe_problems(problems, strict=True)
    assert describe_problems([], strict=True) == []


def test_cache_is_where_the_user_says_or_below_the_users_caches(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CommitRequest("HEAD", {}, cache_dir="here").cache_path == str(tmp_path / "here")
    assert CommitRequest("HEAD", {"HOME": "/h"}).cache_path == "/h/.cache/cvfs"
    assert CommitRequest("HEAD", {"HOME": "/h", "XDG_CACHE_HOME": "/c"}).cache_path == "/c/cvfs"
    # The specification says to ignore what is not absolute.
    assert CommitRequest("HEAD", {"HOME": "/h", "XDG_CACHE_HOME": "c"}).cache_path == "/h/.cache/cvfs"


def test_limits_of_the_cache() -> None:
    limits = CommitRequest("HEAD", {}, max_cache_size="2K", min_free_space="10%").limits()
    assert (limits.max_size.of(1), limits.min_free.of(1000)) == (2048, 100)
    assert CommitRequest("HEAD", {}).limits().max_size is None
    with pytest.raises(CacheError, match="plenty"):
        CommitRequest("HEAD", {}, min_free_space="plenty").limits()


@pytest.fixture
def repository(make_repository, tmp_path: Path) -> GitRepository:
    repository = make_repository()
    publishing.configure(repository.path, str(tmp_path / "store"))
    (repository.path / "data").mkdir()
    (repository.path / "data" / "a").write_bytes(b"alpha")
    publishing.publish(repository.path, "data", LocalStore(str(tmp_path / "store")))
    repository.commit("One")
    return repository


def request(repository: GitRepository, tmp_path: Path) -> CommitRequest:
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    return CommitRequest("HEAD", env, str(repository.path), cache_dir=str(tmp_path / "cache"))


def test_tree_alone_makes_no_cache_of_contents(repository: GitRepository, tmp_path: Path) -> None:
    _, snapshot = open_tree(request(repository, tmp_path))
    assert snapshot.resolve(b"data/a").size == 5
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["index"]


def test_opened_commit_reads_what_dvc_has_on_this_machine(repository: GitRepository, tmp_path: Path) -> None:
    with open_commit(request(repository, tmp_path)) as commit:
        content = commit.snapshot.content(commit.snapshot.resolve(b"data/a").ino)
        copy = repository.path / ".dvc" / "cache" / "files" / "md5" / content.md5[:2] / content.md5[2:]
        copy.parent.mkdir(parents=True)
        copy.write_bytes(b"alpha")
        assert commit.fetcher._local_copies.unverified(content)


def test_dvc_cache_that_lies_elsewhere_is_found(repository: GitRepository, tmp_path: Path) -> None:
    (repository.path / ".dvc" / "config.local").write_text(f"[cache]\ndir = {tmp_path}/shared\n")
    with open_commit(request(repository, tmp_path)) as commit:
        content = commit.snapshot.content(commit.snapshot.resolve(b"data/a").ino)
        copy = tmp_path / "shared" / "files" / "md5" / content.md5[:2] / content.md5[2:]
        copy.parent.mkdir(parents=True)
        copy.write_bytes(b"alpha")
        assert commit.fetcher._local_copies.unverified(content)
