"""Open files are bounded in number, and closed only when nobody uses them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cvfs.cache.open_files import OpenFiles


class File:
    def __init__(self, name="file"):
        self.name = name
        self.closed = 0

    def close(self):
        self.closed += 1


def test_a_file_is_opened_once():
    files = OpenFiles(2)
    with files.use("a", File) as first, files.use("a", File) as second:
        assert first is second
    with files.use("a", File) as third:
        assert third is first
    assert first.closed == 0


def test_the_least_recently_used_is_closed():
    files = OpenFiles(2)
    opened = {}
    for name in "abac":
        with files.use(name, lambda name=name: File(name)) as file:
            opened.setdefault(name, file)
    assert {name: file.closed for name, file in opened.items()} == {"a": 0, "b": 1, "c": 0}
    assert len(files) == 2


def test_a_file_in_use_is_closed_by_its_last_user():
    files = OpenFiles(1)
    first, second = files.use("a", File), files.use("a", File)
    file = first.__enter__()
    second.__enter__()
    with files.use("b", File):
        pass
    assert file.closed == 0
    first.__exit__(None, None, None)
    assert file.closed == 0
    second.__exit__(None, None, None)
    assert file.closed == 1


@pytest.mark.parametrize("how", ["forget", "forget_where", "close"])
def test_files_are_given_up_without_pulling_them_away(how):
    files = OpenFiles(4)
    with files.use("idle", File) as idle:
        pass
    with files.use("busy", File) as busy:
        assert files.in_use("busy")
        assert not files.in_use("idle")
        if how == "forget":
            files.forget("idle")
            files.forget("busy")
        elif how == "forget_where":
            files.forget_where(lambda file: True)
        else:
            files.close()
        assert (idle.closed, busy.closed) == (1, 0)
    assert busy.closed == (0 if how == "forget_where" else 1)


def test_only_the_file_that_is_meant_is_forgotten():
    files = OpenFiles(4)
    with files.use("a", File) as old:
        pass
    files.forget("a", old)
    with files.use("a", File) as new:
        pass
    files.forget("a", old)
    files.forget("unknown")
    assert (old.closed, new.closed) == (1, 0)


def test_an_opener_that_fails_leaves_nothing():
    files = OpenFiles(4)

    def fail():
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such"):
        files.use("a", fail)
    assert len(files) == 0
    with files.use("a", File) as file:
        assert file.closed == 0


def test_two_threads_that_open_at_once_share_one_file():
    files = OpenFiles(4)
    together = threading.Barrier(2, timeout=30)
    made = []

    def opener():
        together.wait()
        made.append(File())
        return made[-1]

    def use(_):
        with files.use("a", opener) as file:
            together.wait()
            return file

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(use, range(2))
    assert first is second
    assert sorted(file.closed for file in made) == [0, 1]


def test_many_threads_never_see_a_closed_file():
    files = OpenFiles(2)

    def use(number):
        for step in range(200):
            with files.use((number + step) % 5, File) as file:
                assert file.closed == 0
        return True

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(use, range(6)))
    files.close()
    assert len(files) == 0
