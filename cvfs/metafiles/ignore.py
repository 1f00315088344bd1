"""``.dvcignore``: gitignore's syntax, any number of files, evaluated as DVC does it (``dvc/ignore.py``).

Where pathspec and DVC disagree, over patterns like ``*/`` that DVC gives no effect, it is Git's meaning that counts.

Paths are relative to the DVC root whose files these are: a root above or below has rules of its own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from cvfs.model import Problem

#: DVC's own patterns, before all others.
_DEFAULTS = ".hg/\n.git/\n.git\n.dvc/\n"
_FILE_NAME = ".dvcignore"


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of one file, the last one first, and how much of a path lies above the file."""

    above: int
    specs: tuple[tuple[GitIgnoreSpec, bool], ...]

    def decide(self, path: str, is_dir: bool) -> bool | None:
        """Tell what the last rule that matches says; None if none does."""
        relative = path[self.above :]
        for spec, only_directories in self.specs:
            if only_directories and not is_dir:
                continue
            pattern = spec.patterns[0]
            if pattern.match_file(relative) is not None or (is_dir and pattern.match_file(relative + "/") is not None):
                return pattern.include
        return None


class IgnoreRules:
    """All ignore files of one DVC root: from each directory's path ('' is the root) to its ``.dvcignore``'s text.

    ``problems`` names the lines that are no patterns; they have no effect. Not thread-safe: answers are remembered.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.problems: list[Problem] = []
        #: The rules that apply inside a directory, the nearest first; None inside one that is ignored.
        self._inside: dict[str, tuple[_Rules, ...] | None] = {}
        self._inside[""] = self._entered("", (self._parse(_DEFAULTS, ""),))

    def ignores(self, path: str, is_dir: bool) -> bool:
        """Tell whether DVC would not see ``path``, because a rule names it or a directory above it."""
        if not path:
            return False
        rules = self._rules_inside(path.rpartition("/")[0])
        if rules is None:
            return True
        return self._rules_inside(path) is None if is_dir else _decide(rules, path, is_dir=False)

    def _rules_inside(self, directory: str) -> tuple[_Rules, ...] | None:
        if directory in self._inside:
            return self._inside[directory]
        rules = self._inside[""]
        end = 0
        while end < len(directory):
            end = directory.find("/", end + 1)
            if end < 0:
                end = len(directory)
            step = directory[:end]
            if step not in self._inside:
                self._inside[step] = None if rules is None else self._entered(step, rules)
            rules = self._inside[step]
        return rules

    def _entered(self, directory: str, rules: tuple[_Rules, ...]) -> tuple[_Rules, ...] | None:
        """Find what applies inside ``directory``, where ``rules`` apply to it."""
        if directory and _decide(rules, directory, is_dir=True):
            return None
        text = self._texts.get(directory)
        file = f"{directory}/{_FILE_NAME}" if directory else _FILE_NAME
        if text is None or _decide(rules, file, is_dir=False):
            return rules
        return (self._parse(text, directory), *rules)

    def _parse(self, text: str, directory: str) -> _Rules:
        specs: list[tuple[GitIgnoreSpec, bool]] = []
        for number, line in enumerate(io.StringIO(text, newline=None), start=1):
            pattern = line.strip()
            if not pattern or pattern.startswith("#"):
                continue
            try:
                spec = GitIgnoreSpec.from_lines([pattern])
            except ValueError:
                path = f"{directory}/{_FILE_NAME}" if directory else _FILE_NAME
                self.problems.append(Problem(path, number, f"{pattern!r} is not a pattern"))
                continue
            if spec.patterns and spec.patterns[0].include is not None:
                specs.append((spec, pattern.endswith("/")))
        specs.reverse()
        return _Rules(len(directory) + 1 if directory else 0, tuple(specs))


def _decide(rules: tuple[_Rules, ...], path: str, *, is_dir: bool) -> bool:
    for nearer in rules:
        decision = nearer.decide(path, is_dir)
        if decision is not None:
            return decision
    return False
