"""DVC's configuration: several files laid over each other, and the remotes that result.

Precedence is DVC's, with the commit's ``.dvc/config`` in the place of the repository's: system, global, commit, local,
and then the command line. Only a remote that is asked for is checked, so that one that cvfs cannot use hurts nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cvfs.errors import ConfigError, RemoteError
from cvfs.metafiles.config_file import Key, Layer, Setting, parse_config, parse_overrides
from cvfs.metafiles.remote_config import Level, RemoteConfig, Value

__all__ = ["Config", "Layer", "Level", "RemoteConfig", "Value", "parse_config", "parse_overrides"]

_REFERENCE = re.compile(r"remote://([^/]*)(?:/(.*))?", re.IGNORECASE | re.DOTALL)
#: Options that DVC itself reads as lists.
_LISTS = frozenset(("type",))
#: Remotes refer to one or two others; the bound keeps a hostile chain off the interpreter's stack.
_MAX_REFERENCES = 20


class Config:
    """All layers of one DVC root. Immutable; layers may come in any order, one of each level."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._settings: dict[Key, tuple[Setting, Layer]] = {}
        self._worktree: dict[Key, str] = {}
        for layer in sorted(layers, key=lambda layer: layer.level):
            for key, setting in layer.values.items():
                if layer.level is not Level.WORKTREE:
                    self._settings[key] = (setting, layer)
                elif isinstance(setting, str):
                    self._worktree[key] = setting

    def option(self, section: str, option: str) -> Value | None:
        """Return a setting of a plain section. ConfigError if it is a list."""
        return self._value((section, "", option))

    def core(self, key: str) -> Value | None:
        """Return a setting of the section ``core``."""
        return self.option("core", key)

    @property
    def default_remote(self) -> str | None:
        """Return the name of the default remote, which need not be configured."""
        value = self.core("remote")
        return value.text.lower() if value is not None and value.text else None

    def remote_names(self) -> list[str]:
        """Return the names of all configured remotes, sorted."""
        return sorted({name for section, name, _ in self._settings if section == "remote" and name})

    def remote(self, name: str) -> RemoteConfig:
        """Resolve a remote, whatever the case of its name.

        Raises:
            RemoteError: it is not configured, has no URL, or refers to itself through ``remote://``.
            ConfigError: a value has a comma outside quotes, or its path is relative to a directory that is not there.
        """
        remote = self._resolve(name.lower(), ())
        if not remote.scheme and not remote.url.startswith("/"):
            raise ConfigError(
                f"the url of remote {name!r} is a relative path, and no work tree says where it begins",
                hint=f"give an absolute one: --remote-config {name}.url=PATH",
            )
        return remote

    def _resolve(self, name: str, chain: tuple[str, ...]) -> RemoteConfig:
        if name in chain or len(chain) > _MAX_REFERENCES:
            raise RemoteError(f"remote:// leads in a circle, or too far: {' -> '.join((*chain, name))}")
        own = self._options(name)
        confirmed = {
            option: text for (kind, of, option), text in self._worktree.items() if (kind, of) == ("remote", name)
        }
        if not own:
            known = ", ".join(self.remote_names()) or "none"
            raise RemoteError(
                f"remote {name!r} is not configured",
                hint=f"configured remotes: {known}; --remote-config {name}.url=URL adds one",
            )
        url = own.pop("url", None)
        if url is None or not url.text:
            raise RemoteError(f"remote {name!r} has no url", hint=f"--remote-config {name}.url=URL gives it one")
        reference = _REFERENCE.fullmatch(url.text)
        if reference is None:
            return RemoteConfig(name, url.text, own, confirmed, url)
        base = self._resolve(reference[1].lower(), (*chain, name))
        # What a link does not set itself is confirmed where it was set; what it does set, only by itself.
        inherited = {option: text for option, text in base.confirmed.items() if option not in own}
        return RemoteConfig(
            name,
            # DVC joins so, too, and the result is part of every key.
            f"{base.url}/{(reference[2] or '').lstrip('/')}",
            {**base.options, **own},
            {**inherited, **{option: text for option, text in confirmed.items() if option in own}},
            base.address,
        )

    def _options(self, name: str) -> dict[str, Value]:
        options = {}
        for key in self._settings:
            section, of, option = key
            if section == "remote" and of == name and option not in _LISTS:
                value = self._value(key)
                if value is not None:
                    options[option] = value
        return options

    def _value(self, key: Key) -> Value | None:
        found = self._settings.get(key)
        if found is None:
            return None
        setting, layer = found
        if not isinstance(setting, str):
            raise ConfigError(
                f"{layer.source}: option {key[2]!r} of {key[0]} {key[1]!r} is a list: it has a comma outside quotes",
                hint="put the value in quotes",
            )
        return Value(setting, layer.level, layer.source)
