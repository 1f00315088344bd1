"""DVC's templates: ``${name}``, ``${name.key}`` and ``${name[0]}`` in the text of a ``dvc.yaml``.

As in DVC's ``parsing/interpolate.py`` and ``parsing/context.py``: a text that is one expression has its value, any
other has the values as text in it, and ``\\${`` is no expression.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Data = None | bool | int | float | str | list["Data"] | dict["Key", "Data"]
#: Keys that are no text cannot be named in an expression.
Key = None | bool | int | float | str
Variables = Mapping[Key, Data]

_START = "${"
_EXPRESSION = re.compile(r"(?<!\\)\$\{(.*?)\}")
_WORD = r"[^.\[\]]+"
_NAME = re.compile(rf"{_WORD}(?:\.{_WORD}|\[{_WORD}\])*")


class TemplateError(Exception):
    """A template cannot be resolved. The text says why, and names no file."""


def is_template(text: str) -> bool:
    """Tell whether there is anything to resolve in ``text``."""
    return _START in text


def resolve(text: str, variables: Variables) -> Data:
    """Return what a text stands for. TemplateError if it names what is not there."""
    expressions = list(_EXPRESSION.finditer(text))
    if len(expressions) == 1 and expressions[0][0] == text:
        return _selected(expressions[0][1], variables)
    resolved = _EXPRESSION.sub(lambda found: _text_of_expression(found[1], variables), text)
    return resolved.replace("\\" + _START, _START)


def resolve_text(text: str, variables: Variables) -> str:
    """Return what a text stands for where one value is expected. TemplateError if it is a list or a mapping."""
    return text if not is_template(text) else _one_text(text, resolve(text, variables))


def text_of(value: Data) -> str:
    """Spell a value as DVC does in a path. TemplateError if it cannot be spelled."""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return str(value)
    except ValueError as error:
        raise TemplateError("a number has too many digits") from error


def _one_text(what: str, value: Data) -> str:
    if isinstance(value, (list, dict)):
        kind = "list" if isinstance(value, list) else "mapping"
        raise TemplateError(f"{what!r} stands for a {kind} where one value is expected")
    return text_of(value)


def _text_of_expression(expression: str, variables: Variables) -> str:
    return _one_text(f"${{{expression}}}", _selected(expression, variables))


def _selected(expression: str, variables: Variables) -> Data:
    if _NAME.fullmatch(expression) is None:
        raise TemplateError(f"'${{{expression}}}' is not an expression")
    value: Data | Variables = variables
    for word in re.split(r"[.\[\]]+", expression.removesuffix("]")):
        name = word.strip()
        try:
            if isinstance(value, list):
                value = value[int(name)]
            elif isinstance(value, Mapping):
                value = value[name]
            else:
                raise TemplateError(f"'${{{expression}}}' asks for {name!r} in a single value")
        except (LookupError, ValueError) as error:
            raise TemplateError(f"'${{{expression}}}' names {name!r}, which is not defined") from error
    if isinstance(value, (type(None), str, int, float, list, dict)):
        return value
    raise TemplateError(f"'${{{expression}}}' stands for all variables")
