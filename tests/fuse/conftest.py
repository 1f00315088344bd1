"""Real mounts of fake commits."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from accounts import Account
from command import Shell
from fake_server import FakeServer, serving

Serve = Callable[..., AbstractContextManager[FakeServer]]


@pytest.fixture
def serve(account: Account) -> Iterator[Callable[..., FakeServer]]:
    """Serve files (and settings for ``fake_server_main.py``) until the end of the test, as each kind of user."""
    with contextlib.ExitStack() as stack:

        def start(files: dict[str, str], **settings: object) -> FakeServer:
            return stack.enter_context(serving(Shell(account), account.directory / uuid.uuid4().hex, files, **settings))

        yield start
