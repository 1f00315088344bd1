"""What the metafiles of a commit track, in the same terms as those of the work tree (``tracking``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from cvfs.git import Repository
from cvfs.metafiles.stagefile import StageFile, read_stages
from cvfs.snapshot.scan import Metafile, scan, seen_metafiles
from cvfs.snapshot.variables import with_variables
from cvfs.tracking import TrackedMetafile, parse_tracked


def metafiles_of(
    repository: Repository, commit: str, without: Mapping[str, bytes] = MappingProxyType({})
) -> Iterator[TrackedMetafile]:
    """Read each metafile of a commit that DVC would see, in the order of their paths. Blocking.

    ``without`` are texts by path: a metafile that has just that text is passed over.

    Raises:
        RepositoryError: git cannot read the commit.
    """
    found = scan(repository.tree(commit))
    repository.ensure(found.blobs)
    ignores = dict(repository.read_blobs(found.ignores.values()))
    texts = {directory: ignores[oid].decode("utf-8", "surrogateescape") for directory, oid in found.ignores.items()}
    metafiles = with_variables(repository, commit, seen_metafiles(found, texts))
    blobs = repository.read_blobs(metafile.oid for metafile in metafiles)
    for metafile, (_, text) in zip(metafiles, blobs, strict=True):
        if without.get(metafile.path) == text:
            continue
        yield parse_tracked(metafile, text, _stages(repository, metafile))


def _stages(repository: Repository, metafile: Metafile) -> StageFile | None:
    if metafile.stages is None:
        return None
    texts = dict(repository.read_blobs({metafile.stages, *(oid for _, oid in metafile.variables)}))
    variables = {name: texts[oid] for name, oid in metafile.variables}
    return read_stages(texts[metafile.stages], variables.get)
