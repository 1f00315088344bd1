"""Add, change and list remotes: the files that ``dvc remote`` writes, with the same keys and values.

Where DVC would leave a configuration that neither can read, cvfs goes on: options of a remote in ``config.local`` are
renamed and removed together with the remote. Secrets go where only their owner reads them, or nowhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cvfs.config_files import ConfigFiles, Settings
from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config import Level
from cvfs.metafiles.config_file import PATH_OPTIONS, Key
from cvfs.metafiles.config_writing import ConfigEditor
from cvfs.metafiles.remote_schema import check_option, is_secret, scheme_of

_DEFAULT: Key = ("core", "", "remote")
#: Files that git never tracks and only their owner reads.
_PRIVATE = (Level.GLOBAL, Level.LOCAL)
_FLAGS = {Level.SYSTEM: "--system", Level.GLOBAL: "--global", Level.WORKTREE: "--project", Level.LOCAL: "--local"}

_URL = re.compile(r"\w+://")
#: As many remotes as may refer to each other.
_MAX_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class ListedRemote:
    """A remote as ``remote list`` shows it. ``url`` is None for one that only has other options."""

    name: str
    url: str | None
    is_default: bool


class RemoteSettings:
    """The remotes that are configured for ``directory``. Blocking (local disk).

    Every method but the readers returns the paths of the files that it changed. All of them may raise what
    ``ConfigFiles`` raises.
    """

    def __init__(self, directory: str, env: Mapping[str, str]) -> None:
        self._files = ConfigFiles(directory, env)

    def listed(self, level: Level | None = None) -> list[ListedRemote]:
        """List the remotes of all levels together, or of one."""
        settings = self._files.settings(self._files.levels if level is None else (level,))
        default = (_text(settings, _DEFAULT) or "").lower()
        return [ListedRemote(name, _text(settings, _option(name, "url")), name == default) for name in _names(settings)]

    def default(self, level: Level | None = None) -> str | None:
        """Return the name of the default remote, of all levels together or of one."""
        found = _text(self._files.settings(self._files.levels if level is None else (level,)), _DEFAULT)
        return found.lower() if found else None

    def add(self, name: str, url: str, level: Level, *, default: bool = False, force: bool = False) -> list[str]:
        """Add a remote; with ``force``, in the place of one of that name and all its options.

        Raises:
            RemoteError: the level has it already, the name is impossible, or DVC knows no such URL.
            ConfigError: the URL holds a password, and others would read it.
        """
        name = _checked_name(name)
        self._check_secret("url", url, level)
        check_option(scheme_of(url), "url", url)
        stored = self._stored("url", url, level)

        def change(editor: ConfigEditor) -> bool:
            options = editor.options("remote", name)
            if options is not None and not force:
                raise RemoteError(
                    f"remote {name!r} exists already in {self._files.path(level)}",
                    hint=f"--force replaces it; `cvfs remote modify {name} url URL` changes where it leads",
                )
            editor.set("remote", name, "url", stored)
            for option in (options or {}).keys() - {"url"}:
                editor.unset("remote", name, option)
            if default:
                editor.set("core", "", "remote", name)
            return True

        return self._files.edit(level, change)

    def modify(self, name: str, option: str, value: str | None, level: Level) -> list[str]:
        """Set an option of a remote, or unset it with ``value`` None.

        Raises:
            RemoteError: no such remote at this level or below, or it would have no URL any more.
            ConfigError: no such option, no such value, or it is a secret that others would read.
        """
        name, option = name.lower(), option.lower()
        settings = self._known(name, level)
        if value is None:
            return self._unset(name, option, level)
        self._check_secret(option, value, level)
        settings[_option(name, option)] = value
        scheme = _base_scheme(settings, name)
        check_option(scheme, option, value)
        if option == "url":
            # Another scheme may not know what the old one did.
            for kind, of, other in settings:
                if (kind, of) == ("remote", name):
                    check_option(scheme, other, _text(settings, (kind, of, other)) or "")
        stored = self._stored(option, value, level)
        return self._files.edit(level, lambda editor: editor.set("remote", name, option, stored))

    def rename(self, name: str, new: str, level: Level) -> list[str]:
        """Give a remote another name, also where it is the default, and in levels above that add options to it.

        Raises:
            RemoteError: the level has no such remote, or the new name is taken or impossible.
        """
        name, new = name.lower(), _checked_name(new)
        if any(remote.name == new for remote in self.listed()):
            raise RemoteError(f"remote {new!r} exists already")

        def change(editor: ConfigEditor) -> bool:
            renamed = editor.rename("remote", name, new)
            return _change_default(editor, name, new) or renamed

        return self._edit_from(level, name, change)

    def remove(self, name: str, level: Level) -> list[str]:
        """Remove a remote, also as default, with the options that levels above add to it.

        Raises:
            RemoteError: the level has no such remote.
        """
        name = name.lower()

        def change(editor: ConfigEditor) -> bool:
            removed = editor.remove("remote", name)
            return _change_default(editor, name, None) or removed

        return self._edit_from(level, name, change)

    def set_default(self, name: str | None, level: Level) -> list[str]:
        """Make a remote the default one, or none with None.

        Raises:
            RemoteError: no such remote at this level or below.
        """
        if name is None:
            return self._files.edit(level, lambda editor: editor.unset("core", "", "remote"))
        wanted = name.lower()
        self._known(wanted, level)
        return self._files.edit(level, lambda editor: editor.set("core", "", "remote", wanted))

    def _unset(self, name: str, option: str, level: Level) -> list[str]:
        if option == "url" and _option(name, "url") not in self._files.settings(self._up_to(level)[:-1]):
            raise RemoteError(
                f"remote {name!r} would have no url any more", hint=f"`cvfs remote remove {name}` removes the remote"
            )
        return self._files.edit(level, lambda editor: editor.unset("remote", name, option))

    def _edit_from(self, level: Level, name: str, change: Callable[[ConfigEditor], bool]) -> list[str]:
        """Edit the level that has a remote, and those above it in which the name means the same remote."""
        if name not in _names(self._files.settings((level,))):
            raise self._unknown(name, level)
        changed = self._files.edit(level, change)
        for above in self._files.levels:
            # With a URL it is another remote, which happens to have the same name.
            if above > level and _option(name, "url") not in self._files.settings((above,)):
                changed += self._files.edit(above, change)
        return changed

    def _up_to(self, level: Level) -> list[Level]:
        """Name a level and those below it."""
        self._files.path(level)
        return [below for below in self._files.levels if below <= level]

    def _known(self, name: str, level: Level) -> Settings:
        """Return the settings of a level and those below it, among which the remote is."""
        settings = self._files.settings(self._up_to(level))
        if name not in _names(settings):
            raise self._unknown(name, level)
        return settings

    def _unknown(self, name: str, level: Level) -> RemoteError:
        for other in self._files.levels:
            if other is not level and name in _names(self._files.settings((other,))):
                return RemoteError(
                    f"remote {name!r} is configured in {self._files.path(other)} and not in {self._files.path(level)}",
                    hint=f"add {_FLAGS[other]}",
                )
        known = ", ".join(remote.name for remote in self.listed()) or "none"
        return RemoteError(f"there is no remote {name!r}", hint=f"configured remotes: {known}")

    def _check_secret(self, option: str, value: str, level: Level) -> None:
        if is_secret(option, value) and level not in _PRIVATE:
            readers = "git tracks" if level is Level.WORKTREE else "every user of this machine may read"
            raise ConfigError(
                f"the {option} holds a secret, and {self._files.path(level)} is a file that {readers}",
                hint="add --local, for this clone alone, or --global, for all repositories of yours",
            )

    def _stored(self, option: str, value: str, level: Level) -> str:
        """Return a value as it stands in the file: a relative path begins at the file's directory."""
        if option not in PATH_OPTIONS["remote"] or _URL.match(value) or value.startswith("~") or os.path.isabs(value):
            return value
        return os.path.relpath(os.path.abspath(value), os.path.dirname(self._files.path(level)))


