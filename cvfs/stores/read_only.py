"""What is the same in all stores that keep no versions and that cvfs only reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NoReturn

from cvfs.errors import StoreError, VersionNotFoundError
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning


class ReadOnlyStore(ABC):
    """Implements ``Store`` for objects that have no version but the current one, as far as that goes."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Name the remote, as ``Store.url``."""

    @abstractmethod
    def full_key(self, key: str) -> str:
        """Prefix ``key``, as ``Store.full_key``."""

    @abstractmethod
    def check(self) -> None:
        """Find out whether reads can be tried, as ``Store.check``."""

    @abstractmethod
    def read_current(self, key: str, start: int, length: int | None) -> Piece:
        """Read the current object, as ``Store.read`` does without a version."""

    @abstractmethod
    def stat_current(self, key: str) -> Stat:
        """Describe the current object, as ``Store.stat`` does without a version."""

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read the current object; there are no versions."""
        self._check_version(key, version_id)
        return self.read_current(key, start, length)

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Describe the current object; there are no versions."""
        self._check_version(key, version_id)
        return self.stat_current(key)

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def copy(self, key: str, version_id: str, target: str) -> Stat:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:  # noqa: ARG002
        """Refuse: not every such store has listings."""
        raise StoreError(f"{self.url} is not listed: only stores that keep versions are")

    def versioning(self) -> Versioning:
        """Answer OFF: there are no versions."""
        return Versioning.OFF

    def enable_versioning(self) -> None:
        """Refuse."""
        self._refuse()

    @abstractmethod
    def close(self) -> None:
        """Release connections, as ``Store.close``."""

    def _check_version(self, key: str, version_id: str | None) -> None:
        if version_id is not None:
            raise VersionNotFoundError(f"{self.url}: {key!r}, version {version_id!r}: this store keeps no versions")

    def _refuse(self) -> NoReturn:
        raise StoreError(
            f"{self.url} keeps no versions, and cvfs only reads from it",
            hint="push to a remote in a bucket with versioning, or to a directory, with version_aware = true",
        )
