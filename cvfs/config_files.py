"""DVC's configuration files of one place: what they say together, and how they are changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from cvfs.config_places import global_directory, system_directory
from cvfs.errors import ChangedMeanwhileError, RepositoryError, WorkspaceError
from cvfs.metafiles.config import Level, parse_config
from cvfs.metafiles.config_file import Key, Setting
from cvfs.metafiles.config_writing import ConfigEditor
from cvfs.metafiles.remote_schema import is_secret
from cvfs.workspace.gitignore import add_to_gitignore
from cvfs.workspace.replacing import read_file, replace_file

#: In the order in which they override each other. WORKTREE is ``.dvc/config``.
LEVELS = (Level.SYSTEM, Level.GLOBAL, Level.WORKTREE, Level.LOCAL)
_IN_REPOSITORY = (Level.WORKTREE, Level.LOCAL)
#: That somebody else edits a file at the same moment is unlikely, and three times in a row no accident.
_ATTEMPTS = 3

Settings = dict[Key, Setting]


def find_dvc_root(directory: str) -> str | None:
    """Return the nearest directory, ``directory`` or one above it, that holds a ``.dvc`` directory; None without one.

    As in DVC, the search ends at a mount point.
    """
    here = os.path.abspath(directory)
    while not os.path.isdir(os.path.join(here, ".dvc")):
        if os.path.ismount(here):
            return None
        here = os.path.dirname(here)
    return here


class ConfigFiles:
    """The configuration files that count in ``directory``. Blocking (local disk).

    All methods raise RepositoryError for a file in a DVC repository where there is none, ConfigError for one that
    cannot be parsed, and WorkspaceError for one that cannot be read or written.
    """

    def __init__(self, directory: str, env: Mapping[str, str]) -> None:
        self._env = env
        self._root = find_dvc_root(directory)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Name the levels that there can be here: all, or outside of a DVC repository only those of user and system."""
        return LEVELS if self._root is not None else tuple(level for level in LEVELS if level not in _IN_REPOSITORY)

    def path(self, level: Level) -> str:
        """Return the path of one level's file, whether it exists or not."""
        if level is Level.SYSTEM:
            return os.path.join(system_directory(self._env), "config")
        if level is Level.GLOBAL:
            return os.path.join(global_directory(self._env), "config")
        if self._root is None:
            raise RepositoryError(
                "this is not in a DVC repository",
                hint="`cvfs init` makes one here; --global and --system work everywhere",
            )
        return os.path.join(self._root, ".dvc", "config.local" if level is Level.LOCAL else "config")

    def settings(self, levels: Iterable[Level]) -> Settings:
        """Lay the files of some levels over each other, in the order given. Relative paths are resolved."""
        settings: Settings = {}
        for level in levels:
            path = self.path(level)
            text = _read(path)
            if text is not None:
                home = self._env.get("HOME") or None
                settings.update(parse_config(text, level, path, os.path.dirname(path), home).values)
        return settings

    def edit(self, level: Level, change: Callable[[ConfigEditor], bool]) -> list[str]:
        """Change a file. ``change`` says whether it did anything, and is asked again if somebody else was faster.

        Returns the path in a list, which is empty if nothing changed. A file with secrets, and ``config.local`` in any
        case, ends up readable for its owner alone.
        """
        path = self.path(level)
        for attempt in range(1, _ATTEMPTS + 1):
            before = _read(path)
            editor = ConfigEditor(before or b"", path)
            if not change(editor):
                break
            try:
                return [path] if self._write(level, path, before, editor) else []
            except ChangedMeanwhileError:
                if attempt == _ATTEMPTS:
                    raise
        return []

    def _write(self, level: Level, path: str, before: bytes | None, editor: ConfigEditor) -> bool:
        text = editor.text()
        private = level is Level.LOCAL or (level not in _IN_REPOSITORY and _holds_secrets(editor))
        if text == before and not private:
            return False
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"cannot make {os.path.dirname(path)}: {error.strerror}") from error
        if level is Level.LOCAL:
            # DVC sees to it with every command, too: this file is the one that must never be committed.
            add_to_gitignore(os.path.dirname(path), os.path.basename(path))
        replace_file(path, text, expected=before, mode=0o600 if private else None)
        return True


def _read(path: str) -> bytes | None:
    return read_file(path) if os.path.isdir(os.path.dirname(path)) else None


def _holds_secrets(editor: ConfigEditor) -> bool:
    return any(
        is_secret(option, value if isinstance(value, str) else ",".join(value))
        for name in editor.sections("remote")
        for option, value in (editor.options("remote", name) or {}).items()
    )