def _option(name: str, option: str) -> Key:
    return ("remote", name, option)


def _names(settings: Settings) -> list[str]:
    return list(dict.fromkeys(name for kind, name, _ in settings if kind == "remote" and name))


def _text(settings: Settings, key: Key) -> str | None:
    found = settings.get(key)
    return ",".join(found) if isinstance(found, tuple) else found


def _change_default(editor: ConfigEditor, name: str, new: str | None) -> bool:
    default = (editor.options("core") or {}).get("remote")
    if not isinstance(default, str) or default.lower() != name:
        return False
    return editor.unset("core", "", "remote") if new is None else editor.set("core", "", "remote", new)


def _base_scheme(settings: Settings, name: str) -> str:
    """Return the scheme of a remote, or of the one that it refers to."""
    for _ in range(_MAX_REFERENCES):
        url = _text(settings, _option(name, "url"))
        if url is None or scheme_of(url) != "remote":
            return "remote" if url is None else scheme_of(url)
        name = url.partition("://")[2].partition("/")[0].lower()
    raise RemoteError(f"remote:// leads in a circle at {name!r}")


def _checked_name(name: str) -> str:
    if not name or name != name.strip() or not name.isprintable():
        raise RemoteError(f"{name!r} cannot be the name of a remote")
    return name.lower()
