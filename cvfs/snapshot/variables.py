"""Finds, in a commit, the files of variables that the templates of its pipelines need."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cvfs.git import Repository
from cvfs.metafiles.stagefile import has_templates, wanted_files
from cvfs.snapshot.scan import Metafile

#: So many paths are asked for at once: a command line has an end.
_AT_ONCE = 1000
#: Files that only other files of variables tell of; there is no third kind.
_ROUNDS = 2


def with_variables(repository: Repository, commit: str, metafiles: Sequence[Metafile]) -> list[Metafile]:
    """Return the metafiles, those of templated pipelines with the files of variables that they need. Blocking.

    Raises:
        RepositoryError: git cannot read the commit.
    """
    blobs = sorted({metafile.stages for metafile in metafiles if metafile.stages is not None})
    texts = {oid: text for oid, text in repository.read_blobs(blobs) if has_templates(text)}
    templated = [metafile for metafile in metafiles if metafile.stages in texts]
    if not templated:
        return list(metafiles)
    oids: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    wanted: dict[str, dict[str, str]] = {}
    for _ in range(_ROUNDS):
        for metafile in templated:
            known = {name: contents.get(oids.get(path, "")) for name, path in wanted.get(metafile.path, {}).items()}
            wanted[metafile.path] = _paths(metafile, wanted_files(texts[metafile.stages or ""], known.get))
        oids = _blobs(repository, commit, sorted({path for paths in wanted.values() for path in paths.values()}))
        contents |= dict(repository.read_blobs(sorted(set(oids.values()) - contents.keys())))
    return [_completed(metafile, wanted.get(metafile.path, {}), oids) for metafile in metafiles]


def _completed(metafile: Metafile, paths: Mapping[str, str], oids: Mapping[str, str]) -> Metafile:
    found = tuple((name, oids[path]) for name, path in sorted(paths.items()) if path in oids)
    return replace(metafile, variables=found)


def _paths(metafile: Metafile, names: Iterable[str]) -> dict[str, str]:
    """Return where the files are in the repository; what lies outside of it is no file of the commit."""
    paths = {name: posixpath.normpath(posixpath.join(metafile.directory, name)) for name in names}
    return {name: path for name, path in paths.items() if not path.startswith(("/", "../"))}


def _blobs(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    found = {}
    for start in range(0, len(paths), _AT_ONCE):
        wanted = paths[start : start + _AT_ONCE]
        for entry in repository.tree(commit, wanted):
            if stat.S_ISREG(entry.mode) and entry.path in wanted:
                found[entry.path] = entry.oid
    return found
