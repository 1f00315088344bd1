"""``cvfs umount``: take a mount away."""

from __future__ import annotations

import os

import click

from cvfs.unmount import unmount


@click.command("umount")
@click.argument("mountpoint", type=click.Path())
@click.option(
    "-z", "--lazy", is_flag=True, help="Detach a mount that is in use now; it ends when its last user is done."
)
def command(mountpoint: str, lazy: bool) -> None:
    """Unmount what is mounted at MOUNTPOINT, and clean up after a mount whose process has died."""
    unmount(mountpoint, os.environ, lazy=lazy)
