"""What is a URL, and what of it may be seen."""

from __future__ import annotations

import pytest

from cvfs.errors import RepositoryError
from cvfs.git.urls import RepositoryUrl, parse_url


@pytest.mark.parametrize("path", ["/srv/data.git", ".", "a:b", "a@b", "c/d@e:f", "host:path", "C:\\x"])
def test_paths(path: str) -> None:
    assert parse_url(path) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.invalid/a/b.git/", RepositoryUrl("https://example.invalid/a/b.git")),
        ("HTTPS://me:pa%40ss@h:1/r", RepositoryUrl("https://h:1/r", "me", "pa@ss")),
        ("https://token@h/r", RepositoryUrl("https://h/r", "token")),
        ("https://:p@h/r", RepositoryUrl("https://h/r", None, "p")),
        ("ssh://git@h:22/r", RepositoryUrl("ssh://git@h:22/r")),
        ("ssh://git:secret@h/r", RepositoryUrl("ssh://git@h/r")),
        ("git@h:a/b.git", RepositoryUrl("git@h:a/b.git")),
        ("file:///srv/r", RepositoryUrl("file:///srv/r")),
    ],
)
def test_urls(text: str, expected: RepositoryUrl) -> None:
    assert parse_url(text) == expected


def test_what_is_shown_has_no_secret() -> None:
    url = parse_url("https://me:secret@h/r?token=secret")
    assert url is not None
    assert url.shown == "https://h/r"
    assert "secret" not in repr(parse_url("https://me:secret@h/r"))


@pytest.mark.parametrize(
    "text", ["ext::sh -c x", "hg::https://h", "ftp://h/r", "s3://b/r", "https://", "https://h/a b", "http://h/\nx"]
)
def test_transports_and_texts_that_are_refused(text: str) -> None:
    with pytest.raises(RepositoryError):
        parse_url(text)


def test_credentials_that_would_end_their_line_are_refused() -> None:
    with pytest.raises(RepositoryError) as caught:
        parse_url("https://me:sec%0aret@h/r")
    assert "ret" not in str(caught.value).replace("characters", "")
