"""Resolves the templates of one ``dvc.yaml``, stage by stage and only for those that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property

from cvfs.metafiles.document import Block
from cvfs.metafiles.iterations import Iterations, iterates, iterations
from cvfs.metafiles.stages import Stage, body_of, read_stage, text_at
from cvfs.metafiles.templates import TemplateError, resolve_text
from cvfs.metafiles.variables import DEFAULT_FILE, Files, Scope, files_of, variables_of


class Resolution:
    """The definitions of stages by name, and the variables for the templates in them."""

    def __init__(self, document: Block, definitions: Mapping[str, Block], files: Files) -> None:
        self._document = document
        self._definitions = definitions
        self._files = cache(files)
        self._iterations: dict[str, Iterations | TemplateError] = {}

    def stage(self, name: str, item: str | None, written: Stage) -> Stage | None:
        """Return a stage with its templates resolved, or as ``written`` with the reason why not.

        None if there is no such stage: the definition iterates over no such ``item``, or over nothing at all.
        """
        definition = self._definitions[name]
        if iterates(definition) is not (item is not None):
            return None
        try:
            scope = self._scope
            if item is not None:
                if item not in (found := self._items(name)):
                    return None
                scope = scope.inside(found[item])
            return self._resolved(definition, scope) if written.has_templates else written
        except (TemplateError, ValueError) as error:
            if item is None and not written.has_templates:
                return written
            return replace(written, unresolved=str(error))

    def wanted_files(self) -> set[str]:
        """Name every file of variables that could have a say, whether it is there or not."""
        wanted = {DEFAULT_FILE, *files_of(variables_of(self._document), "")}
        for name, definition in self._definitions.items():
            body = body_of(definition)
            if not files_of(variables_of(body), ""):
                continue
            try:
                found = self._items(name).values() if iterates(definition) else [{}]
                for added in found:
                    wanted |= files_of(variables_of(body), self._wdir(body, self._scope.inside(added)))
            except (TemplateError, ValueError):
                continue  # told when the stage is asked for
        return wanted

    @property
    def _scope(self) -> Scope:
        scope = self._top
        if isinstance(scope, TemplateError):
            raise scope
        return scope

    @cached_property
    def _top(self) -> Scope | TemplateError:
        scope = Scope()
        try:
            scope.load_default(self._files)
            scope.load(variables_of(self._document), "", self._files)
        except TemplateError as error:
            return error
        return scope

    def _items(self, name: str) -> Iterations:
        if name not in self._iterations:
            try:
                self._iterations[name] = iterations(self._definitions[name], self._scope.variables)
            except TemplateError as error:
                self._iterations[name] = error
        found = self._iterations[name]
        if isinstance(found, TemplateError):
            raise found
        return found

    def _resolved(self, definition: Block, scope: Scope) -> Stage:
        body = body_of(definition)
        own = scope.inside({})
        own.load(variables_of(body), self._wdir(body, scope), self._files)
        return read_stage(body, lambda text: resolve_text(text, own.variables))

    def _wdir(self, body: Block, scope: Scope) -> str:
        wdir = text_at("wdir", body)
        return resolve_text(wdir, scope.variables) if wdir else ""
