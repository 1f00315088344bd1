"""Types of arguments that click does not have: sizes, modes, people, overrides and ``-o`` lists."""

from __future__ import annotations

import grp
import pwd
import re
from collections.abc import Callable
from typing import Any

import click


class Octal(click.ParamType[int]):
    """Permission bits as chmod takes them: ``0440``."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turn octal text into bits."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"(0o?)?[0-7]{1,4}", value):
            self.fail(f"{value!r} is not an octal mode such as 0440", param, ctx)
        return int(value.removeprefix("0o"), 8)


class Account(click.ParamType[int]):
    """A user or group, by number or name."""

    def __init__(self, kind: str, number_of: Callable[[str], int]) -> None:
        self.name = kind
        self._number_of = number_of

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turn a name into its number."""
        if isinstance(value, int):
            return value
        if value.isascii() and value.isdigit():
            return int(value)
        try:
            return self._number_of(value)
        except KeyError:
            self.fail(f"no {self.name} is called {value!r} here", param, ctx)


USER = Account("user", lambda name: pwd.getpwnam(name).pw_uid)
GROUP = Account("group", lambda name: grp.getgrnam(name).gr_gid)


def split_mount_options(texts: tuple[str, ...]) -> dict[str, str | None]:
    r"""Take ``-o a,b=c`` lists apart as mount(8) does; ``\,`` is a comma and ``\\`` a backslash."""
    options: dict[str, str | None] = {}
    for text in texts:
        for word in re.findall(r"(?:\\.|[^,\\])+", text):
            name, equals, value = re.sub(r"\\(.)", r"\1", word).partition("=")
            options[name.strip()] = value if equals else None
    return options
