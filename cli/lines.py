"""Writes results of any number of lines to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from .messages import printable


def write_lines(lines: Iterable[str]) -> None:
    """Write each line as it comes: for a terminal made safe, for anything else byte for byte."""
    terminal = os.isatty(1)
    # Not click.echo, which flushes each line: there may be a million.
    output = sys.stdout.buffer
    for line in lines:
        output.write((printable(line) if terminal else line).encode("utf-8", "surrogateescape") + b"\n")
    output.flush()
