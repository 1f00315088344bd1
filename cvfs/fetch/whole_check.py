"""The hash of a large content whose blocks come in any order: computed along the way where that is cheap.

Threading: blocking, and one thread at a time.
"""

from __future__ import annotations

from contextlib import suppress

from cvfs.cache.partial_file import PartialFile
from cvfs.errors import CacheError
from cvfs.fetch.checks import wrong_hash
from cvfs.fetch.hashing import ContentHash, hash_for, recorded_hash
from cvfs.model import Content

#: Blocks hashed a call: 64 MiB, a tenth of a second, so that nobody waits long for the thread.
_STEP = 256
#: Other processes may drop a damaged block, and fetch it again, between the hash and its verdict.
_ATTEMPTS = 3


class WholeCheck:
    """Hashes the blocks of one content from its start, as far as they are here."""

    def __init__(self, content: Content, partial: PartialFile, where: str) -> None:
        self._content = content
        self._partial = partial
        self._where = where
        self._begin()

    @property
    def blocks(self) -> int:
        """Count the blocks that have been hashed."""
        return len(self._checksums)

    def advance(self) -> bool:
        """Hash some of the blocks that follow; False if the next one is missing. Raises CacheError."""
        if self._hash is None:
            return False
        for _ in range(_STEP):
            found = self._partial.read_block(self.blocks)
            if found is None:
                return False
            data, checksum = found
            self._hash.update(data)
            self._checksums.append(checksum)
        return True

    def conclude(self) -> bool:
        """Hash the rest, where a hash was recorded, and make the content whole.

        False if a block is missing after all, or keeps changing.

        Raises:
            IntegrityError: the hash is wrong; everything has been dropped.
            CacheError
        """
        if self._hash is None:
            return self._partial.mark_whole(self._partial.checksums())
        for _ in range(_ATTEMPTS):
            while self.advance():
                pass
            # A hash that was compared takes no more bytes, so whatever comes of this, the next check begins anew.
            found, checksums = self._hash, self._checksums
            self._begin()
            if not self._partial.complete:
                return False
            if self._partial.checksums() != checksums:
                # Blocks were dropped and fetched again since they were hashed: no verdict can be about them.
                continue
            recorded = recorded_hash(self._content)
            if found is not None and recorded is not None and not found.matches(recorded):
                with suppress(CacheError):
                    self._partial.drop()
                raise wrong_hash(self._where, str(found), recorded)
            if self._partial.mark_whole(checksums):
                return True
        return False

    def _begin(self) -> None:
        self._hash: ContentHash | None = hash_for(self._content)
        self._checksums: list[int] = []
