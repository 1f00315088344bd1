"""Failures are remembered for a moment, wrong bytes for longer."""

from __future__ import annotations

import pytest

from cvfs.errors import IntegrityError, UnavailableError
from cvfs.fetch.failures import Failures, again
from cvfs.model import Content

CONTENT = Content(1, "a" * 32, None, None)
OTHER = Content(1, "b" * 32, None, None)


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def failures(now):
    return Failures(lambda: now[0])


def test_nothing_is_remembered_at_first(failures):
    failures.check(CONTENT)


@pytest.mark.parametrize(
    ("error", "seconds"), [(UnavailableError("down", hint="wait"), 1.0), (IntegrityError("wrong"), 60.0)]
)
def test_an_error_is_raised_again_for_its_time(failures, now, error, seconds):
    failures.remember(CONTENT, error)
    failures.check(OTHER)
    now[0] += seconds - 0.01
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            failures.check(CONTENT)
        assert caught.value is not error
        assert (caught.value.message, caught.value.hint) == (error.message, error.hint)
    now[0] += 0.02
    failures.check(CONTENT)


def test_the_copy_has_a_traceback_of_its_own():
    error = UnavailableError("down")
    fresh = again(error)
    with pytest.raises(UnavailableError):
        raise fresh
    assert error.__traceback__ is None
    assert fresh.__cause__ is error
