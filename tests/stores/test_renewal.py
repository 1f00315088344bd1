"""Credentials that are refused are looked for again, once in a while, and once for all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cvfs.errors import CredentialsError
from cvfs.stores.renewal import INTERVAL_S, Renewable


class FakeLink:
    def __init__(self, secret: str) -> None:
        self.secret = secret

    def has_other_secrets_than(self, other: FakeLink) -> bool:
        return self.secret != other.secret


class Setting:
    """A store that lets in whoever knows ``good``, and a user who has ``secret`` in a file."""

    def __init__(self) -> None:
        self.now = 0.0
        self.good = self.secret = "first"
        self.made = 0
        self.links = Renewable(self.make, "remote 'up'", lambda: self.now)

    def make(self) -> FakeLink:
        self.made += 1
        return FakeLink(self.secret)

    def ask(self, link: FakeLink) -> str:
        if link.secret != self.good:
            raise CredentialsError("refused")
        return link.secret


def test_credentials_are_found_again() -> None:
    setting = Setting()
    assert setting.links.run(setting.ask) == "first"
    setting.good = setting.secret = "second"
    setting.now = INTERVAL_S
    assert setting.links.run(setting.ask) == "second"
    assert setting.made == 2


def test_they_are_looked_for_once_in_a_while() -> None:
    setting = Setting()
    setting.good = "unknown"
    for setting.now in (0.0, INTERVAL_S, INTERVAL_S + 1, 2 * INTERVAL_S - 1, 2 * INTERVAL_S):
        with pytest.raises(CredentialsError):
            setting.links.run(setting.ask)
    assert setting.made == 3


def test_many_threads_look_once() -> None:
    setting = Setting()
    setting.good = setting.secret = "second"
    setting.now = INTERVAL_S
    together = threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait(30)
        return setting.links.run(setting.ask)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == ["second"] * 8
    assert setting.made == 2


def test_replacement_is_kept_by_later_renewals() -> None:
    setting = Setting()
    first = setting.links.current
    replaced = setting.links.replace(first, lambda: FakeLink("with a payer"))
    assert setting.links.current is replaced
    assert setting.links.replace(first, lambda: FakeLink("too late")) is replaced
    setting.good = "other"
    setting.now = INTERVAL_S
    with pytest.raises(CredentialsError):
        setting.links.run(setting.ask)
    assert setting.links.current is replaced
