"""One stage of a ``dvc.yaml``: where its outs lie, and what becomes of them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cvfs.metafiles.document import Block, Value
from cvfs.metafiles.fields import boolean, lower
from cvfs.metafiles.templates import is_template

#: Where outs stand, and whether DVC caches them unless they say otherwise. ``live`` is DVC 2's, for one out; the longer
#: names are those of the first releases of DVC 1.
_OUT_KEYS: Mapping[str, bool] = {
    "outs": True,
    "metrics": True,
    "plots": True,
    "live": True,
    "outs_no_cache": False,
    "metrics_no_cache": False,
    "plots_no_cache": False,
    "outs_persist": True,
    "outs_persist_no_cache": False,
}


@dataclass(frozen=True, slots=True)
class StageOut:
    """How a stage uses one of its outs. ``remote`` is lower case."""

    cache: bool = True
    push: bool = True
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. ``outs`` is keyed by normalised path; those with a template in the path stand in ``templated``.

    ``unresolved`` says why templates could not be resolved, where that was tried in vain.
    """

    wdir: str | None = None
    outs: Mapping[str, StageOut] = field(default_factory=dict)
    templated: tuple[StageOut, ...] = ()
    unresolved: str | None = None

    @property
    def has_templated_wdir(self) -> bool:
        """Tell whether ``wdir`` is known only after resolving templates."""
        return self.wdir is not None and is_template(self.wdir)

    @property
    def has_templates(self) -> bool:
        """Tell whether templates decide where outs are, or on which remote."""
        remotes = (out.remote for out in (*self.outs.values(), *self.templated))
        return bool(self.templated) or self.has_templated_wdir or any(is_template(remote or "") for remote in remotes)

    def out(self, path: str) -> StageOut | None:
        """Find an out by the path that the lock has; None if the stage has no such out.

        Raises:
            ValueError: the path must come from a template, and the stage's templates differ in what they say.
        """
        found = self.outs.get(posixpath.normpath(path))
        if found is not None or not self.templated:
            return found
        if len(set(self.templated)) > 1:
            raise ValueError("dvc.yaml has it as one of several templates with different cache, push or remote")
        return self.templated[0]


def body_of(definition: Value) -> Block:
    """Return what a definition says of each of its stages. ValueError if it is no mapping."""
    block = _block("the stage", definition)
    return _block("'do'", block["do"]) if "do" in block else block


def read_stage(
    body: Block,
    resolve: Callable[[str], str] | None = None,
    complain: Callable[[str], object] = lambda _reason: None,
) -> Stage:
    """Read a stage; ``resolve`` says what texts with templates stand for, None leaves them.

    An entry of a list of outs that cannot be used is told to ``complain``, and left out.

    Raises:
        ValueError: it has not the shape of a stage.
        TemplateError: from ``resolve``.
    """
    outs: dict[str, StageOut] = {}
    templated: list[StageOut] = []
    for path, flags in _out_flags(body, resolve or str, complain):
        if resolve is None and is_template(path):
            templated.append(flags)
        else:
            outs[posixpath.normpath(path)] = flags
    wdir = text_at("wdir", body)
    return Stage(resolve(wdir) if wdir and resolve else wdir, outs, tuple(templated))


def text_at(key: str, block: Block) -> str | None:
    """Return the one value that stands under a key. ValueError if there is something else."""
    value = block.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key!r} is not a single value")
    return value


def _out_flags(
    body: Block, resolve: Callable[[str], str], complain: Callable[[str], object]
) -> Iterator[tuple[str, StageOut]]:
    for key, cache in _OUT_KEYS.items():
        entries = body.get(key)
        if key == "live" and isinstance(entries, Block):
            entries = [entries]
        if entries is not None and not isinstance(entries, list):
            raise ValueError(f"{key!r} is not a list")
        for entry in entries or ():
            try:
                yield from list(_entry_flags(key, entry, cache, resolve))
            except ValueError as error:
                complain(str(error))


def _entry_flags(key: str, entry: Value, cache: bool, resolve: Callable[[str], str]) -> Iterator[tuple[str, StageOut]]:
    if isinstance(entry, str):
        yield resolve(entry), StageOut(cache=cache)
        return
    for path, flags in _block(f"an entry of {key!r}", entry).items():
        yield resolve(path), _flags(path, flags, cache, resolve)


def _flags(path: str, value: Value, cache: bool, resolve: Callable[[str], str]) -> StageOut:
    if value is None or isinstance(value, list):
        # A list holds several plots of one file: nothing about the file.
        return StageOut(cache=cache)
    flags = _block(f"out {path!r}", value)
    remote = text_at("remote", flags)
    return StageOut(
        cache=boolean("cache", text_at("cache", flags), default=cache),
        push=boolean("push", text_at("push", flags), default=True),
        remote=lower(resolve(remote) if remote else None),
    )


def _block(what: str, value: Value) -> Block:
    if not isinstance(value, Block):
        raise ValueError(f"{what} is not a mapping")  # noqa: TRY004 - the text is wrong, not the program
    return value
