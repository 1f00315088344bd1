"""One remote of DVC's configuration, with every option still knowing which file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from cvfs.errors import ConfigError


class Level(IntEnum):
    """Where a value was set; later ones override earlier ones."""

    SYSTEM = 0
    GLOBAL = 1
    #: ``.dvc/config`` of the commit that is being read.
    COMMIT = 2
    #: ``.dvc/config`` in the work tree. It overrides nothing, and only confirms what a commit says.
    WORKTREE = 3
    #: ``.dvc/config.local`` in the work tree.
    LOCAL = 4
    #: The command line.
    OVERRIDE = 5


@dataclass(frozen=True, slots=True)
class Value:
    """The text of one option, and the file (``source``, for messages) that it came from."""

    text: str
    level: Level
    source: str


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """A remote with all ``remote://`` references resolved.

    ``name`` and the names of options are lower case. ``url`` has a scheme or is an absolute path. ``options`` has all
    options but ``url``, known to cvfs or not. ``address`` is the setting that decides about the host, as it is written.
    ``confirmed`` has those that the work tree's ``.dvc/config`` sets for the
    same remote, as it sets them.
    """

    name: str
    url: str
    options: Mapping[str, Value] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)
    address: Value | None = None

    @property
    def scheme(self) -> str:
        """Return the URL's scheme in lower case, '' for a path."""
        scheme, separator, _ = self.url.partition("://")
        return scheme.lower() if separator else ""

    @property
    def version_aware(self) -> bool:
        """Tell whether old versions are kept and addressed by id, as ``worktree`` implies.

        Raises:
            ConfigError: ``worktree`` without versions, or a value that is no boolean.
        """
        worktree = self.flag("worktree", default=False)
        aware = self.flag("version_aware", default=worktree)
        if worktree and not aware:
            raise self._error("version_aware", "worktree = true needs version_aware = true")
        return aware

    def text(self, option: str) -> str | None:
        """Return an option as it is written (paths resolved); None where it is missing or empty."""
        value = self.options.get(option)
        return value.text if value is not None and value.text else None

    def flag(self, option: str, *, default: bool) -> bool:
        """Return a boolean option. ConfigError unless it is ``true`` or ``false``, in any case."""
        text = self.text(option)
        if text is None:
            return default
        truth = _truth(text)
        if truth is None:
            raise self._error(option, "expected true or false")
        return truth

    def flag_or_text(self, option: str) -> bool | str | None:
        """Return an option that is a boolean or something else (``ssl_verify``: or the path of a CA bundle)."""
        text = self.text(option)
        if text is None or not text.strip():
            return None
        truth = _truth(text)
        return text if truth is None else truth

    def integer(self, option: str) -> int | None:
        """Return an option that is a number, 0 or more. ConfigError if it is not."""
        text = self.text(option)
        if text is None:
            return None
        digits = text.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise self._error(option, "expected a whole number")
        return int(digits)

    def _error(self, option: str, reason: str) -> ConfigError:
        # The value is not shown: an option in the wrong place may hold a secret.
        source = self.options[option].source if option in self.options else self.name
        return ConfigError(f"{source}: option {option!r} of remote {self.name!r}: {reason}")


def _truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())
