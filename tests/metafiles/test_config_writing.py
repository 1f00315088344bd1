"""Changes to a configuration keep all that they are not about, and read back as they were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvfs.errors import ConfigError
from cvfs.metafiles.config import Level, parse_config
from cvfs.metafiles.config_writing import ConfigEditor

TEXT = b"""\
# ours, all of it

[core]
    remote = up  # the fast one
    analytics = false
# the remotes
['remote "up"']
    # here
    url = s3://b/x
    endpointurl = "http://x"

[remote "Other"]
    URL = ../../store
    type = reflink, copy
# the end
"""


def editor(text: bytes = TEXT) -> ConfigEditor:
    return ConfigEditor(text, ".dvc/config")


def values(text: bytes) -> dict[tuple[str, str, str], object]:
    return dict(parse_config(text, Level.WORKTREE, "config", None).values)


def test_what_is_there_is_found_whatever_its_case() -> None:
    found = editor()
    assert found.sections("remote") == ["up", "other"]
    assert found.sections("core") == [""]
    assert found.options("remote", "other") == {"url": "../../store", "type": ("reflink", "copy")}
    assert found.options("core") == {"remote": "up", "analytics": "false"}
    assert found.options("remote", "none") is None


def test_setting_an_option_changes_that_line_only() -> None:
    plain = TEXT.replace(b"  # the fast", b"    # the fast").replace(b'"http://x"', b"http://x")
    plain = plain.replace(b'[remote "Other"]', b"['remote \"Other\"']")
    changed = editor(plain)
    assert changed.text() == plain
    assert changed.set("remote", "other", "url", "/new")
    assert changed.text() == plain.replace(b"../../store", b"/new")


def test_quotes_and_blanks_come_out_as_dvc_writes_them() -> None:
    assert editor(b"[ core ]\n    remote='up'   # x\n").text() == b"[core]\n    remote = up    # x\n"


def test_new_options_and_sections_look_as_dvc_writes_them() -> None:
    new = editor(b"")
    new.set("remote", "up", "url", "s3://b")
    new.set("remote", "up", "jobs", "4")
    new.set("remote", "docs/dvc", "url", "gs://b")
    new.set("core", "", "remote", "up")
    assert new.text() == (
        b"[core]\n    remote = up\n['remote \"up\"']\n    url = s3://b\n    jobs = 4\n"
        b"['remote \"docs/dvc\"']\n    url = gs://b\n"
    )


def test_comments_of_what_stays_stay() -> None:
    changed = editor()
    assert changed.unset("core", "", "analytics")
    assert changed.remove("remote", "other")
    text = changed.text()
    for comment in (b"# ours, all of it\n\n", b"# the fast one", b"# the remotes", b"    # here", b"# the end"):
        assert comment in text
    assert values(text).keys() == {
        ("core", "", "remote"),
        ("remote", "up", "url"),
        ("remote", "up", "endpointurl"),
    }


def test_section_that_loses_its_last_option_goes() -> None:
    changed = editor(b"[core]\n    remote = up\n['remote \"up\"']\n    url = s3://b\n")
    assert changed.unset("core", "", "remote")
    assert changed.text() == b"['remote \"up\"']\n    url = s3://b\n"


def test_what_was_not_there_is_said() -> None:
    unchanged = editor()
    assert not unchanged.unset("remote", "up", "jobs")
    assert not unchanged.unset("remote", "none", "jobs")
    assert not unchanged.remove("remote", "none")
    assert not unchanged.rename("remote", "none", "new")


def test_renamed_section_keeps_place_comments_and_options() -> None:
    changed = editor()
    assert changed.rename("remote", "up", "far")
    assert changed.text().index(b"['remote \"far\"']\n    # here\n    url = s3://b/x") < changed.text().index(b"Other")


def test_of_sections_that_dvc_takes_for_one_the_last_counts() -> None:
    twice = editor(b"['remote \"Up\"']\n    url = a\n['remote \"up\"']\n    url = b\n")
    assert twice.options("remote", "up") == {"url": "b"}
    twice.set("remote", "up", "url", "c")
    assert values(twice.text())["remote", "up", "url"] == "c"
    assert twice.remove("remote", "up")
    assert values(twice.text()) == {}


def test_line_endings_and_indentation_of_the_file_are_used() -> None:
    windows = editor(b"[core]\r\n\tremote = up\r\n")
    windows.set("core", "", "autostage", "true")
    assert windows.text() == b"[core]\r\n\tremote = up\r\n\tautostage = true\r\n"


@given(value=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_value_reads_back_or_is_refused(value: str) -> None:
    new = editor(b"")
    try:
        new.set("remote", "up", "url", value)
        text = new.text()
    except ConfigError:
        return
    assert ConfigEditor(text, "again").options("remote", "up") == {"url": value}


@pytest.mark.parametrize("value", ['a,b#c"d', "it's", " blanks ", "a, b", "%", "ünïcödé", "", "\\", "[x]", "#"])
def test_value_that_needs_quotes_has_them(value: str) -> None:
    new = editor(b"")
    new.set("remote", "up", "password", value)
    assert values(new.text()) == {("remote", "up", "password"): value}


@pytest.mark.parametrize("name", ["it's", 'a"b', "a]b", "a#b", "a b", "ü", "a.b"])
def test_name_that_is_written_reads_back(name: str) -> None:
    new = editor(b"")
    try:
        new.set("remote", name, "url", "s3://b")
        text = new.text()
    except ConfigError:
        assert "'" in name
        return
    assert values(text) == {("remote", name, "url"): "s3://b"}


def test_reference_of_configobj_is_refused() -> None:
    with pytest.raises(ConfigError, match="reference"):
        editor().set("remote", "up", "url", "s3://%(bucket)s")


@pytest.mark.parametrize(
    ("text", "where"), [(b"[core\n", "config:1"), (b"[a]\nsecret\n", "config:2"), (b"\xff", "config: not UTF-8")]
)
def test_text_that_is_no_configuration_is_an_error_that_shows_none_of_it(text: bytes, where: str) -> None:
    with pytest.raises(ConfigError, match=where) as caught:
        editor(text)
    assert "secret" not in str(caught.value)


def test_text_without_a_change_stays_as_dvc_would_read_it() -> None:
    assert values(editor().text()) == values(TEXT)
    assert editor(b"").text() == b""
