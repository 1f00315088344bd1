"""What the user's environment and Azure's own configuration file say of storage accounts.

The other clouds' SDKs read theirs by themselves; Azure's leaves it to programs. Names and order are those of Azure's
command line, which DVC follows: ``AZURE_STORAGE_…`` before the section ``[storage]`` of ``~/.azure/config``.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from typing import NamedTuple

from cvfs.errors import RemoteError


class Given(NamedTuple):
    """A value and where it was found, for messages: ``text`` may be secret."""

    text: str
    source: str


class Surroundings:
    """The values of one moment.

    Raises:
        RemoteError: the configuration file cannot be read.
    """

    def __init__(self) -> None:
        home = os.environ.get("AZURE_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".azure")
        self.config_path = os.path.join(home, "config")
        self._values = _section(self.config_path)

    def storage(self, option: str) -> Given | None:
        """Return ``account``, ``key``, ``sas_token`` or ``connection_string``, or None where it is set nowhere."""
        variable = f"AZURE_STORAGE_{option.upper()}"
        if text := os.environ.get(variable):
            return Given(text, variable)
        if text := self._values.get(option):
            return Given(text, f"[storage] {option} in {self.config_path}")
        return None


def _section(path: str) -> Mapping[str, str]:
    # Raw: a SAS token has percent signs.
    parser = configparser.RawConfigParser()
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # The parser's own words show lines of the file, which may hold a key.
        why = error.strerror if isinstance(error, OSError) else "it is no configuration file"
        raise RemoteError(f"the Azure configuration {path} cannot be used: {why}") from None
    return dict(parser["storage"]) if parser.has_section("storage") else {}
