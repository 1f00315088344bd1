"""Large contents: a file of blocks each, filled by whoever has bytes for it, whole once its hash was checked.

Threading: everything here may be called from any thread, and blocks on the local disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from cvfs.cache.block_file import BlockFile, write_empty
from cvfs.cache.damage import DamagedFileError
from cvfs.cache.directory import Layout, create_private, exclusive, make_private
from cvfs.cache.journal import Journal
from cvfs.cache.open_files import OpenFiles

_log = logging.getLogger(__name__)


class Objects:
    """The large contents of one cache directory."""

    def __init__(self, layout: Layout, open_files: OpenFiles[BlockFile], journal: Journal, block: int) -> None:
        self._layout = layout
        self._open_files = open_files
        self._journal = journal
        self._block = block

    def read(self, key: str, offset: int, length: int, size: int | None) -> bytes | None:
        """Read bytes that are all here; None where some are not, or the content is not ``size`` bytes long."""
        try:
            with self.use(key) as file:
                if size is not None and file.size != size:
                    return None
                data = file.read(offset, length)
        except (OSError, DamagedFileError):
            return None
        if data is not None:
            self._journal.used(key)
        return data

    def whole(self, key: str) -> bool | None:
        """Tell whether a content is here and verified, False if in part, None if there is nothing of it."""
        try:
            with self.use(key) as file:
                return file.whole
        except (OSError, DamagedFileError):
            return None

    @contextmanager
    def opened(self, key: str) -> Iterator[tuple[int, int] | None]:
        """Hold the open file of a whole content: its descriptor, and the number of bytes at its start that count."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self.use(key))
                found = (file.descriptor, file.size) if file.whole else None
            except (OSError, DamagedFileError):
                found = None
            if found is not None:
                self._journal.used(key)
            yield found

    def store(self, key: str, data: bytes) -> None:
        """Add a verified content. Raises OSError, ValueError if the key is empty."""
        with self._new_file(key, len(data)) as path:
            file = BlockFile(path, key)
            try:
                for number in range(file.blocks):
                    file.write(number, memoryview(data)[number * file.block : (number + 1) * file.block])
                file.mark_whole(file.checksums())
            finally:
                file.close()
        self._journal.grew(key)

    def open_or_create(self, key: str, size: int) -> BlockFile:
        """Open the file of a content of ``size`` bytes; make one where there is none of that size. Raises OSError."""
        path = self._layout.object(key)
        with exclusive(self._layout, "objects"):
            with suppress(FileNotFoundError, DamagedFileError):
                file = BlockFile(path, key)
                if file.size == size:
                    return file
                file.close()
            with self._new_file(key, size):
                pass
            file = BlockFile(path, key)
        self._journal.grew(key)
        return file

    def changed(self, key: str) -> None:
        """Have the size of a content looked up with the next commit."""
        self._journal.grew(key)

    def drop(self, key: str) -> None:
        """Delete a content, whole or in part. Raises OSError."""
        with suppress(FileNotFoundError):
            os.unlink(self._layout.object(key))
        self._open_files.forget(key)
        self._journal.grew(key)

    @contextmanager
    def use(self, key: str, opener: Callable[[], BlockFile] | None = None) -> Iterator[BlockFile]:
        """Hold the open file of a content that has not been evicted. Raises OSError, DamagedFileError."""
        opener = opener or (lambda: self._open(key))
        with self._open_files.use(key, opener) as file:
            if not file.is_unlinked():
                yield file
                return
        self._open_files.forget(key, file)
        with self._open_files.use(key, opener) as file:
            yield file

    def _open(self, key: str) -> BlockFile:
        try:
            return BlockFile(self._layout.object(key), key)
        except DamagedFileError as error:
            _log.warning("dropped the damaged cache file %s: %s", self._layout.object(key), error)
            self.drop(key)
            raise

    @contextmanager
    def _new_file(self, key: str, size: int) -> Iterator[str]:
        """Yield the path of a new empty file of blocks, and give it its name at the end."""
        temporary, path = self._layout.temporary(), self._layout.object(key)
        descriptor = create_private(temporary)
        try:
            try:
                write_empty(descriptor, key, size, self._block)
            finally:
                os.close(descriptor)
            yield temporary
            if not os.path.isdir(os.path.dirname(path)):
                make_private(os.path.dirname(path))
            os.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        self._open_files.forget(key)
