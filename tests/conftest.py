"""What holds for every test: sterile surroundings, loopback only, and nothing left behind.

Pytest puts this folder on the import path, so tests import the modules beside this file by their bare names.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import fuse_device
import leftovers
import pytest
import sterile
from accounts import Account, myself, ordinary_user
from command import Shell
from leftovers import Leftovers, TestRun
from repositories import GitRepository

pytest_plugins = (
    "servers.azure",
    "servers.azurite",
    "servers.moto",
)

#: Longer than the limit that pytest sets for a test. Python cannot interrupt a read that the kernel waits for, but the
#: end of the daemon ends the read, and then the limit takes effect.
RESCUE_S = 150.0

if not sterile.wants_network(os.environ):
    sys.addaudithook(sterile.refuse_other_machines)


@pytest.fixture(scope="session", autouse=True)
def test_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestRun]:
    """Make the environment sterile for the whole run, and see to it that the run leaves no mount and no daemon."""
    ours = Path(tempfile.mkdtemp(prefix="cvfs-tests-"))
    ours.chmod(0o755)
    run = TestRun(uuid.uuid4().hex, (tmp_path_factory.getbasetemp().resolve(), ours.resolve()))
    environment = sterile.sterile_environment(os.environ, tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment.keys():
            patch.delenv(name)
        for name, value in {**environment, leftovers.MARKER: run.marker}.items():
            patch.setenv(name, value)
        yield run
        left = run.left_since(leftovers.NOTHING)
    leftovers.remove(left)
    shutil.rmtree(ours)
    assert not left, f"the test run left {left}"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home, and so caches and configuration, of its own."""
    home = tmp_path_factory.getbasetemp() / "homes" / uuid.uuid4().hex
    home.mkdir(parents=True)
    for name, value in sterile.directories(home).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _no_mount_left(test_run: TestRun) -> Iterator[None]:
    """Fail a test that leaves a mount which was not there before it, and take the mount away."""
    before = test_run.mounts()
    rescue = threading.Timer(RESCUE_S, lambda: leftovers.remove(test_run.leftovers()))
    rescue.daemon = True
    rescue.start()
    yield
    rescue.cancel()
    left = test_run.mounts() - before
    leftovers.remove(Leftovers(left, frozenset()))
    assert not left, f"the test left mounts: {sorted(left)}"


@pytest.fixture(scope="module", autouse=True)
def _no_daemon_left(test_run: TestRun) -> Iterator[None]:
    """Fail a module whose tests leave a daemon, and end it. (Once a module: looking at every process takes a while.)"""
    before = test_run.leftovers()
    yield
    left = test_run.left_since(before)
    leftovers.remove(left)
    assert not left, f"the module's tests left {left}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run programs as the user who runs the tests."""
    return Shell(myself(tmp_path))


@pytest.fixture
def cvfs_cli(shell: Shell) -> Callable[..., object]:
    """Run the installed ``cvfs`` with the arguments given, and return its exit code and output (``Outcome``)."""
    return shell.cvfs


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[str], GitRepository]:
    """Make an empty Git repository of the name given in the test's own directory."""
    return lambda name="repository": GitRepository.init(tmp_path / name)


@pytest.fixture(scope="session")
def fuse() -> None:
    """Stand for the ability to mount: a test that needs it fails, rather than passes unseen, where it is missing."""
    if complaint := fuse_device.complaint():
        pytest.fail(complaint, pytrace=False)


def _account_names() -> list[str]:
    return ["root", "nobody"] if os.geteuid() == 0 else ["user"]


@pytest.fixture(scope="session", params=_account_names())
def account(request: pytest.FixtureRequest, test_run: TestRun, fuse: None) -> Iterator[Account]:
    """Run a test as each kind of user that may mount: root and, through fusermount3, one without privileges."""
    directory = test_run.places[1] / request.param
    directory.mkdir()
    with ExitStack() as stack:
        if request.param == "nobody":
            stack.enter_context(fuse_device.open_to_all())
            yield ordinary_user(directory)
        else:
            yield myself(directory)
