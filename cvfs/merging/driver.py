"""Merge a metafile as git's merge driver: the result takes the place of our file, conflicts stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from cvfs.errors import MetafileError, WorkspaceError
from cvfs.merging.decisions import Conflict, decide
from cvfs.merging.parts import EntryKey, Metafile
from cvfs.merging.plain import TextMerge
from cvfs.merging.tree import TreeMerge
from cvfs.metafiles.records import Recorded
from cvfs.workspace.replacing import read_file, replace_file


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged metafile. ``conflicts`` are sentences, empty if there is none; ``data`` has markers if there are some.

    ``as_text`` says why lines were merged instead of entries, None if entries were.
    """

    data: bytes
    conflicts: tuple[str, ...] = ()
    as_text: str | None = None


@dataclass(frozen=True, slots=True)
class Versions:
    """The three versions of a metafile that a merge is made of."""

    ancestor: Metafile
    ours: Metafile
    theirs: Metafile


def merge_files(ancestor: str, ours: str, theirs: str, env: Mapping[str, str]) -> Merged:
    """Merge the three files and write the result to ``ours``. Blocking.

    Raises:
        WorkspaceError: one of them cannot be read, or ``ours`` not be written.
        ChangedMeanwhileError: ``ours`` was changed at the same moment.
        RepositoryError: git cannot be started.
    """
    texts = [_read(path) for path in (ancestor, ours, theirs)]
    merged = merge_metafiles(texts[0], texts[1], texts[2], env)
    if merged.data != texts[1]:
        replace_file(ours, merged.data, expected=texts[1])
    return merged


def merge_metafiles(ancestor: bytes, ours: bytes, theirs: bytes, env: Mapping[str, str]) -> Merged:
    """Merge a ``.dvc`` file or ``dvc.lock``, entry by entry, all else line by line. Blocking (it may run git).

    What is merged without a conflict records just what ``decisions.decide`` says of each entry. A text that cannot be
    taken to pieces is merged by lines, and counts as a conflict if entries were mixed up by that.

    Raises:
        RepositoryError: git cannot be started.
    """
    if theirs in (ours, ancestor):
        return Merged(ours)
    if ancestor == ours:
        return Merged(theirs)
    text = TextMerge(env)
    versions = Versions(Metafile(ancestor), Metafile(ours), Metafile(theirs))
    try:
        tree = TreeMerge(text)
        lines = tree.merge(versions.ancestor.parts(), versions.ours.parts(), versions.theirs.parts())
        newline = _newline(versions)
        data = "".join(line + newline for line in lines).encode("utf-8")
        if tree.conflicts:
            return Merged(data, tuple(_sentence(name, why) for name, why in tree.conflicts))
        if Metafile(data).entries() == _expected(versions):
            return Merged(data)
        reason = "its parts do not fit together"
    except MetafileError as error:
        reason = error.message
    return _merge_as_text(text, versions, reason)


def _merge_as_text(text: TextMerge, versions: Versions, reason: str) -> Merged:
    ours, theirs = versions.ours.data, versions.theirs.data
    data, conflicted = text.merge(versions.ancestor.data, ours, theirs)
    if conflicted:
        return Merged(data, ("the same lines were changed differently on both sides",), reason)
    try:
        expected = _expected(versions)
    except MetafileError:
        # One side is no metafile that cvfs could judge: it gets what git alone would have made of it.
        return Merged(data, (), reason)
    with suppress(MetafileError):
        if Metafile(data).entries() == expected:
            return Merged(data, (), reason)
    marked = text.conflict(ours, theirs)
    return Merged(marked, ("merging the lines would have mixed up entries, or lost some",), reason)


def _expected(versions: Versions) -> dict[EntryKey, Recorded | Conflict]:
    before, mine, others = (version.entries() for version in (versions.ancestor, versions.ours, versions.theirs))
    decided = {key: decide(before.get(key), mine.get(key), others.get(key)) for key in {**mine, **others}}
    return {key: recorded for key, recorded in decided.items() if recorded is not None}


def _newline(versions: Versions) -> str:
    mine, others = versions.ours.text.newline, versions.theirs.text.newline
    return others if versions.ancestor.data and mine == versions.ancestor.text.newline else mine


def _sentence(name: str, why: Conflict) -> str:
    return f"{name}: {why.value}" if name else why.value


def _read(path: str) -> bytes:
    data = read_file(path)
    if data is None:
        raise WorkspaceError(f"{path} is not there", hint="git calls this command, with files that it made")
    return data
