"""``cvfs init`` and ``cvfs remote`` do to the files what the real DVC does, and write nothing that DVC refuses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from configobj import ConfigObj
from cvfs_cli import remote
from dvc_repository import DVC, DvcRepository

from cvfs.errors import CvfsError
from cvfs.init import initialise
from cvfs.metafiles.remote_schema import check_option, known_options

#: Commands that both write the same bytes for, run one after another.
COMMANDS = (
    ("add", "-d", "Up", "s3://bucket/base"),
    ("modify", "up", "endpointurl", "http://127.0.0.1:9"),
    ("modify", "up", "version_aware", "true"),
    ("modify", "--local", "up", "secret_access_key", "a,b#c\"d'"),
    ("add", "store", "../store"),
    ("add", "home", "~/store"),
    ("add", "--local", "mine", "/absolute/store"),
    ("modify", "store", "type", "reflink,copy"),
    ("modify", "up", "credentialpath", "credentials"),
    ("modify", "--unset", "up", "endpointurl"),
    ("add", "-f", "store", "gs://bucket"),
    ("default", "--local", "mine"),
    ("rename", "--local", "mine", "own"),
    ("remove", "store"),
    ("default", "--local", "--unset"),
    ("add", "--global", "-d", "everywhere", "azure://container/path"),
    ("default", "--unset"),
)
#: Commands that both refuse.
REFUSED = (
    ("add", "up", "s3://other"),
    ("add", "new", "ftp://host/path"),
    ("modify", "up", "nonsense", "1"),
    ("modify", "up", "jobs", "0"),
    ("modify", "up", "version_aware", "yes"),
    ("modify", "up", "cache_regions", "true"),
    ("modify", "none", "jobs", "1"),
    ("modify", "up", "url", "--unset"),
    ("rename", "none", "new"),
    ("rename", "up", "home"),
    ("remove", "none"),
    ("default", "none"),
)
SAMPLES = ("", "x", "true", "False", "0", "1", "-1", "1.5", "nan", "reflink,copy", "group", "basic", "/path")
#: Options that DVC has, and of which no value that a file can hold passes its check.
IMPOSSIBLE = {"s3": {"cache_regions"}, "hdfs": {"replication"}}
#: Values that DVC takes and cannot use: an empty text, and a number that is none.
SENSELESS = ("", "nan")

ASK_DVC = """\
import json, sys
from dvc.config_schema import REMOTE_SCHEMAS
from voluptuous import Schema, Invalid
def accepts(schema, option, value):
    try:
        Schema(schema)({option: value})
    except Invalid:
        return False
    return True
samples = json.load(sys.stdin)
print(json.dumps({scheme: {str(option): [value for value in samples if accepts(schema, str(option), value)]
                           for option in schema}
                  for scheme, schema in REMOTE_SCHEMAS.items() if scheme != "remote"}))
