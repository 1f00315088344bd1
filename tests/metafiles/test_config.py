"""Layers of configuration, and the remotes that come of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from reading import FIXTURES

from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config import Config, Layer, Level, Value, parse_config, parse_overrides


def layer(text: str, level: Level = Level.COMMIT, directory: str | None = "/repo/.dvc") -> Layer:
    return parse_config(text, level, level.name.lower(), directory)


def config(**texts: str) -> Config:
    """Make a configuration of one text a level."""
    return Config(layer(text, Level[name.upper()]) for name, text in texts.items())


def remote(name: str, options: str) -> str:
    return f"['remote \"{name}\"']\n{options}\n"


def test_file_as_dvc_writes_it() -> None:
    read = config(commit=(FIXTURES / "r1/dvc_config.txt").read_text())
    assert read.default_remote == "up"
    assert read.remote_names() == ["up"]
    found = read.remote("up")
    assert (found.name, found.url, found.scheme, found.version_aware) == ("up", "s3://versioned/base", "s3", True)
    assert found.options["endpointurl"] == Value("http://127.0.0.1:5757", Level.COMMIT, "commit")
    assert "url" not in found.options


def test_levels_add_to_each_other_option_by_option() -> None:
    levels = ("override", "system", "local", "global", "commit")
    read = config(**{name: remote("up", f"url = s3://{name}\n{name}_option = x") for name in levels})
    found = read.remote("up")
    assert found.url == "s3://override"
    assert {name: value.level.name.lower() for name, value in found.options.items()} == {
        f"{name}_option": name for name in levels
    }


def test_precedence_of_each_pair_of_levels() -> None:
    order = [Level.SYSTEM, Level.GLOBAL, Level.COMMIT, Level.LOCAL, Level.OVERRIDE]
    for low, high in pairwise(order):
        both = Config([layer("[core]\nremote = high", high), layer("[core]\nremote = low", low)])
        assert both.default_remote == "high"


def test_work_tree_sets_nothing_and_only_confirms() -> None:
    read = config(
        commit=remote("up", "url = s3://b\nregion = a"),
        worktree="[core]\nremote = up\n" + remote("up", "region = a\nprofile = p") + remote("new", "url = s3://x"),
    )
    assert read.default_remote is None
    assert read.remote_names() == ["up"]
    found = read.remote("up")
    assert dict(found.confirmed) == {"region": "a", "profile": "p"}
    assert "profile" not in found.options


def test_names_ignore_case() -> None:
    read = config(commit="[core]\nremote = UP\n" + remote("Up", "url = s3://b"))
    assert read.default_remote == "up"
    assert read.remote("uP").name == "up"


def test_empty_configuration() -> None:
    read = Config([])
    assert (read.default_remote, read.remote_names(), read.core("remote")) == (None, [], None)
    assert config(commit="[core]\nremote =\n").default_remote is None


def test_plain_sections() -> None:
    read = config(commit="[core]\nanalytics = false\n[cache]\ndir = ../c\ntype = 'reflink,copy'\n")
    assert read.core("analytics") == Value("false", Level.COMMIT, "commit")
    assert read.option("cache", "dir") == Value("/repo/c", Level.COMMIT, "commit")
    with pytest.raises(ConfigError, match="comma"):
        config(commit="[cache]\ntype = reflink, copy\n").option("cache", "type")


def test_unknown_remote_names_the_known_ones() -> None:
    with pytest.raises(RemoteError, match="'no' is not configured") as caught:
        config(commit=remote("up", "url = s3://b") + remote("other", "url = s3://b")).remote("no")
    assert "other, up" in (caught.value.hint or "")


@pytest.mark.parametrize("options", ["region = a", "url = ''", "url ="])
def test_remote_without_url(options: str) -> None:
    with pytest.raises(RemoteError, match="no url"):
        config(commit=remote("up", options)).remote("up")


def test_a_remote_that_cannot_be_used_hurts_nobody() -> None:
    read = config(
        commit=remote("good", "url = s3://b")
        + remote("odd", "url = xyz://b\nunknown = 1")
        + remote("list", "url = s3://b/a,b")
        + remote("none", "region = x")
        + remote("loop", "url = remote://loop/x")
    )
    assert read.remote("good").url == "s3://b"
    assert read.remote("odd").scheme == "xyz"
    for name in ("list", "none", "loop"):
        with pytest.raises((ConfigError, RemoteError)):
            read.remote(name)


def test_list_is_refused_with_its_file_and_never_shown() -> None:
    with pytest.raises(ConfigError, match="commit: option 'secret_access_key' of remote 'up' is a list") as caught:
        config(commit=remote("up", "url = s3://b\nsecret_access_key = se,cret")).remote("up")
    assert "cret" not in str(caught.value).replace("secret_access_key", "")


def test_type_of_links_may_be_a_list() -> None:
    assert config(commit=remote("up", "url = /x\ntype = reflink,copy")).remote("up").options == {}


def test_reference_inherits_options_and_extends_the_url() -> None:
    read = config(
        commit=remote("base", "url = s3://b/k\nregion = a\nprofile = base")
        + remote("next", "url = remote://BASE/sub/dir\nprofile = next"),
        local=remote("base", "access_key_id = A"),
        override=remote("next", "version_aware = true"),
        worktree=remote("base", "region = a\nprofile = base") + remote("next", "region = z"),
    )
    found = read.remote("next")
    assert (found.name, found.url, found.version_aware) == ("next", "s3://b/k/sub/dir", True)
    assert found.options == {
        "region": Value("a", Level.COMMIT, "commit"),
        "profile": Value("next", Level.COMMIT, "commit"),
        "access_key_id": Value("A", Level.LOCAL, "local"),
        "version_aware": Value("true", Level.OVERRIDE, "override"),
    }
    # What is inherited is confirmed where it was set; what the link sets itself, only by the link's own section.
    assert found.confirmed == {"region": "a"}


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("remote://base", "s3://b/k/"),
        ("remote://base/", "s3://b/k/"),
        ("REMOTE://base/x", "s3://b/k/x"),
        ("remote://base//x", "s3://b/k/x"),
        ("remote://base/a#b?c", "s3://b/k/a#b?c"),
    ],
)
def test_forms_of_a_reference(reference: str, url: str) -> None:
    text = remote("base", "url = s3://b/k") + remote("next", f'url = "{reference}"')
    assert config(commit=text).remote("next").url == url


@pytest.mark.parametrize(
    "text",
    [
        remote("a", "url = remote://a"),
        remote("a", "url = remote://b/x") + remote("b", "url = remote://A/y"),
        remote("a", "url = remote://missing/x"),
        remote("a", "url = remote:///x"),
        remote("a", "url = remote://b") + remote("b", "region = x"),
        "".join(remote("a" if n == 0 else f"r{n}", f"url = remote://r{n + 1}/x") for n in range(5000)),
    ],
)
def test_references_that_lead_nowhere(text: str) -> None:
    with pytest.raises(RemoteError):
        config(commit=text).remote("a")


def test_relative_path_needs_a_place_to_begin() -> None:
    text = remote("up", "url = ../store")
    assert Config([layer(text)]).remote("up").url == "/repo/store"
    with pytest.raises(ConfigError, match="relative path"):
        Config([layer(text, directory=None)]).remote("up")


def test_override_of_a_bucket_that_moved() -> None:
    read = Config([layer(remote("up", "url = s3://old\nregion = a")), parse_overrides(["up.url=s3://new", "x.url=/y"])])
    assert read.remote("up").url == "s3://new"
    assert read.remote("up").options["region"].text == "a"
    assert read.remote_names() == ["up", "x"]
