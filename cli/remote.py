"""``cvfs remote``: where the data is stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from cvfs.metafiles.config import Level
from cvfs.remote_settings import RemoteSettings

from . import remote_check
from .messages import printable, warn

Command = Callable[..., Any]

#: Set on the context by the option that was given first.
_CHOSEN = "cvfs.level"
_LEVELS = (
    ("--local", Level.LOCAL, "Use .dvc/config.local, which git does not track: for secrets and this clone alone."),
    ("--project", Level.WORKTREE, "Use .dvc/config, which git tracks. The default."),
    ("--global", Level.GLOBAL, "Use the configuration of all your repositories."),
    ("--system", Level.SYSTEM, "Use the configuration of all users."),
)


def _level_options(command: Command) -> Command:
    """Add the options that choose a file, of which at most one may be given."""

    def choose(context: click.Context, parameter: click.Parameter, given: bool) -> None:
        if not given:
            return
        flag, level = next((flag, level) for flag, level, _ in _LEVELS if flag in parameter.opts)
        if context.meta.setdefault(_CHOSEN, (flag, level))[0] != flag:
            raise click.UsageError(f"{flag} and {context.meta[_CHOSEN][0]} exclude each other", context)

    for flag, _, text in reversed(_LEVELS):
        command = click.option(flag, is_flag=True, expose_value=False, callback=choose, help=text)(command)
    return command


def _chosen() -> Level | None:
    chosen: tuple[str, Level] | None = click.get_current_context().meta.get(_CHOSEN)
    return chosen[1] if chosen else None


def _settings() -> RemoteSettings:
    return RemoteSettings(os.curdir, os.environ)


def _tell_of_others(changed: Sequence[str]) -> None:
    """Name the files that changed besides the one that was meant."""
    for path in changed[1:]:
        click.echo(f"also changed: {printable(path)}")


@click.group("remote")
def command() -> None:
    """Set up the remotes that data is pushed to: the same files and options as `dvc remote`."""


command.add_command(remote_check.command)


@command.command("add")
@click.argument("name")
@click.argument("url")
@click.option("-d", "--default", is_flag=True, help="Make it the default remote.")
@click.option("-f", "--force", is_flag=True, help="Replace a remote of that name, with all its options.")
@_level_options
def add(name: str, url: str, *, default: bool, force: bool) -> None:
    """Add the remote NAME at URL, such as s3://bucket/prefix or a directory."""
    settings = _settings()
    settings.add(name, url, _chosen() or Level.WORKTREE, default=default, force=force)
    if default:
        click.echo(f"{printable(name.lower())} is the default remote now")
    click.echo(f"next: cvfs remote modify {printable(name.lower())} version_aware true")


@command.command("modify")
@click.argument("name")
@click.argument("key")
@click.argument("value", required=False)
@click.option("-u", "--unset", is_flag=True, help="Remove the option.")
@_level_options
def modify(name: str, key: str, value: str | None, *, unset: bool) -> None:
    """Set the option KEY of the remote NAME to VALUE."""
    if unset == (value is not None):
        raise click.UsageError("give either VALUE or --unset")
    changed = _settings().modify(name, key, value, _chosen() or Level.WORKTREE)
    if unset and not changed:
        warn(f"{key.lower()} was not set there")


@command.command("list")
@_level_options
def list_remotes() -> None:
    """List the remotes with their URLs."""
    for remote in _settings().listed(_chosen()):
        fields = [remote.name, remote.url or "(no url)", *(["(default)"] if remote.is_default else [])]
        click.echo("\t".join(map(printable, fields)))


@command.command("rename")
@click.argument("name")
@click.argument("new")
@_level_options
def rename(name: str, new: str) -> None:
    """Give the remote NAME the name NEW. Versions recorded under the old name are found through the default remote."""
    _tell_of_others(_settings().rename(name, new, _chosen() or Level.WORKTREE))


@command.command("remove")
@click.argument("name")
@_level_options
def remove(name: str) -> None:
    """Remove the remote NAME from the configuration. Nothing that is stored there is touched."""
    _tell_of_others(_settings().remove(name, _chosen() or Level.WORKTREE))


@command.command("default")
@click.argument("name", required=False)
@click.option("-u", "--unset", is_flag=True, help="Have no default remote.")
@_level_options
def default_remote(name: str | None, *, unset: bool) -> int:
    """Make NAME the default remote, or print which one it is."""
    if unset and name is not None:
        raise click.UsageError("give either NAME or --unset")
    settings = _settings()
    if name is not None or unset:
        settings.set_default(name, _chosen() or Level.WORKTREE)
        return 0
    found = settings.default(_chosen())
    click.echo(printable(found) if found else "there is no default remote", err=found is None)
    return 0 if found else 1