"""


def home(path: Path) -> dict[str, str]:
    return {"HOME": str(path / "home"), "XDG_CONFIG_DIRS": str(path / "etc")}


def run_dvc(repository: DvcRepository, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert DVC.exists(), f"{DVC} is missing: make test installs DVC there, for these tests to drive"
    environment = {**os.environ, **home(repository.path.parent), "CI": "true"}
    return subprocess.run(
        [DVC, "remote", *arguments], cwd=repository.path, env=environment, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def run_cvfs(repository: DvcRepository, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    with monkeypatch.context() as patch:
        patch.chdir(repository.path)
        for name, value in home(repository.path.parent).items():
            patch.setenv(name, value)
        remote.command.main(list(arguments), standalone_mode=False)


def files(repository: DvcRepository) -> dict[str, bytes]:
    paths = {name: repository.path / ".dvc" / name for name in ("config", "config.local")}
    paths["global"] = repository.path.parent / "home/.config/dvc/config"
    # An empty section and an empty file say the same as none at all.
    texts = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
    return {name: text for name, text in texts.items() if any(meaning(text).values())}


def meaning(text: bytes) -> Mapping[str, object]:
    parsed: Mapping[str, object] = ConfigObj(text.decode().splitlines(), interpolation=False).dict()
    return parsed


@pytest.fixture
def theirs(tmp_path: Path) -> DvcRepository:
    """A repository that DVC made."""
    repository = DvcRepository.init(tmp_path / "theirs/repository")
    repository.dvc("init", "-q")
    return repository


@pytest.fixture
def ours(tmp_path: Path) -> DvcRepository:
    """A repository that cvfs made."""
    repository = DvcRepository.init(tmp_path / "ours/repository")
    initialise(str(repository.path), os.environ)
    return repository


def test_init_makes_and_stages_the_same_files(theirs: DvcRepository, ours: DvcRepository) -> None:
    assert ours.git("ls-files", "-s") == theirs.git("ls-files", "-s")
    assert ours.git("status", "--porcelain") == theirs.git("status", "--porcelain")
    ours.dvc("status")


def test_init_below_the_top_makes_the_same_files(tmp_path: Path) -> None:
    staged = []
    for name in ("theirs", "ours"):
        repository = DvcRepository.init(tmp_path / name)
        (repository.path / "team").mkdir()
        if name == "theirs":
            repository.dvc("init", "-q", "--subdir", folder="team")
        else:
            initialise(str(repository.path / "team"), os.environ, subdir=True)
        staged.append(repository.git("ls-files", "-s"))
    assert staged[0] == staged[1]


def test_every_command_writes_the_same_bytes(
    theirs: DvcRepository, ours: DvcRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in COMMANDS:
        done = run_dvc(theirs, *command)
        assert done.returncode == 0, done.stderr
        run_cvfs(ours, monkeypatch, *command)
        assert files(ours) == files(theirs), command
    listed = run_dvc(ours, "list")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == run_dvc(theirs, "list").stdout.replace("theirs", "ours")


def test_what_dvc_refuses_cvfs_refuses(
    theirs: DvcRepository, ours: DvcRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (("add", "up", "s3://bucket"), ("add", "home", "/home")):
        run_dvc(theirs, *command)
        run_cvfs(ours, monkeypatch, *command)
    before = files(ours)
    assert files(theirs) == before
    for command in REFUSED:
        assert run_dvc(theirs, *command).returncode != 0, command
        with pytest.raises(CvfsError):
            run_cvfs(ours, monkeypatch, *command)
    assert files(ours) == before


def test_removed_and_renamed_remotes_leave_a_configuration_that_dvc_can_read(
    ours: DvcRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_cvfs(ours, monkeypatch, "add", "-d", "up", "s3://bucket")
    run_cvfs(ours, monkeypatch, "modify", "--local", "up", "secret_access_key", "hush")
    run_cvfs(ours, monkeypatch, "rename", "up", "far")
    listed = run_dvc(ours, "list")
    assert (listed.returncode, listed.stdout.split()) == (0, ["far", "s3://bucket", "(default)"])
    ours.dvc("status")
    run_cvfs(ours, monkeypatch, "remove", "far")
    ours.dvc("status")


def test_comments_survive_and_dvc_reads_on(ours: DvcRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ours.path / ".dvc/config"
    config.write_text("# ours\n[core]\n    remote = up  # fast\n# there\n['remote \"up\"']\n    url = s3://bucket\n")
    run_cvfs(ours, monkeypatch, "modify", "up", "region", "eu-north-1")
    assert config.read_text().count("#") == 3
    listed = run_dvc(ours, "list")
    assert (listed.returncode, listed.stdout.split()) == (0, ["up", "s3://bucket", "(default)"])


@pytest.fixture(scope="module")
def dvc_schema() -> dict[str, dict[str, list[str]]]:
    """Which of the sample values DVC accepts for each option of each scheme."""
    assert DVC.exists(), f"{DVC} is missing: make test installs DVC there, for these tests to drive"
    asked = [DVC.parent / "python", "-c", ASK_DVC]
    done = subprocess.run(asked, input=json.dumps(SAMPLES), capture_output=True, text=True, check=True, timeout=120)
    answer: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return answer


def test_options_are_those_of_dvc(dvc_schema: dict[str, dict[str, list[str]]]) -> None:
    for scheme, options in dvc_schema.items():
        assert known_options(scheme) == options.keys() - IMPOSSIBLE.get(scheme, set()), scheme
        assert all(options[option] == [] for option in IMPOSSIBLE.get(scheme, ()))


def test_values_are_those_that_dvc_accepts(dvc_schema: dict[str, dict[str, list[str]]]) -> None:
    for scheme, options in dvc_schema.items():
        for option in known_options(scheme):
            ours = [value for value in SAMPLES if value not in SENSELESS and accepts(scheme, option, value)]
            assert ours == [value for value in options[option] if value not in SENSELESS], (scheme, option)


def accepts(scheme: str, option: str, value: str) -> bool:
    try:
        check_option(scheme, option, value)
    except CvfsError:
        return False
    return True
