from __future__ import annotations

import os

import pytest

from cvfs.errors import RepositoryError
from cvfs.git.command import Git, scrub


def test_the_first_fatal_line_is_the_complaint() -> None:
    done = Git(os.environ).run("rev-parse", "--verify", "--git-dir=/nowhere", "x")
    assert done.code != 0
    assert done.last_line
    assert not done.last_line.startswith("fatal:")


def test_an_end_is_put_to_a_command_that_hangs() -> None:
    read, write = os.pipe()
    try:
        with pytest.raises(RepositoryError, match=r"git cat-file did not end within 0\.2 seconds"):
            # The alias of a FIFO: git waits for the configuration file that it is told to read.
            Git({**os.environ, "GIT_CONFIG_GLOBAL": f"/proc/{os.getpid()}/fd/{read}"}).run(
                "cat-file", "-p", "x", timeout=0.2
            )
    finally:
        os.close(read)
        os.close(write)


def test_an_error_in_the_body_ends_git() -> None:
    with pytest.raises(ZeroDivisionError), Git(os.environ).talk("hash-object", "--stdin"):
        1 / 0  # noqa: B018


def test_a_command_that_fails_after_its_output_is_an_error() -> None:
    with pytest.raises(RepositoryError, match="git cat-file failed"):
        with Git(os.environ, ("-C", "/")).talk("cat-file", "--batch") as (_, stdout):
            stdout.read()


def test_urls_lose_their_credentials() -> None:
    assert (
        scrub(b"fatal: unable to access 'https://me:token@host/x': no")
        == "fatal: unable to access 'https://host/x': no"
    )
    assert scrub(b"fatal: \xff") == "fatal: �"
