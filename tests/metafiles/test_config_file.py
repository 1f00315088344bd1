"""The syntax of DVC's configuration files."""

from __future__ import annotations

import pytest
from configobj import ConfigObj
from hypothesis import given
from hypothesis import strategies as st
from reading import FIXTURES

from cvfs.errors import ConfigError
from cvfs.metafiles.config import Layer, Level, parse_config, parse_overrides


def parse(text: str | bytes, directory: str | None = "/repo/.dvc", home: str | None = None) -> Layer:
    return parse_config(text, Level.COMMIT, ".dvc/config", directory, home)


def url(line: str, directory: str | None = "/repo/.dvc", home: str | None = None) -> object:
    return parse(f"['remote \"up\"']\n{line}", directory, home).values["remote", "up", "url"]


def test_file_as_dvc_writes_it() -> None:
    layer = parse((FIXTURES / "r1/dvc_config.txt").read_bytes())
    assert (layer.level, layer.source) == (Level.COMMIT, ".dvc/config")
    assert layer.values == {
        ("core", "", "remote"): "up",
        ("remote", "up", "url"): "s3://versioned/base",
        ("remote", "up", "endpointurl"): "http://127.0.0.1:5757",
        ("remote", "up", "version_aware"): "true",
    }


@pytest.mark.parametrize(
    "title",
    [
        "['remote \"Up\"']",
        '[remote "Up"]',
        '[  remote  "Up"  ]',
        "[ 'remote \"Up\"' ]",
        "['REMOTE \"UP\"']",
        "    ['remote \"up\"']",
    ],
)
def test_spellings_of_a_section(title: str) -> None:
    assert parse(f"{title}\n  URL = s3://b/k\n").values == {("remote", "up", "url"): "s3://b/k"}


def test_names_with_slashes_dots_and_blanks() -> None:
    layer = parse("['remote \"docs/My dvc.1\"']\nurl = s3://b\n")
    assert ("remote", "docs/my dvc.1", "url") in layer.values


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("url = s3://b/k # a comment", "s3://b/k"),
        ("url=s3://b/k", "s3://b/k"),
        ('url = "s3://b/a # b"', "s3://b/a # b"),
        ("url = 's3://b/a,b'", "s3://b/a,b"),
        ("url = s3://b/a=b", "s3://b/a=b"),
        ("url = s3://b/a b", "s3://b/a b"),
        ("url = s3://b/%(home)s", "s3://b/%(home)s"),
        ("url = s3://b/ü", "s3://b/ü"),
        ("url = s3://b/a, b", ("s3://b/a", "b")),
        ("URL = s3://b/K", "s3://b/K"),
    ],
)
def test_values(line: str, text: object) -> None:
    assert url(line) == text


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("../store", "/repo/store"),
        ("sub/./x", "/repo/.dvc/sub/x"),
        ("/abs/path", "/abs/path"),
        ("s3://b/../k", "s3://b/../k"),
        ("remote://other/x", "remote://other/x"),
        ("file:///x", "file:///x"),
        ("~/store", "/home/me/store"),
        ("~", "/home/me"),
        ("~other/x", "/repo/.dvc/~other/x"),
        ("''", ""),
    ],
)
def test_paths_are_relative_to_their_file(path: str, resolved: str) -> None:
    assert url(f"url = {path}", home="/home/me") == resolved


def test_home_and_directory_that_are_not_known() -> None:
    assert url("url = ~/store", directory=None) == "~/store"
    assert url("url = ../store", directory=None) == "../store"


def test_only_paths_are_resolved() -> None:
    layer = parse('[cache]\ndir = c\n[core]\nremote = x\n[remote "r"]\nconfigpath = c\nprofile = p\nkeyfile = ../k\n')
    assert layer.values == {
        ("cache", "", "dir"): "/repo/.dvc/c",
        ("core", "", "remote"): "x",
        ("remote", "r", "configpath"): "/repo/.dvc/c",
        ("remote", "r", "profile"): "p",
        ("remote", "r", "keyfile"): "/repo/k",
    }


