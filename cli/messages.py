"""What people read on standard error: one form for errors, warnings and notes."""

from __future__ import annotations

import click


def printable(text: str) -> str:
    """Make a text from a repository safe for a terminal: no control characters, no undecodable bytes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def complain(message: str, hint: str | None = None) -> None:
    """Print an error with what to do about it."""
    click.echo(f"cvfs: {printable_lines(message)}", err=True)
    if hint:
        click.echo(f"  hint: {printable_lines(hint)}", err=True)


def warn(message: str) -> None:
    """Print a warning: the command goes on."""
    click.echo(f"cvfs: warning: {printable_lines(message)}", err=True)


def note(message: str) -> None:
    """Print what is good to know."""
    click.echo(f"cvfs: {printable_lines(message)}", err=True)


def printable_lines(text: str) -> str:
    """Keep line breaks that a message has on purpose."""
    return "\n".join(printable(line) for line in text.split("\n"))
