"""Text as a YAML scalar that YAML 1.1 and 1.2 both read back as that text.

DVC reads YAML 1.2 (where ``yes`` is text and ``1e3`` a number), many other tools 1.1 (the other way round). What either
of them could take for something else is quoted.
"""

from __future__ import annotations

import re

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

#: Characters that mean nothing to YAML wherever they stand in a plain scalar; ``\w`` covers letters of all scripts.
_PLAIN = re.compile(r"[\w./(][\w./()+@=,~^$%;<>-]*(?: [\w./()+@=,~^$%;<>-]+)*")
#: What YAML 1.2's core schema reads as a number, and 1.1 does not.
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
#: Printable for Python, but line breaks or a byte order mark for YAML.
_NEVER_RAW = frozenset("\x85\u2028\u2029\ufeff")

_resolver = Resolver()


def scalar(text: str) -> str:
    """Write ``text`` plain if nobody can mistake it, else in single quotes, else in double quotes with escapes."""
    if not all(char.isprintable() and char not in _NEVER_RAW for char in text):
        return '"' + "".join(map(_escape, text)) + '"'
    if _PLAIN.fullmatch(text) and _is_text(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _is_text(text: str) -> bool:
    resolved: str = _resolver.resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return resolved == "tag:yaml.org,2002:str" and _NUMBER.fullmatch(text) is None


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and char not in _NEVER_RAW:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
