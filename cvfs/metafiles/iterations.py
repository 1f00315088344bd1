"""``foreach`` and ``matrix``: the stages that one definition stands for, and what ``item`` and ``key`` are in each.

As in DVC's ``parsing/__init__.py``: the part of a stage's name behind ``@`` is the item itself, its key in a mapping,
its number where the list has items that are no single values, and for a matrix all of them joined with ``-``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from cvfs.metafiles.document import MAX_VALUES, Block
from cvfs.metafiles.templates import Data, Key, TemplateError, Variables, is_template, resolve, text_of
from cvfs.metafiles.variable_files import data_of

#: More stages than this from one definition are a mistake, or worse.
MAX_STAGES = 100_000

#: By the part of the name behind ``@``: what is defined in that stage only.
Iterations = Mapping[str, dict[Key, Data]]


def iterates(definition: Block) -> bool:
    """Tell whether a definition stands for any number of stages."""
    return "foreach" in definition or "matrix" in definition


def iterations(definition: Block, variables: Variables) -> Iterations:
    """Return the stages that a definition stands for.

    Raises:
        TemplateError: what it iterates over cannot be resolved, or is no list or mapping, or is too much.
    """
    if "matrix" in definition:
        return dict(_of_matrix(data_of(definition["matrix"]), variables))
    return dict(_of_foreach(data_of(definition["foreach"]), variables))


def _of_foreach(data: Data, variables: Variables) -> Iterator[tuple[str, dict[Key, Data]]]:
    over = _Resolving(variables).data(data)
    if isinstance(over, dict):
        _check(len(over))
        for key, value in over.items():
            yield text_of(key), {"item": value, "key": text_of(key)}
        return
    if not isinstance(over, list):
        raise TemplateError("'foreach' is neither a list nor a mapping")
    written = data if isinstance(data, list) else None
    composite = any(isinstance(value, (list, dict)) for value in over)
    _check(len(over))
    for number, value in enumerate(over):
        yield str(number) if composite else _spelled(value, written and written[number]), {"item": value}


def _of_matrix(data: Data, variables: Variables) -> Iterator[tuple[str, dict[Key, Data]]]:
    axes = _Resolving(variables).data(data)
    if not isinstance(axes, dict) or not isinstance(data, dict):
        raise TemplateError("'matrix' is not a mapping")
    choices: list[list[tuple[str, Data]]] = []
    for name, values in axes.items():
        if not isinstance(values, list):
            raise TemplateError(f"{text_of(name)!r} in 'matrix' is not a list")
        axis = data.get(name)
        choices.append(
            [
                (f"{text_of(name)}{number}", value)
                if isinstance(value, (list, dict))
                else (_spelled(value, axis[number] if isinstance(axis, list) else None), value)
                for number, value in enumerate(values)
            ]
        )
    _check(prod(map(len, choices)))
    for combination in product(*choices):
        key = "-".join(spelled for spelled, _ in combination)
        item = {name: value for name, (_, value) in zip(axes, combination, strict=True)}
        yield key, {"item": item, "key": key}


def _spelled(value: Data, written: Data) -> str:
    """Spell an item for a stage's name: a truth value from a variable is ``True`` in DVC, one written here ``true``."""
    return text_of(value) if isinstance(written, bool) else text_of(str(value))


def _check(count: int) -> None:
    if count > MAX_STAGES:
        raise TemplateError(f"it stands for more than {MAX_STAGES} stages")


class _Resolving:
    """Resolves the templates in all that lies in a value, which may be shared and so be large."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._count = 0

    def data(self, value: Data) -> Data:
        self._count += 1
        if self._count > MAX_VALUES:
            raise TemplateError(f"it iterates over more than {MAX_VALUES} values")
        if isinstance(value, str):
            return resolve(value, self._variables) if is_template(value) else value
        if isinstance(value, list):
            return [self.data(inner) for inner in value]
        if isinstance(value, dict):
            return {self._key(key): self.data(inner) for key, inner in value.items()}
        return value

    def _key(self, key: Key) -> Key:
        resolved = self.data(key)
        if isinstance(resolved, (list, dict)):
            raise TemplateError(f"the key {key!r} stands for a list or a mapping")
        return resolved
