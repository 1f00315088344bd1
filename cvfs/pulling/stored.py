"""Is the content of a file safe elsewhere, so that the file may give way without anybody being asked?

It is, if a cache on this machine has it whole (DVC's, hashed here and now; or cvfs's, where everything came from a
remote), or if a commit that the work tree's data may be of records it, at the same path and with a version: HEAD,
HEAD@{1} (where HEAD was before), and what ``--rev`` placed last. Nothing else counts, however likely it looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from cvfs.cache.cache import Cache
from cvfs.errors import CvfsError
from cvfs.fetch.local_copies import LocalCopies
from cvfs.git import Repository
from cvfs.metafiles.records import Source
from cvfs.model import Content, Kind
from cvfs.snapshot import Snapshot, open_snapshot
from cvfs.workspace.file_state import to_bytes

#: Where the clone stands, and where it stood before its last checkout, merge, reset or commit.
LATEST = ("HEAD", "HEAD@{1}")


class Stored:
    """Knows what is stored. Blocking; for one thread.

    ``commits`` may be the ones that vouch; they are opened, with index files in ``index``, when a file needs it.
    """

    def __init__(
        self, cache: Cache, copies: LocalCopies, repository: Repository, commits: Sequence[str], index: str
    ) -> None:
        self._cache = cache
        self._copies = copies
        self._repository = repository
        self._commits = commits
        self._index = index

    def has(self, path: str, md5: str, size: int) -> bool:
        """Tell whether the content of the file at ``path``, below the top of the work tree, is safe elsewhere."""
        return self._is_cached(md5, size) or self.records(path, md5, size)

    def records(self, path: str, md5: str, size: int) -> bool:
        """Tell whether one of the commits records this very file, with a version."""
        return any(_is_version_of(content, md5, size) for content in self._contents(path))

    def lists(self, path: str) -> bool:
        """Tell whether one of the commits has any data at the path."""
        return any(True for _ in self._contents(path))

    def _is_cached(self, md5: str, size: int) -> bool:
        if self._cache.state(f"md5-{md5}") == "whole":
            return True
        # A name of DVC 2's is the md5 of the bytes, too, if the copy has their number: it has no CRLF that counts.
        for content in (Content(size, md5, None, None), Content(size, None, md5, None)):
            self._copies.verify(content)
            if self._copies.read(content, 0, 1) is not None:
                return True
        return False

    def _contents(self, path: str) -> Iterator[Content]:
        for snapshot in self._snapshots:
            node = snapshot.resolve(to_bytes(path))
            if node is not None and node.kind is Kind.FILE and snapshot.source(node.ino) is not Source.GIT:
                yield snapshot.content(node.ino)

    @cached_property
    def _snapshots(self) -> list[Snapshot]:
        found = []
        for revision in dict.fromkeys(self._commits):
            try:
                found.append(open_snapshot(self._repository, revision, self._index))
            except CvfsError:
                continue  # no commit yet, no reflog, or an unusable one: then it vouches for nothing
        return found


def _is_version_of(content: Content, md5: str, size: int) -> bool:
    if content.version is None or content.version.version_id == "null":
        return False
    return content.md5 == md5 or (content.text_md5 == md5 and content.size == size)
