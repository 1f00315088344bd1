"""What an unquoted scalar means in YAML 1.2, as DVC reads it: ``0.10`` is a number, ``yes`` and ``1:30`` are text.

The patterns are those of ruamel.yaml's ``resolver.py``. Its timestamps stay text here: DVC has no use for any.
"""

from __future__ import annotations

import re

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_INTEGER = re.compile(r"([-+]?)(?:0b([01_]+)|0o([0-7_]+)|0x([0-9a-fA-F_]+)|([0-9][0-9_]*))")


def typed(text: str) -> bool | int | float | str:
    """Return the value that an unquoted scalar stands for; what is nothing else is text."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    try:
        if found := _INTEGER.fullmatch(text):
            sign, *digits = found.groups()
            base, spelled = next((base, part) for base, part in zip((2, 8, 16, 10), digits, strict=True) if part)
            value = int(spelled.replace("_", ""), base)
            return -value if sign == "-" else value
        if _FLOAT.fullmatch(text):
            return float(re.sub(r"\.(?=[inIN])", "", text.replace("_", "")))
    except ValueError:  # nothing but underscores, or thousands of digits
        pass
    return text
