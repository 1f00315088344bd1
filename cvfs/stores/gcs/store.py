"""A remote in Google Cloud Storage: one bucket, one prefix, objects by generation.

Reading needs nothing but ``storage.objects.get``: no listing and no HEAD is sent. Every object has a generation, in any
bucket; only the bucket's own setting tells whether those are kept that are no longer live.
"""

from __future__ import annotations

import logging
import posixpath
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

from cvfs.errors import AccessDeniedError, IntegrityError, StoreError, VersionNotFoundError
from cvfs.stores.gcs.answers import READING, Question, RequesterPaysError
from cvfs.stores.gcs.link import GoogleLink
from cvfs.stores.gcs.options import GcsOptions
from cvfs.stores.gcs.plain import Page
from cvfs.stores.ranges import check_range
from cvfs.stores.renewal import Renewable
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning

T = TypeVar("T")
log = logging.getLogger(__name__)


class GcsStore:
    """Implements ``Store``. Making one asks nobody: credentials are looked for on first use.

    Raises:
        RemoteError: the endpoint is no URL.
    """

    def __init__(self, options: GcsOptions, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._links = Renewable(partial(GoogleLink, options), options.label, clock)
        endpoint = self._links.current.session.custom_endpoint
        url = f"gs://{posixpath.join(options.bucket, options.prefix)}".rstrip("/")
        self._url = url if endpoint is None else f"{url} at {endpoint}"

    @property
    def url(self) -> str:
        """Name bucket and prefix, and the endpoint where it is not Google's own."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the key in the bucket."""
        return posixpath.join(self._options.prefix, key)

    def check(self) -> None:
        """Look for credentials, as ``Store.check``."""
        self._links.run(lambda link: link.session.token())

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one generation, or the live one, as ``Store.read``."""
        check_range(start, length)
        piece = self._paying(lambda link: link.read(self._asked(link, key, version_id), version_id, start, length))
        answered = piece.stat.version_id
        if version_id is not None and answered is not None and answered != version_id:
            raise IntegrityError(f"{self._url}: {key!r}: asked for version {version_id!r}, got {answered!r}")
        return piece

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Ask for one generation, or the live one."""

        def ask(link: GoogleLink) -> Stat:
            asked = self._asked(link, key, version_id)
            return link.plain().stat(version_id, asked)

        return self._paying(ask)

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Upload a new generation, as ``Store.put``. Whether it will be kept, only ``versioning`` tells."""

        def upload(link: GoogleLink) -> Stat:
            asked = self._asked(link, key, None, "storage.objects.create and, to overwrite, storage.objects.delete")
            return link.plain().uploads.put(source, asked, md5=md5, create_only=create_only)

        return self._paying(upload)

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Copy a generation on the server, as ``Store.copy``."""

        def copy(link: GoogleLink) -> Stat:
            source = self._asked(link, key, version_id, "storage.objects.get and storage.objects.create")
            return link.plain().copy(version_id, source, self._asked(link, target, None, source.needs))

        return self._paying(copy)

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List live objects with their generations, which needs storage.objects.list, as ``Store.listing``."""
        base = self.full_key("")
        begin = self.full_key(after) if after else None
        place: Page | None = Page(self.full_key(prefix), begin)
        while place is not None:
            found, place = self._paying(partial(self._page, place, prefix))
            for listed in found:
                if listed.key != begin:
                    yield replace(listed, key=listed.key.removeprefix(base))

    def versioning(self) -> Versioning:
        """Ask for the bucket's setting; UNTOLD without storage.buckets.get."""
        try:
            on = self._paying(self._versioned)
        except AccessDeniedError:
            return Versioning.UNTOLD
        return Versioning.ON if on else Versioning.OFF

    def enable_versioning(self) -> None:
        """Turn versioning on, which needs storage.buckets.update."""
        try:
            self._paying(self._enable_versioning)
        except AccessDeniedError as error:
            command = f"gcloud storage buckets update gs://{self._options.bucket} --versioning"
            raise AccessDeniedError(
                error.message, hint=f'have its owner run: {command} (see Google\'s page "Use Object Versioning")'
            ) from error

    def close(self) -> None:
        """Release the SDK's connections; obstore's go with the last reference."""
        self._links.current.close()

    def _versioned(self, link: GoogleLink) -> bool:
        return link.plain().versioned(self._asked(link, "", None, "storage.buckets.get"))

    def _enable_versioning(self, link: GoogleLink) -> None:
        link.plain().enable_versioning(self._asked(link, "", None, "storage.buckets.update"))

    def _page(self, place: Page, prefix: str, link: GoogleLink) -> tuple[list[Listed], Page | None]:
        return link.plain().page(place, self._asked(link, prefix, None, "storage.objects.list"))

    def _asked(self, link: GoogleLink, key: str, version_id: str | None, needs: str = READING) -> Question:
        full = self.full_key(key) if key else ""
        try:
            full.encode("utf-8")
        except UnicodeEncodeError as error:
            kind = VersionNotFoundError if needs == READING else StoreError
            raise kind(f"{self._url}: {key!r} is no UTF-8, and so no key in Google Cloud Storage") from error
        return Question(self._url, self._options.bucket, full, version_id, link.session.found_by, needs)

    def _paying(self, action: Callable[[GoogleLink], T]) -> T:
        """Run ``action``, and once more in the user's project's name if the bucket has those pay who ask."""
        try:
            return self._links.run(action)
        except RequesterPaysError:
            payer = self._options.project if self._options.project_may_pay else None
            stale = self._links.current
            if payer is None:
                raise
        if stale.session.payer is None:
            log.info("%s: the bucket has those pay who ask: %s will", self._url, payer)
            self._links.replace(stale, partial(GoogleLink, self._options, payer))
        return self._links.run(action)
