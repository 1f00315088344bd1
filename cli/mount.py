"""``cvfs mount``: a commit's data as a directory."""

from __future__ import annotations

import os
from typing import Any

import click

from cvfs.errors import MountError
from cvfs.filesystem import Presentation
from cvfs.fuse.session import Ending
from cvfs.mount import MountRequest, mount, mount_in_foreground
from cvfs.mount_record import MountRecord

from .commit_options import commit_options, commit_request
from .logs import FORMATS, LEVELS, default_log, log_to_file, log_to_stderr
from .messages import note, warn
from .mount_words import split_mount_words
from .parameters import GROUP, USER, Octal


@click.command("mount")
@click.argument("revision", metavar="REV")
@click.argument("mountpoint", type=click.Path())
@commit_options
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground until the mount ends.")
@click.option("--subdir", default="", metavar="PATH", help="Mount only this directory of the commit.")
@click.option("--max-cache-size", metavar="SIZE", help="Bound of the cache: 20G, or 50% of its volume. Default: none.")
@click.option("--min-free-space", metavar="SIZE", help="What the cache leaves free on its volume. Default: 5%.")
@click.option("--allow-other", is_flag=True, help="Let other users read the mount, too.")
@click.option("--uid", type=USER, help="Owner of all files. Default: you.")
@click.option("--gid", type=GROUP, help="Group of all files. Default: yours.")
@click.option("--file-mode", type=Octal(), default="0444", show_default=True, help="Permissions of files.")
@click.option("--dir-mode", type=Octal(), default="0555", show_default=True, help="Permissions of directories.")
@click.option("-o", "words", multiple=True, metavar="K[,K=V…]", help="Mount options as for mount(8); rw is refused.")
@click.option(
    "--log-file", metavar="FILE", help="Default: $XDG_STATE_HOME/cvfs/mount.log; in the foreground: standard error."
)
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option("-d", "--debug", is_flag=True, help="The same as --log-level debug.")
def command(revision: str, mountpoint: str, **options: Any) -> int:
    """Mount the DVC-tracked data of commit REV at MOUNTPOINT, read-only.

    Returns when the mount answers. Files are fetched when they are first read, by the version ids that the commit
    recorded, and verified. `cvfs umount MOUNTPOINT` ends it.
    """
    words = split_mount_words(options["words"])
    context = click.get_current_context()
    for parameter in context.command.params:
        if parameter.name in words.given:
            options[parameter.name] = parameter.type_cast_value(context, words.given[parameter.name])
    if options["log_file"] is None and not options["foreground"]:
        options["log_file"] = default_log(os.environ)
    request = MountRequest(
        commit=commit_request(revision, options),
        mountpoint=mountpoint,
        presentation=Presentation(
            uid=os.getuid() if options["uid"] is None else options["uid"],
            gid=os.getgid() if options["gid"] is None else options["gid"],
            file_mode=options["file_mode"],
            dir_mode=options["dir_mode"],
            subdir=options["subdir"],
        ),
        options=words.kernel,
        allow_other=options["allow_other"],
        strict=options["strict"],
        log_file=options["log_file"],
    )
    level = "debug" if options["debug"] else options["log_level"]
    if not options["foreground"]:
        log_to_stderr(level, options["log_format"])
        mount(request, warn)
        return 0
    _log_in_foreground(options["log_file"], level, options["log_format"])
    ending = mount_in_foreground(request, warn, _announce)
    return 0 if ending is Ending.UNMOUNTED else 1


def _log_in_foreground(path: str | None, level: str, style: str) -> None:
    if path is None:
        log_to_stderr(level, style)
        return
    try:
        log_to_file(path, level, style)
    except OSError as error:
        raise MountError(f"the log file {path} cannot be written: {error.strerror}") from error


def _announce(record: MountRecord) -> None:
    note(f"{record.commit} is mounted at {record.mountpoint}; end it with Ctrl-C or `cvfs umount`")
