"""Gather the configuration files that say where a commit's files are stored, as DVC would, and who vouches for them.

DVC's rule for a commit (``dvc/config.py``): ``.dvc/config`` as the commit has it, ``.dvc/config.local`` from the work
tree, and the user's and the system's files. The work tree's ``.dvc/config`` only confirms what the commit says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cvfs.config_places import global_directory, system_directory
from cvfs.errors import ConfigError, RepositoryError
from cvfs.git.index import Index
from cvfs.metafiles.config import Config, Layer, Level, parse_config, parse_overrides


class CommitConfigs(Protocol):
    """What is needed of a snapshot."""

    @property
    def commit(self) -> str:
        """Name the commit."""

    @property
    def roots(self) -> Sequence[str]:
        """Name the directories of all DVC roots ('' for the top)."""

    @property
    def config_blobs(self) -> Mapping[str, str | bytes]:
        """Give the commit's ``.dvc/config`` of those roots that have one."""


def load_configs(
    snapshot: CommitConfigs, work_tree: str | None, env: Mapping[str, str], overrides: Iterable[str] = ()
) -> dict[str, Config]:
    """Lay the configuration files of each DVC root over each other. Blocking (local disk).

    ``work_tree`` is the repository's, None for a bare one. ``env`` says where the user's files are. ``overrides`` are
    ``NAME.KEY=VALUE`` and count for every root; relative paths in them begin at the current directory.

    Raises:
        ConfigError: a file cannot be read or parsed, or an override has no such form.
    """
    home = env.get("HOME") or None
    shared = [
        *_read_layer(system_directory(env), "config", Level.SYSTEM, home),
        *_read_layer(global_directory(env), "config", Level.GLOBAL, home),
        parse_overrides(overrides, os.getcwd(), home),
    ]
    return {root: Config([*shared, *_root_layers(root, snapshot, work_tree, env, home)]) for root in snapshot.roots}


@dataclass(frozen=True, slots=True)
class _WorkTreeConfigs:
    """Stands for a commit: the configuration that a commit of the work tree as it is would have."""

    roots: Sequence[str]
    config_blobs: Mapping[str, str | bytes]
    commit: str = ""


def load_work_configs(
    roots: Sequence[str], work_tree: str, env: Mapping[str, str], overrides: Iterable[str] = ()
) -> dict[str, Config]:
    """Lay the configuration files of each DVC root over each other as the work tree has them. Blocking (local disk).

    Raises:
        ConfigError: as ``load_configs``.
    """
    texts: dict[str, str | bytes] = {}
    for root in roots:
        text = _read_text(os.path.join(work_tree, root, ".dvc", "config"))
        if text is not None:
            texts[root] = text
    return load_configs(_WorkTreeConfigs(roots, texts), work_tree, env, overrides)


def _root_layers(
    root: str, snapshot: CommitConfigs, work_tree: str | None, env: Mapping[str, str], home: str | None
) -> Iterator[Layer]:
    directory = None if work_tree is None else os.path.join(work_tree, root, ".dvc")
    name = os.path.join(root, ".dvc", "config")
    text = snapshot.config_blobs.get(root)
    if text is not None:
        source = f"{name} of commit {snapshot.commit[:12]}" if snapshot.commit else name
        yield parse_config(text, Level.COMMIT, source, directory, home)
    if work_tree is not None and directory is not None:
        yield from _read_layer(directory, "config", Level.WORKTREE, home)
        local = os.path.join(root, ".dvc", "config.local")
        level = Level.COMMIT if _came_with_the_repository(work_tree, local, env) else Level.LOCAL
        yield from _read_layer(directory, "config.local", level, home)


def _came_with_the_repository(work_tree: str, path: str, env: Mapping[str, str]) -> bool:
    """Tell whether git brought a file, itself or through a link, so that it is not the word of the user."""
    absolute = os.path.join(work_tree, path)
    if not os.path.lexists(absolute):
        return False
    if os.path.realpath(absolute) != os.path.join(os.path.realpath(work_tree), path):
        return True
    try:
        return Index(work_tree, env).tracks(path)
    except RepositoryError:
        return False  # not under git at all


def _read_layer(directory: str, name: str, level: Level, home: str | None) -> Iterator[Layer]:
    path = os.path.join(directory, name)
    text = _read_text(path)
    if text is not None:
        yield parse_config(text, level, path, directory, home)


def _read_text(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def dvc_caches(configs: Mapping[str, Config], work_tree: str | None) -> list[str]:
    """Name DVC's own caches of the DVC roots, which may have files already. They need not exist."""
    found = []
    for root, config in configs.items():
        named = config.option("cache", "dir")
        if named is not None and os.path.isabs(named.text):
            found.append(named.text)
        elif work_tree is not None:
            found.append(os.path.join(work_tree, root, ".dvc", "cache"))
    return found
