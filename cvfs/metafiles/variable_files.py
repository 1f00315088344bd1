"""Files of variables for templates: YAML, JSON, TOML, or Python with nothing but assignments of literals.

All are hostile until proven otherwise: nothing of a Python file runs, and depth and number of values are bounded.
"""

from __future__ import annotations

import ast
import json
import posixpath
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from cvfs.metafiles.document import MAX_VALUES, Block, Plain, Value, load_document
from cvfs.metafiles.events import MAX_DEPTH, DocumentError, EmptyDocumentError
from cvfs.metafiles.templates import Data, Key, TemplateError
from cvfs.metafiles.yaml_types import typed


def parse_variables(name: str, data: bytes) -> dict[Key, Data]:
    """Read one file of variables; its name's ending says how.

    Raises:
        TemplateError: it cannot be read, or is no mapping.
    """
    suffix = posixpath.splitext(name)[1].lower()
    parse = {".json": _json, ".toml": _toml, ".py": _python}.get(suffix, _yaml)
    try:
        found = parse(data)
    except DocumentError as error:
        line = "" if error.refusal.line is None else f":{error.refusal.line}"
        raise TemplateError(f"{name}{line}: {error.refusal.reason}") from error
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        # The parsers of JSON and TOML raise ValueErrors of their own; that of Python runs out of its stack.
        raise TemplateError(f"{name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TemplateError(f"{name} is not a mapping of names to values")
    return found


def data_of(value: Value) -> Data:
    """Give the values of a YAML document their types. What aliases share stays shared."""
    return _Typing().data(value)


class _Typing:
    def __init__(self) -> None:
        self._done: dict[int, Data] = {}

    def data(self, value: Value) -> Data:
        if isinstance(value, Plain):
            return typed(value)
        if value is None or isinstance(value, str):
            return value
        if id(value) not in self._done:
            if isinstance(value, Block):
                self._done[id(value)] = {_key(key): self.data(inner) for key, inner in value.items()}
            else:
                self._done[id(value)] = [self.data(inner) for inner in value]
        return self._done[id(value)]


def _key(key: str) -> Key:
    return typed(key) if isinstance(key, Plain) else key


def _yaml(data: bytes) -> Data:
    try:
        return data_of(load_document(data))
    except EmptyDocumentError:
        return {}


def _json(data: bytes) -> Data:
    return _Checking().data(json.loads(data) or {})


def _toml(data: bytes) -> Data:
    return _Checking().data(tomllib.loads(data.decode("utf-8")))


def _python(data: bytes) -> Data:
    return _Checking().data(_assigned(ast.parse(data).body))


class _Checking:
    """Copies what a parser made, within bounds; dates and the like become text."""

    def __init__(self) -> None:
        self._count = 0

    def data(self, value: Any, depth: int = 0) -> Data:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_VALUES:
            raise ValueError("nested too deep, or too many values")
        if isinstance(value, dict):
            return {self._key(key): self.data(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner, depth + 1) for inner in value]
        return self._key(value)

    def _key(self, value: Any) -> Key:
        return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _assigned(body: Sequence[ast.stmt]) -> dict[str, Any]:
    """Return what is assigned literally, at the top, in classes and to ``self`` in ``__init__`` (DVC's ``_py.py``)."""
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = _assigned(statement.body)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            found.update(_literals(statement.body, of_self=True))
        else:
            found.update(_literals([statement], of_self=False))
    return found


def _literals(body: Sequence[ast.stmt], *, of_self: bool) -> Iterator[tuple[str, Any]]:
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if len(targets) != 1 or not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
            continue
        name = _name(targets[0], of_self=of_self)
        if name is not None:
            try:
                yield name, ast.literal_eval(statement.value)
            except (ValueError, TypeError):  # an expression, not a literal
                continue


def _name(target: ast.expr, *, of_self: bool) -> str | None:
    if isinstance(target, ast.Name) and not of_self:
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return None
