"""DVC's configuration files: ConfigObj's syntax, read as DVC reads it (``dvc/config.py``).

Section names and keys are lower-cased, ``['remote "x"']`` and ``[remote "x"]`` mean the same, and a path is relative to
the directory of its file. Unlike DVC, ``%(name)s`` is plain text.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from configobj import ConfigObj, ConfigObjError, DuplicateError, NestingError

from cvfs.errors import ConfigError
from cvfs.metafiles.remote_config import Level

#: Section ("remote", or the plain section's name), remote's name ('' for a plain section), option; all lower case.
Key = tuple[str, str, str]
#: A tuple is a list in ConfigObj's sense: commas outside quotes.
Setting = str | tuple[str, ...]

#: The title of a section with a name, in lower case; the first group is its kind.
NAMED_SECTION = re.compile(r'\s*(remote|machine|db)\s*"(.*)"\s*')
_URL = re.compile(r"[\w+.-]+://")
#: By kind of section, the options that are paths: relative ones begin at the directory of their file.
PATH_OPTIONS = {
    "remote": frozenset(
        (
            "url",
            "credentialpath",
            "configpath",
            "keyfile",
            "cert_path",
            "key_path",
            "gdrive_user_credentials_file",
            "gdrive_service_account_json_file_path",
        )
    ),
    "cache": frozenset(("dir",)),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """The settings of one file. ``source`` is the file's name for messages."""

    level: Level
    source: str
    values: Mapping[Key, Setting]


def parse_config(text: str | bytes, level: Level, source: str, directory: str | None, home: str | None = None) -> Layer:
    """Parse one configuration file.

    ``directory`` is where the file lies (for a commit's: the ``.dvc`` directory in the work tree). Where there is no
    such place, it is None, and relative paths stay relative. ``home`` replaces ``~``, unless it is None.

    Raises:
        ConfigError: not UTF-8 or not ConfigObj's syntax; names source and line. Never shows text: it may be secret.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not UTF-8 text") from error
    try:
        parsed = ConfigObj(io.StringIO(decoded), list_values=True, interpolation=False)
    except SyntaxError as error:
        raise syntax_error(error, source) from error
    values: dict[Key, Setting] = {}
    for (section, name), options in _sections(parsed).items():
        for option, setting in options.items():
            if option in PATH_OPTIONS.get(section, ()) and isinstance(setting, str):
                setting = _resolve(setting, directory, home)
            values[section, name, option] = setting
    return Layer(level, source, values)


def parse_overrides(settings: Iterable[str], directory: str | None = None, home: str | None = None) -> Layer:
    """Parse ``NAME.KEY=VALUE`` as given on the command line. A name may hold dots, a key does not.

    ``core.remote=NAME`` sets the default remote: a remote of the name "core" has no option of the name "remote".

    Raises:
        ConfigError: the form is wrong. Never shows the value: it may be secret.
    """
    values: dict[Key, Setting] = {}
    for setting in settings:
        target, equals, text = setting.partition("=")
        name, dot, option = target.strip().lower().rpartition(".")
        if not (equals and dot and name and option):
            raise ConfigError("--remote-config: expected NAME.KEY=VALUE, for example storage.url=s3://bucket/path")
        text = text.strip()
        if (name, option) == ("core", "remote"):
            values["core", "", "remote"] = text
        else:
            values["remote", name, option] = (
                _resolve(text, directory, home) if option in PATH_OPTIONS["remote"] else text
            )
    return Layer(Level.OVERRIDE, "--remote-config", values)


def _sections(parsed: ConfigObj) -> dict[tuple[str, str], dict[str, Setting]]:
    """Normalise names. Of sections whose names differ in case only the last counts, as in DVC."""
    sections: dict[tuple[str, str], dict[str, Setting]] = {}
    for title in parsed.sections:
        content = parsed[title]
        named = NAMED_SECTION.fullmatch(title.lower())
        key = (named[1], named[2]) if named else (title.lower(), "")
        settings = ((option.lower(), content[option]) for option in content.scalars)
        sections[key] = {
            option: tuple(setting) if isinstance(setting, list) else setting for option, setting in settings
        }
    return sections


def _resolve(path: str, directory: str | None, home: str | None) -> str:
    if not path or path.startswith("/") or _URL.match(path):
        return path
    if home is not None and (path == "~" or path.startswith("~/")):
        return home + path[1:]
    return path if directory is None else posixpath.normpath(posixpath.join(directory, path))


def syntax_error(error: SyntaxError, source: str) -> ConfigError:
    """Return the error that says where ConfigObj stumbled, without showing text."""
    first = error
    if isinstance(error, ConfigObjError) and getattr(error, "errors", None):
        first = error.errors[0]
    line = getattr(first, "line_number", None)
    where = source if line is None else f"{source}:{line}"
    if isinstance(first, DuplicateError):
        return ConfigError(f"{where}: the section or option comes twice")
    if isinstance(first, NestingError):
        return ConfigError(f"{where}: the brackets around the section's name do not fit")
    return ConfigError(f"{where}: neither a [section] nor an option = value, or quotes are not closed")