def test_of_sections_that_differ_in_case_the_last_counts() -> None:
    layer = parse("['remote \"up\"']\nurl = s3://one\nregion = a\n['remote \"UP\"']\nurl = s3://two\n")
    assert layer.values == {("remote", "up", "url"): "s3://two"}


def test_what_belongs_to_no_section_and_sections_in_sections_are_nothing() -> None:
    assert parse("loose = 1\n[core]\n[[deeper]]\nremote = x\n").values == {}


@pytest.mark.parametrize("text", ["", "\n\n# nothing\n", b"\xef\xbb\xbf"])
def test_empty_file(text: str | bytes) -> None:
    assert parse(text).values == {}


def test_byte_order_mark_and_crlf() -> None:
    assert parse(b"\xef\xbb\xbf[core]\r\nremote = up\r\n").values == {("core", "", "remote"): "up"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[core]\nremote = up\nsecret_access_key\n", ".dvc/config:3: neither"),
        ("[core\nremote = up\n", ".dvc/config:1: neither"),
        ("[core]]\n", ".dvc/config:1: the brackets"),
        ("[core]\na = 1\na = 2\n", ".dvc/config:3: the section or option comes twice"),
        ("[core]\n[core]\n", ".dvc/config:2: the section or option comes twice"),
        ("[core]\nremote = 'up\n", ".dvc/config:2: neither"),
        ("[core]\nremote = '''up\n", ".dvc/config:"),
        ("<<<<<<< HEAD\n[core]\n", ".dvc/config:1: neither"),
        (b"[core]\nremote = \xff\n", ".dvc/config: not UTF-8"),
    ],
)
def test_errors_name_file_and_line(text: str | bytes, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith(where)


def test_errors_show_no_text_of_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("[core]\nAKIASECRET\n")
    assert "AKIA" not in str(caught.value)


def test_depth_has_no_effect() -> None:
    deep = "".join("[" * n + f"s{n}" + "]" * n + "\n" for n in range(1, 400))
    assert parse(deep + "x = 1\n").values == {}


words = st.text("ab\"'[]=#,~/\\ \t%(){}\x00é\n\r\u2028", max_size=12)


@given(st.lists(words, max_size=6).map("\n".join))
def test_no_text_does_worse_than_a_config_error(text: str) -> None:
    try:
        layer = parse(text)
    except ConfigError:
        return
    assert all(isinstance(key, tuple) for key in layer.values)


names = st.text("abc/. -é", min_size=1, max_size=8).map(str.strip).filter(bool)
settings = st.text("ab'#,=/ é", max_size=10)


@given(st.dictionaries(names, st.dictionaries(st.sampled_from(["region", "profile", "user"]), settings, min_size=1)))
def test_reads_what_dvc_writes(remotes: dict[str, dict[str, str]]) -> None:
    written = ConfigObj({f'remote "{name}"': options for name, options in remotes.items()}, interpolation=False).write()
    layer = parse("\n".join(written))
    expected = {("remote", name, option): text for name, options in remotes.items() for option, text in options.items()}
    assert layer.values == expected


def test_overrides() -> None:
    layer = parse_overrides(
        ["Up.URL=s3://b/k=v", "docs/my.dvc.region= eu ", "up.configpath=c", "core.remote=Up", "up.url=~/x"],
        "/cwd",
        "/home/me",
    )
    assert (layer.level, layer.source) == (Level.OVERRIDE, "--remote-config")
    assert layer.values == {
        ("remote", "up", "url"): "/home/me/x",
        ("remote", "docs/my.dvc", "region"): "eu",
        ("remote", "up", "configpath"): "/cwd/c",
        ("core", "", "remote"): "Up",
    }


@pytest.mark.parametrize("setting", ["", "up", "up.url", "url=x", ".url=x", "up.=x", "=x", "SECRET"])
def test_overrides_in_another_form(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"NAME\.KEY=VALUE") as caught:
        parse_overrides([setting])
    assert "SECRET" not in str(caught.value)
