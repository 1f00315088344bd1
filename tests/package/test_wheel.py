"""What installing cvfs puts on a machine."""

from __future__ import annotations

import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from accounts import myself
from command import Shell, cvfs_program

TOP = Path(__file__).parent.parent.parent

#: What the command must not load before it has something to fetch: each takes a good part of a second.
SLOW = ("boto3", "botocore", "obstore", "azure", "google.cloud")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the sources, so that the work tree stays clean, and without any download."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("cvfs", "cli"):
        shutil.copytree(TOP / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index")
    built = Shell(myself(folder)).run(*pip, "--no-deps", "--no-build-isolation", "-w", folder, source, bound=120)
    built.ok()
    return zipfile.ZipFile(next(folder.glob("cvfs-*.whl")))


def test_wheel_claims_no_names_but_its_own(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cvfs", "cvfs_cli"}


def test_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {str(path.relative_to(TOP)) for folder in ("cvfs", "cli") for path in (TOP / folder).rglob("*.py")}
    expected = {f"cvfs_cli/{name.removeprefix('cli/')}" if name.startswith("cli/") else name for name in modules}
    assert {name for name in wheel.namelist() if name.endswith(".py")} == expected


def test_wheel_says_that_it_is_typed_and_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "cvfs/py.typed" in names
    licence = next(name for name in names if name.endswith(".dist-info/licenses/LICENSE"))
    assert b"Apache License" in wheel.read(licence)


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "cvfs = cvfs_cli.main:main" in wheel.read(entry_points).decode()


def test_version_of_the_command_is_that_of_the_project(shell: Shell) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] in shell.cvfs("--version").ok().stdout


def test_help_loads_no_cloud_sdk(shell: Shell) -> None:
    shown = shell.run(sys.executable, "-X", "importtime", cvfs_program(), "--help").ok()
    assert "Usage: cvfs" in shown.stdout
    loaded = [line.rpartition("|")[2].strip() for line in shown.stderr.splitlines() if line.startswith("import time:")]
    assert "click" in loaded
    assert [name for name in loaded if name in SLOW or name.startswith(tuple(f"{slow}." for slow in SLOW))] == []
