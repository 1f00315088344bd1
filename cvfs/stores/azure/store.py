"""A remote in Azure Blob Storage: one container, one prefix, blobs by version id.

Reading needs nothing but the right to read blobs: no LIST and no HEAD is sent. ``link`` says which reads go through
obstore and which through the SDK. Credentials that are refused are looked for again now and then, so that a mount goes
on working after its user has signed in anew.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from cvfs.errors import (
    AccessDeniedError,
    IntegrityError,
    StoreError,
    VersioningOffError,
    VersionNotFoundError,
)
from cvfs.stores.azure.answers import LISTING, READING, WRITING, Question
from cvfs.stores.azure.link import Link
from cvfs.stores.azure.options import AzureOptions
from cvfs.stores.azure.plain import Page
from cvfs.stores.ranges import check_range
from cvfs.stores.renewal import Renewable
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning, key_order

_VERSION_ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


class AzureStore:
    """Implements ``Store``. Making one asks nobody: credentials are looked for on first use.

    Raises:
        RemoteError: options, environment and Azure configuration name no account that can be used.
    """

    def __init__(self, options: AzureOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._link = Renewable(lambda: Link(options), options.label, clock)
        where = posixpath.join(options.container, options.prefix).rstrip("/")
        # The URL alone does not say in which account the container is.
        self._url = f"azure://{where} at {self._link.current.session.login.endpoint}"

    @property
    def url(self) -> str:
        """Name container and prefix, and the account's endpoint."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the name of the blob in the container."""
        return posixpath.join(self._options.prefix, key)

    def check(self) -> None:
        """Look for credentials, as ``Store.check``."""
        self._link.run(lambda link: link.session.secrets())

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, or the current one, as ``Store.read``."""
        check_range(start, length)
        piece = self._link.run(lambda link: link.read(self._asked_version(link, key, version_id), start, length))
        answered = piece.stat.version_id
        if None not in (version_id, answered) and answered != version_id:
            raise IntegrityError(f"{self._url}: {key!r}: asked for version {version_id!r}, got {answered!r}")
        return piece

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Ask for one version, or the current one, by HEAD."""
        return self._link.run(lambda link: link.plain().stat(self._asked_version(link, key, version_id)))

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Upload a new version, as ``Store.put``."""

        def upload(link: Link) -> Stat:
            return link.put(self._asked(link, key, WRITING), source, md5=md5, create_only=create_only)

        return self._versioned(key, self._link.run(upload))

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Copy a version within the account, as ``Store.copy``."""

        def copy(link: Link) -> Stat:
            source = self._asked_version(link, key, version_id)
            return link.plain().copies.copy(source, self._asked(link, target, WRITING))

        return self._versioned(target, self._link.run(copy))

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List current blobs with their versions, as ``Store.listing``."""
        base = self.full_key("")
        place: Page | None = Page(self.full_key(prefix), self.full_key(after) if after else "")
        while place is not None:
            found, place = self._link.run(partial(self._page, place, prefix))
            for listed in found:
                key = listed.key.removeprefix(base)
                # A server of an older version of the service begins at the beginning.
                if not after or key_order(key) > key_order(after):
                    yield replace(listed, key=key)

    def versioning(self) -> Versioning:
        """Look whether blobs show version ids: the setting itself is the account's, and can be asked of Azure only.

        UNKNOWN where nothing is there yet, where the last blob written has no version, or where listing is refused.
        """
        try:
            shown = self._link.run(self._shows_versions)
        except AccessDeniedError:
            return Versioning.UNKNOWN
        return Versioning.ON if shown else Versioning.UNKNOWN

    def enable_versioning(self) -> None:
        """Raise StoreError with the command: the setting is the account's, and not in this service's API."""
        raise StoreError(f"{self._url}: versioning is a setting of the whole account", hint=self._enable_hint())

    def close(self) -> None:
        """Release the SDK's connections; obstore's go with the last reference."""
        self._link.current.close()

    def _shows_versions(self, link: Link) -> bool:
        return link.plain().shows_versions(self.full_key(""), self._asked(link, "", LISTING))

    def _page(self, place: Page, prefix: str, link: Link) -> tuple[list[Listed], Page | None]:
        return link.plain().page(place, self._asked(link, prefix, LISTING))

    def _versioned(self, key: str, stat: Stat) -> Stat:
        if stat.version_id is None:
            raise VersioningOffError(
                f"{self._url}: {key!r} was uploaded, but the account keeps no versions", hint=self._enable_hint()
            )
        return stat

    def _asked_version(self, link: Link, key: str, version_id: str | None) -> Question:
        asked = replace(self._asked(link, key, READING), version_id=version_id)
        if version_id == "":
            raise ValueError("an empty version id would mean the current blob")
        if version_id is not None and _VERSION_ID.fullmatch(version_id) is None:
            raise VersionNotFoundError(f"{asked}: this is no version id of Azure's, which are times")
        return asked

    def _asked(self, link: Link, key: str, needs: str) -> Question:
        full = self.full_key(key) if key else ""
        kind = VersionNotFoundError if needs == READING else StoreError
        try:
            full.encode("utf-8")
        except UnicodeEncodeError as error:
            raise kind(f"{self._url}: {key!r} is no UTF-8, and so no blob's name") from error
        if not {".", ".."}.isdisjoint(full.split("/")):
            # On the way, a URL with such a component turns into that of another blob.
            raise kind(f"{self._url}: {full!r} has a component '.' or '..', which no request can name")
        return Question(self._url, self._options.container, full, None, link.session.login, needs)

    def _enable_hint(self) -> str:
        account = self._link.current.session.login.account
        return (
            f"turn it on: az storage account blob-service-properties update --account-name {account} "
            "--resource-group GROUP --enable-versioning true (in Azure's documentation: Enable and manage blob "
            "versioning). Accounts with a hierarchical namespace cannot have versions"
        )
