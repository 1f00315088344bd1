"""Entry point: finds the command, runs it, and turns every failure into a message and an exit code.

Exit codes: 0 done, 1 failed (the message says why), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import ClassVar

import click

from cvfs.errors import CvfsError

from .messages import complain

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """Load a command's module when it is named, so that ``cvfs ls`` does not pay for what ``cvfs mount`` imports."""

    modules: ClassVar[dict[str, str]] = {
        "add": "add",
        "cat": "cat",
        "check": "check",
        "diff": "diff",
        "import-url": "import_url",
        "init": "init",
        "ls": "ls",
        "merge-driver": "merge_driver",
        "mount": "mount",
        "mounts": "mounts",
        "pull": "pull",
        "push": "push",
        "remote": "remote",
        "remove": "remove",
        "status": "status",
        "umount": "umount",
        "update": "update",
    }
    aliases: ClassVar[dict[str, str]] = {"unmount": "umount"}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the help text."""
        return sorted(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import the one module that holds the command."""
        name = self.aliases.get(cmd_name, cmd_name)
        if name not in self.modules:
            return None
        module = importlib.import_module(f".{self.modules[name]}", __package__)
        command: click.Command = module.command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cvfs", prog_name="cvfs")
def cvfs() -> None:
    """Make the dataset that a Git commit recorded a directory."""


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; messages go to standard error."""
    try:
        code = cvfs.main(arguments, prog_name="cvfs", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Abort:
        complain("interrupted")
        return EXIT_INTERRUPTED
    except CvfsError as error:
        complain(error.message, error.hint)
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of our output has enough (`cvfs ls REV | head`). Python would complain once more at exit,
        # when it flushes what is left: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a sentence, not a traceback
        return report_bug(error)
    return code if isinstance(code, int) else 0


def report_bug(error: Exception) -> int:
    """Say that cvfs itself is wrong here; show the traceback only to who asked for it."""
    if os.environ.get("CVFS_DEBUG"):
        traceback.print_exception(error)
    complain(
        f"unexpected {type(error).__name__}: this is a bug in cvfs",
        "set CVFS_DEBUG=1 and run the command again to see where, and report it",
    )
    return EXIT_FAILED
