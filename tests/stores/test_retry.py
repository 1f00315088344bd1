"""What is tried again, how often, after which pauses, and what is said in the end."""

from __future__ import annotations

import logging
import threading

import pytest
from fakes.stores import FaultyStore

from cvfs.errors import (
    AccessDeniedError,
    ArchivedError,
    CredentialsError,
    CvfsError,
    IntegrityError,
    KeyTakenError,
    SourceChangedError,
    StoreError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.stores.memory import MemoryStore
from cvfs.stores.retry import RetryingStore, RetryPolicy
from cvfs.stores.store import Versioning

POLICY = RetryPolicy(attempts=4, first_pause=1.0, longest_pause=3.0, total_time=100.0)


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Setting:
    def __init__(self, policy: RetryPolicy = POLICY, chance: float = 1.0) -> None:
        self.time = Time()
        self.inner = FaultyStore(MemoryStore())
        self.version = self.inner.put("a", b"data").version_id
        self.store = RetryingStore(
            self.inner, policy, sleep=self.time.sleep, chance=lambda: chance, clock=self.time.clock
        )

    def read(self) -> bytes:
        return self.store.read("a", self.version).data


def test_passing_failure_is_waited_out() -> None:
    setting = Setting()
    setting.inner.fail_next(UnavailableError("busy"), times=3)
    assert setting.read() == b"data"
    assert setting.time.pauses == [1.0, 2.0, 3.0]
    assert len(setting.inner.requests) == 4


def test_pauses_are_random_below_their_bound() -> None:
    setting = Setting(chance=0.25)
    setting.inner.fail_next(UnavailableError("busy"), times=3)
    setting.read()
    assert setting.time.pauses == [0.25, 0.5, 0.75]


def test_end_names_the_tries_and_the_last_cause() -> None:
    setting = Setting()
    last = UnavailableError("the store answered 503", hint="ask later")
    setting.inner.fail_next(UnavailableError("reset"), times=3)
    setting.inner.fail_next(last)
    with pytest.raises(UnavailableError, match=r"503 \(given up after 4 tries in 6 s\)") as caught:
        setting.read()
    assert caught.value.__cause__ is last
    assert caught.value.hint == "ask later"
    assert len(setting.inner.requests) == 4


def test_no_try_begins_after_the_total_time() -> None:
    setting = Setting(RetryPolicy(attempts=100, first_pause=4.0, longest_pause=4.0, total_time=10.0))
    setting.inner.fail_next(UnavailableError("busy"), times=100)
    with pytest.raises(UnavailableError, match="3 tries in 8 s"):
        setting.read()


@pytest.mark.parametrize(
    "error", [VersionNotFoundError, AccessDeniedError, CredentialsError, ArchivedError, StoreError]
)
def test_failure_that_would_come_again_is_passed_on(error: type[CvfsError]) -> None:
    setting = Setting()
    failure = error("no")
    setting.inner.fail_next(failure)
    with pytest.raises(error) as caught:
        setting.read()
    assert caught.value is failure
    assert len(setting.inner.requests) == 1


def test_wrong_bytes_are_asked_for_once_more_without_a_pause() -> None:
    setting = Setting()
    setting.inner.fail_next(IntegrityError("wrong"))
    assert setting.read() == b"data"
    second = IntegrityError("wrong again")
    setting.inner.fail_next(IntegrityError("wrong"))
    setting.inner.fail_next(second)
    with pytest.raises(IntegrityError) as caught:
        setting.read()
    assert caught.value is second
    assert setting.time.pauses == []
    assert len(setting.inner.requests) == 4


class Flaky(MemoryStore):
    """Fails the first of every two calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.closed = False

    def stumble(self) -> None:
        self.calls += 1
        if self.calls % 2:
            raise UnavailableError("busy")

    def stat(self, key, version_id=None):
        self.stumble()
        return super().stat(key, version_id)

    def put(self, key, source, *, md5=None, create_only=False):
        self.stumble()
        return super().put(key, source, md5=md5, create_only=create_only)

    def copy(self, key, version_id, target):
        self.stumble()
        return super().copy(key, version_id, target)

    def versioning(self):
        self.stumble()
        return super().versioning()

    def enable_versioning(self):
        self.stumble()

    def close(self):
        self.closed = True


def test_every_request_is_tried_again() -> None:
    inner = Flaky()
    store = RetryingStore(inner, POLICY, sleep=lambda _: None)
    stat = store.put("a", b"x")
    assert store.stat("a") == stat
    assert store.copy("a", str(stat.version_id), "b").size == 1
    assert store.versioning() is Versioning.ON
    store.enable_versioning()
    store.check()
    assert inner.calls == 10
    assert (store.url, store.full_key("a")) == (inner.url, inner.full_key("a"))
    store.close()
    assert inner.closed


@pytest.mark.parametrize("upload", ["put", "copy"])
def test_upload_that_was_damaged_on_its_way_is_made_once_more(upload: str) -> None:
    setting = Setting()

    def act() -> int:
        if upload == "put":
            return setting.store.put("b", b"1234").size
        return setting.store.copy("a", setting.version, "b").size

    setting.inner.fail_next_upload(IntegrityError("damaged"))
    assert act() == 4
    second = IntegrityError("damaged again")
    setting.inner.fail_next_upload(IntegrityError("damaged"))
    setting.inner.fail_next_upload(second)
    with pytest.raises(IntegrityError) as caught:
        act()
    assert caught.value is second
    assert setting.time.pauses == []
    assert [done.key for done in setting.inner.uploads[1:]] == ["b"] * 4


def test_options_of_an_upload_are_passed_on() -> None:
    setting = Setting()
    with pytest.raises(KeyTakenError):
        setting.store.put("a", b"x", create_only=True)
    with pytest.raises(SourceChangedError):
        setting.store.put("a", b"x", md5="0" * 32)
    assert setting.inner.stat("a").version_id == setting.version


def test_upload_whose_answer_was_lost_is_made_again() -> None:
    setting = Setting()
    setting.inner.lose_next_answer(UnavailableError("reset"))
    stat = setting.store.put("b", b"x")
    assert setting.inner.stat("b") == stat
    assert len(setting.inner.uploads) == 3


class Breaking(MemoryStore):
    """Lists three keys, and then breaks off as often as it was told."""

    def __init__(self, breaks: int) -> None:
        super().__init__()
        self.breaks = breaks
        self.begun: list[str] = []

    def listing(self, prefix, after=""):
        self.begun.append(after)
        for number, found in enumerate(super().listing(prefix, after), start=1):
            yield found
            if number == 3 and self.breaks:
                self.breaks -= 1
                raise UnavailableError("reset")


def test_listing_goes_on_behind_the_last_key() -> None:
    inner = Breaking(breaks=3)
    for number in range(10):
        inner.put(f"a/{number}", b"x")
    store = RetryingStore(inner, RetryPolicy(attempts=2), sleep=lambda _: None)
    assert [found.key for found in store.listing("a/", "a/0")] == [f"a/{number}" for number in range(1, 10)]
    assert inner.begun == ["a/0", "a/3", "a/6", "a/9"]


def test_listing_that_gets_no_further_ends() -> None:
    class Refusing(MemoryStore):
        def listing(self, prefix, after=""):
            raise UnavailableError("busy")
            yield

    store = RetryingStore(Refusing(), RetryPolicy(attempts=3), sleep=lambda _: None)
    with pytest.raises(UnavailableError, match="3 tries"):
        list(store.listing(""))


def test_close_ends_a_pause() -> None:
    inner = FaultyStore(MemoryStore())
    version = inner.put("a", b"data").version_id
    inner.fail_next(UnavailableError("busy"), times=10)
    store = RetryingStore(inner, RetryPolicy(first_pause=1e6, longest_pause=1e6, total_time=1e9), chance=lambda: 1.0)
    errors: list[CvfsError] = []

    def read() -> None:
        try:
            store.read("a", version)
        except CvfsError as error:
            errors.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    inner.wait_for_requests(1)
    store.close()
    thread.join(30)
    assert not thread.is_alive()
    assert "1 try" in errors[0].message
    assert len(inner.requests) == 1


def test_each_further_try_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    setting = Setting()
    setting.inner.fail_next(UnavailableError("the store answered 503"), times=2)
    with caplog.at_level(logging.INFO, logger="cvfs.stores.retry"):
        setting.read()
    assert [record.getMessage() for record in caplog.records] == [
        "try 1 failed, the next one follows in 1.0 s: the store answered 503",
        "try 2 failed, the next one follows in 2.0 s: the store answered 503",
    ]


def test_default_policy_has_an_end() -> None:
    setting = Setting(RetryPolicy())
    setting.inner.fail_next(UnavailableError("busy"), times=1000)
    with pytest.raises(UnavailableError):
        setting.read()
    assert setting.time.now <= RetryPolicy().total_time
