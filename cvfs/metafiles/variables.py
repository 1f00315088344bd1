"""The variables that the templates of a ``dvc.yaml`` may name, from its own text and from files beside it.

As in DVC's ``parsing/context.py``: ``params.yaml`` counts if it is there, then comes what ``vars:`` says, at the top
and in a stage; mappings are merged, and nothing is ever overridden.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

from cvfs.metafiles.document import Block, Value
from cvfs.metafiles.templates import Data, Key, TemplateError, Variables, is_template
from cvfs.metafiles.variable_files import data_of, parse_variables

#: Gives the text of a file, named relative to the directory of the ``dvc.yaml``; None where there is no such file.
Files = Callable[[str], bytes | None]

#: The file that counts without being named.
DEFAULT_FILE = "params.yaml"
#: Shared mappings, merged, could otherwise be walked for ever.
_MAX_MERGES = 1_000_000


@dataclass(slots=True)
class Scope:
    """The variables known at one place. ``loaded`` are the files that they came from, with the keys taken or None."""

    variables: Variables = field(default_factory=dict)
    loaded: dict[str, set[str] | None] = field(default_factory=dict)

    def inside(self, added: Variables) -> Scope:
        """Return a scope in which ``added`` hides what has the same name."""
        return Scope({**self.variables, **added}, dict(self.loaded))

    def load_default(self, files: Files) -> None:
        """Take in ``params.yaml``, if it is there. Raises TemplateError."""
        data = files(DEFAULT_FILE)
        if data is not None:
            self._merge(parse_variables(DEFAULT_FILE, data), DEFAULT_FILE)
            self.loaded[DEFAULT_FILE] = None

    def load(self, entries: Value, wdir: str, files: Files) -> None:
        """Take in a ``vars:`` list, whose files are named relative to ``wdir``.

        Raises:
            TemplateError: not such a list, a file cannot be read, or a variable is there already.
        """
        if entries is None:
            return
        if not isinstance(entries, list):
            raise TemplateError("'vars' is not a list")
        for entry in entries:
            if isinstance(entry, str):
                self._load_file(entry, wdir, files)
                continue
            found = data_of(entry)
            if not isinstance(found, dict):
                raise TemplateError("an entry of 'vars' is neither a file nor a mapping")
            self._merge(found, "vars")

    def _load_file(self, entry: str, wdir: str, files: Files) -> None:
        if is_template(entry):
            raise TemplateError(f"'vars' names a file by a template: {entry!r}")
        name, keys = file_of(entry, wdir)
        before = self.loaded.get(name, set())
        if before is None:
            return  # all of it is there
        data = files(name)
        if data is None:
            raise TemplateError(f"{name} is not there")
        found = parse_variables(name, data)
        if missing := [key for key in keys if key not in found]:
            raise TemplateError(f"{name} has no {missing[0]!r}")
        self._merge({key: found[key] for key in keys if key not in before} if keys else found, name)
        self.loaded[name] = before | set(keys) if keys else None

    def _merge(self, found: dict[Key, Data], source: str) -> None:
        self.variables = _Merging(source).merged(self.variables, found)


def file_of(entry: str, wdir: str) -> tuple[str, list[str]]:
    """Return the normalised path of an entry of ``vars:``, and the keys that it takes; none stand for all."""
    path, _, keys = entry.partition(":")
    return posixpath.normpath(posixpath.join(wdir, path)), [key for key in keys.split(",") if key]


def files_of(entries: Value, wdir: str) -> set[str]:
    """Return the paths of all files that a ``vars:`` list names."""
    named = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []
    return {file_of(entry, wdir)[0] for entry in named}


def variables_of(definition: Block) -> Value:
    """Return the ``vars:`` of a ``dvc.yaml`` or of a stage."""
    return definition.get("vars")


class _Merging:
    def __init__(self, source: str) -> None:
        self._source = source
        self._count = 0

    def merged(self, into: Variables, found: Variables) -> dict[Key, Data]:
        """Return both mappings as one; neither changes. Keys that are no text are left out, as in DVC."""
        result = dict(into)
        for key, value in found.items():
            self._count += 1
            if self._count > _MAX_MERGES:
                raise TemplateError(f"{self._source} has too many values to be merged")
            if not isinstance(key, str):
                continue
            present = result.get(key)
            if isinstance(present, dict) and isinstance(value, dict):
                result[key] = self.merged(present, value)
            elif key in result:
                raise TemplateError(f"{self._source} defines {key!r}, which is defined already")
            else:
                result[key] = value
        return result
