"""Where DVC's configuration files of the user and of the system are (``dvc/dirs.py``)."""

from __future__ import annotations

import os
from collections.abc import Mapping


def system_directory(env: Mapping[str, str]) -> str:
    """Return the directory of all users' configuration."""
    shared = env.get("XDG_CONFIG_DIRS", "").split(":")[0] or "/etc/xdg"
    return env.get("DVC_SYSTEM_CONFIG_DIR") or os.path.join(shared, "dvc")


def global_directory(env: Mapping[str, str]) -> str:
    """Return the directory of the user's own configuration."""
    own = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME") or "/", ".config")
    return env.get("DVC_GLOBAL_CONFIG_DIR") or os.path.join(own, "dvc")
