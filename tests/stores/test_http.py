"""Ordinary remotes on web servers: what is asked, what answers mean, and whom credentials are sent to."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from servers.certificates import Authority, self_signed
from servers.scripted import Answer, ScriptedServer
from servers.web import answer_from, web_server

from cvfs.errors import (
    AccessDeniedError,
    ConfigError,
    CredentialsError,
    IntegrityError,
    RemoteError,
    StoreError,
    TrustError,
    UnavailableError,
    VersionNotFoundError,
)
from cvfs.metafiles.config import Config, Level, RemoteConfig, parse_config
from cvfs.stores.http import open_remote
from cvfs.stores.registry import open_store
from cvfs.stores.store import Store

SECRET = "open-sesame"
DIGITS = b"0123456789"


def remote(url: str, level: Level = Level.LOCAL, **options: str) -> RemoteConfig:
    lines = ["['remote \"web\"']", f"    url = {url}", *(f"    {key} = {value}" for key, value in options.items())]
    return Config([parse_config("\n".join(lines), level, ".dvc/config", "/nowhere/.dvc")]).remote("web")


def store(url: str, **options: str) -> Store:
    return open_remote(remote(url, **options))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    (directory / "base/files/md5/ab").mkdir(parents=True)
    (directory / "base/files/md5/ab/cdef").write_bytes(DIGITS)
    (directory / "base/empty").write_bytes(b"")
    (directory / "base/a #?%2F+ü").write_bytes(b"odd")
    return directory


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, DIGITS), (0, 4, b"0123"), (3, 4, b"3456"), (8, 10, b"89"), (9, None, b"9"), (0, 1 << 40, DIGITS)],
)
def test_ranges(files: Path, ranges: bool, start: int, length: int | None, expected: bytes) -> None:
    with web_server(files, ranges=ranges) as server:
        piece = store(f"{server.endpoint}/base/").read("files/md5/ab/cdef", None, start, length)
    assert (piece.data, piece.start, piece.stat.size) == (expected, start, 10)


@pytest.mark.parametrize("ranges", [True, False])
def test_ends_of_objects(files: Path, ranges: bool) -> None:
    with web_server(files, ranges=ranges) as server:
        web = store(f"{server.endpoint}/base")
        for length in (None, 1, 4096):
            assert web.read("empty", None, 0, length).data == b""
        for key, start in (("empty", 1), ("files/md5/ab/cdef", 10), ("files/md5/ab/cdef", 11)):
            with pytest.raises(IntegrityError):
                web.read(key, None, start, 1)
        assert (web.stat("files/md5/ab/cdef").size, web.stat("empty").size) == (10, 0)


def test_any_name_is_one_object(files: Path) -> None:
    with web_server(files) as server:
        assert store(f"{server.endpoint}/base").read("a #?%2F+ü", None).data == b"odd"


def test_names_that_would_lead_elsewhere_are_not_asked_for(files: Path) -> None:
    with web_server(files) as server:
        for key in ("../base/empty", "./empty", "files/../empty"):
            with pytest.raises(VersionNotFoundError):
                store(f"{server.endpoint}/base").read(key, None)
        assert server.received == []


def test_there_are_no_versions(files: Path) -> None:
    with web_server(files) as server:
        web = store(f"{server.endpoint}/base")
        with pytest.raises(VersionNotFoundError, match="no versions"):
            web.read("empty", "v1")
        for write in (lambda: web.put("a", b"x"), lambda: web.copy("a", "v1", "b"), web.enable_versioning):
            with pytest.raises(StoreError, match="only reads"):
                write()
        assert server.received == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialsError),
        (403, AccessDeniedError),
        (404, VersionNotFoundError),
        (410, VersionNotFoundError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (400, StoreError),
        (204, StoreError),
    ],
)
def test_what_answers_mean(scripted: ScriptedServer, status: int, error: type[StoreError]) -> None:
    scripted.always(Answer(status, b"" if status == 204 else b"<html>"))
    web = store(f"{scripted.endpoint}/base?token={SECRET}", password=SECRET, user="me")
    for ask in (lambda: web.read("a", None), lambda: web.read("a", None, 3, 4), lambda: web.stat("a")):
        with pytest.raises(error, match="'a'") as caught:
            ask()
        assert type(caught.value) is error
        assert SECRET not in str(caught.value) + web.url


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, DIGITS, cut=6),
        Answer(200, DIGITS, reset=True),
        Answer(206, DIGITS[2:6], {"Content-Range": "bytes 2-5/10"}, cut=1),
    ],
)
def test_answers_that_break_off_are_worth_another_try(scripted: ScriptedServer, answer: Answer) -> None:
    scripted.always(answer)
    with pytest.raises(UnavailableError, match="broke"):
        store(scripted.endpoint).read("a", None, 2, 4)


@pytest.mark.parametrize("told", ["bytes 0-3/10", "bytes 2-4/10", "bytes 2-5/*", "nonsense", ""])
def test_other_bytes_than_those_asked_for_are_refused(scripted: ScriptedServer, told: str) -> None:
    scripted.always(Answer(206, DIGITS[2:6], {"Content-Range": told}))
    with pytest.raises(IntegrityError):
        store(scripted.endpoint).read("a", None, 2, 4)


def test_nobody_listens(scripted: ScriptedServer) -> None:
    with pytest.raises(UnavailableError, match="no connection") as caught:
        store(f"http://me:{SECRET}@127.0.0.1:9/base").read("a", None)
    assert SECRET not in str(caught.value)


def signed_in(server: ScriptedServer) -> list[str | None]:
    return [request.headers.get("authorization") for request in server.received]


def test_basic_authentication(scripted: ScriptedServer) -> None:
    scripted.always(Answer(200, DIGITS))
    token = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    for url, options in (
        (scripted.endpoint, {"auth": "basic", "user": "me", "password": SECRET}),
        (scripted.endpoint, {"user": "me", "password": SECRET}),
        (scripted.endpoint.replace("//", f"//me:{SECRET}@"), {}),
    ):
        web = store(url, **options)
        assert web.read("a", None).data == DIGITS
        assert SECRET not in web.url
    assert signed_in(scripted) == [token] * 3


def test_digest_authentication(scripted: ScriptedServer) -> None:
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n0nce", qop="auth", algorithm=SHA-256'}
    scripted.answer = lambda request: (
        Answer(200, DIGITS)
        if request.headers.get("authorization", "").startswith("Digest ")
        else Answer(401, b"", challenge)
    )
    web = store(scripted.endpoint, auth="digest", user="me", password=SECRET)
    assert web.read("a", None, 0, 10).data == DIGITS
    assert SECRET not in repr(scripted.received)


def test_custom_header(scripted: ScriptedServer) -> None:
    scripted.always(Answer(200, DIGITS))
    store(scripted.endpoint, auth="custom", custom_auth_header="X-Token", password=SECRET).read("a", None)
    assert [request.headers["x-token"] for request in scripted.received] == [SECRET]


@pytest.mark.parametrize(
    "options",
    [
        {"user": "me", "password": SECRET},
        {"auth": "digest", "user": "me", "password": SECRET},
        {"custom_auth_header": "X-Token", "password": SECRET},
    ],
)
def test_credentials_do_not_follow_a_redirect_to_another_server(
    scripted: ScriptedServer, files: Path, options: dict[str, str]
) -> None:
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n0nce", qop="auth"'}
    with ScriptedServer().running() as other:
        other.always(Answer(401, b"", challenge))
        scripted.always(Answer(302, b"", {"Location": f"{other.endpoint}/stolen"}))
        with pytest.raises(CredentialsError):
            store(scripted.endpoint, **options).read("a", None)
        assert [request.target for request in other.received] == ["/stolen"]
        assert not {"authorization", "x-token", "cookie"} & other.received[0].headers.keys()


def test_redirects_are_followed_and_ranges_with_them(scripted: ScriptedServer, files: Path) -> None:
    with web_server(files) as other:
        scripted.answer = lambda request: Answer(307, b"", {"Location": other.endpoint + request.target})
        assert store(f"{scripted.endpoint}/base").read("files/md5/ab/cdef", None, 3, 4).data == b"3456"


@pytest.mark.parametrize("location", ["/a", "file:///etc/passwd", "http://[::1", "javascript:1"])
def test_redirects_that_lead_nowhere(scripted: ScriptedServer, location: str) -> None:
    scripted.always(Answer(302, b"", {"Location": location}))
    with pytest.raises(StoreError, match="redirect"):
        store(scripted.endpoint).read("a", None)
    assert len(scripted.received) <= 10


def test_certificates(tmp_path: Path, files: Path) -> None:
    authority = Authority(tmp_path)
    other = self_signed(tmp_path, "127.0.0.1")[1]
    with ScriptedServer(authority.certify("127.0.0.1")).running() as server:
        server.answer = lambda request: answer_from(files, request)
        for options in ({}, {"ssl_verify": "true"}, {"ssl_verify": str(other)}):
            with pytest.raises(StoreError, match="certificate"):
                store(f"{server.endpoint}/base", **options).read("empty", None)
        for verify in (str(authority.path), "false"):
            assert store(f"{server.endpoint}/base", ssl_verify=verify).read("files/md5/ab/cdef", None).data == DIGITS
    with pytest.raises(RemoteError, match="ssl_verify"):
        store("https://127.0.0.1/", ssl_verify=str(tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"auth": "basic", "user": "me"}, RemoteError),
        ({"auth": "custom", "password": SECRET}, RemoteError),
        ({"auth": "magic", "password": SECRET}, ConfigError),
        ({"read_timeout": "soon"}, ConfigError),
        ({"connect_timeout": "0"}, ConfigError),
    ],
)
def test_options_that_make_no_sense(options: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        store("http://127.0.0.1/", **options)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:bad/", "http://127.0.0.1:0/", "http://:80/"])
def test_urls_without_a_host(url: str) -> None:
    with pytest.raises(RemoteError):
        store(url)


def test_own_password_is_not_sent_to_a_server_that_only_the_commit_names() -> None:
    url = "['remote \"web\"']\n    url = http://127.0.0.1:9/\n"
    layers = [
        parse_config(url, Level.COMMIT, "config of the commit", "/nowhere/.dvc"),
        parse_config(f"['remote \"web\"']\n    password = {SECRET}\n", Level.LOCAL, "config.local", "/nowhere/.dvc"),
    ]
    with pytest.raises(TrustError, match="your password") as caught:
        open_store(Config(layers).remote("web"), trusted=False)
    assert SECRET not in str(caught.value)
    open_store(Config(layers).remote("web"), trusted=True).close()
    layers.append(parse_config(url, Level.WORKTREE, ".dvc/config", "/nowhere/.dvc"))
    open_store(Config(layers).remote("web"), trusted=False).close()
