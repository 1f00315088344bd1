"""A remote in S3: one bucket, one prefix, objects by version id.

Reading needs nothing but ``s3:GetObjectVersion``: no LIST and no HEAD is sent. ``link`` says which reads go through
obstore and which through botocore. Credentials that are refused are looked for again now and then, so that a mount goes
on working after its user has signed in anew.
"""

from __future__ import annotations

import logging
import posixpath
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

from cvfs.errors import (
    AccessDeniedError,
    CredentialsError,
    IntegrityError,
    StoreError,
    VersioningOffError,
    VersionNotFoundError,
)
from cvfs.stores.ranges import check_range
from cvfs.stores.s3.answers import READING, READING_CURRENT, Question, UnsupportedError, WrongRegionError
from cvfs.stores.s3.link import Link
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.plain import Page
from cvfs.stores.store import Listed, Piece, Stat, Uploadable, Versioning

#: How long refused credentials are taken as final. Then files and environment are read again, because a user may have
#: signed in anew while the mount went on. Long enough that a thousand failing reads do not sign in a thousand times.
RENEWAL_INTERVAL_S = 10.0

#: The only form that may become a part of a host name.
_REGION = re.compile(r"[a-z0-9-]{1,63}")

T = TypeVar("T")
log = logging.getLogger(__name__)


class S3Store:
    """Implements ``Store``. Making one asks nobody: credentials are looked for on first use.

    Raises:
        RemoteError: the options and the AWS configuration do not make a client.
    """

    def __init__(self, options: S3Options, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._link = Link(options)
        self._next_renewal = clock() + RENEWAL_INTERVAL_S
        endpoint = self._link.session.custom_endpoint
        url = f"s3://{posixpath.join(options.bucket, options.prefix)}".rstrip("/")
        self._url = url if endpoint is None else f"{url} at {endpoint}"

    @property
    def url(self) -> str:
        """Name bucket and prefix, and the endpoint where it is not AWS's own."""
        return self._url

    def full_key(self, key: str) -> str:
        """Return the key in the bucket."""
        return posixpath.join(self._options.prefix, key)

    def check(self) -> None:
        """Look for credentials, as ``Store.check``."""
        self._renewing(lambda link: link.session.secrets())

    def read(self, key: str, version_id: str | None, start: int = 0, length: int | None = None) -> Piece:
        """Read one version, or the current object, as ``Store.read``."""
        check_range(start, length)
        if version_id == "":
            raise ValueError("an empty version id would mean the current object")
        needs = READING if version_id else READING_CURRENT
        piece = self._renewing(
            lambda link: link.read(self._asked(link, key, version_id, needs), version_id, start, length)
        )
        answered = piece.stat.version_id
        if version_id and answered is not None and answered != version_id:
            raise IntegrityError(f"{self._url}: {key!r}: asked for version {version_id!r}, got {answered!r}")
        return piece

    def stat(self, key: str, version_id: str | None = None) -> Stat:
        """Ask for one version, or the current one, by HEAD."""

        def ask(link: Link) -> Stat:
            asked = self._asked(link, key, version_id)
            return link.plain().stat(version_id, asked)

        return self._renewing(ask)

    def put(self, key: str, source: Uploadable, *, md5: str | None = None, create_only: bool = False) -> Stat:
        """Upload a new version, as ``Store.put``."""

        def upload(link: Link) -> Stat:
            asked = self._asked(link, key, None, "s3:PutObject")
            return link.put(asked, source, md5=md5, create_only=create_only)

        return self._versioned(key, self._renewing(upload))

    def copy(self, key: str, version_id: str, target: str) -> Stat:
        """Copy a version on the server, as ``Store.copy``."""
        if not version_id:
            raise ValueError("an empty version id would mean the current object")

        def copy(link: Link) -> Stat:
            source = self._asked(link, key, version_id)
            return link.plain().copies.copy(version_id, source, self._asked(link, target, None, "s3:PutObject"))

        return self._versioned(target, self._renewing(copy))

    def listing(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """List current objects with their versions, which needs s3:ListBucketVersions, as ``Store.listing``."""
        base = self.full_key("")
        place: Page | None = Page(self.full_key(prefix), self.full_key(after) if after else "")
        while place is not None:
            found, place = self._renewing(partial(self._page, place, prefix))
            for listed in found:
                yield replace(listed, key=listed.key.removeprefix(base))

    def versioning(self) -> Versioning:
        """Ask for the bucket's setting; UNKNOWN without s3:GetBucketVersioning, or where there is no such question."""
        try:
            status = self._renewing(self._versioning_status)
        except (AccessDeniedError, UnsupportedError):
            return Versioning.UNKNOWN
        return Versioning.ON if status == "Enabled" else Versioning.OFF

    def enable_versioning(self) -> None:
        """Turn versioning on, which needs s3:PutBucketVersioning."""
        try:
            self._renewing(self._enable_versioning)
        except (AccessDeniedError, UnsupportedError) as error:
            raise type(error)(error.message, hint=f"have its owner run: {self._enable_command()}") from error

    def close(self) -> None:
        """Release botocore's connections; obstore's go with the last reference."""
        self._link.close()

    def _versioning_status(self, link: Link) -> str | None:
        return link.plain().versioning_status(self._asked(link, "", None, "s3:GetBucketVersioning"))

    def _enable_versioning(self, link: Link) -> None:
        link.plain().enable_versioning(self._asked(link, "", None, "s3:PutBucketVersioning"))

    def _page(self, place: Page, prefix: str, link: Link) -> tuple[list[Listed], Page | None]:
        return link.plain().page(place, self._asked(link, prefix, None, "s3:ListBucketVersions"))

    def _versioned(self, key: str, stat: Stat) -> Stat:
        if stat.version_id is None:
            raise VersioningOffError(
                f"{self._url}: {key!r} was uploaded, but the bucket keeps no versions",
                hint=f"turn versioning on: {self._enable_command()}",
            )
        return stat

    def _asked(self, link: Link, key: str, version_id: str | None, needs: str = READING) -> Question:
        full = self.full_key(key) if key else ""
        try:
            full.encode("utf-8")
        except UnicodeEncodeError as error:
            kind = VersionNotFoundError if needs in {READING, READING_CURRENT} else StoreError
            raise kind(f"{self._url}: {key!r} is no UTF-8, and so no key in S3") from error
        return Question(self._url, self._options.bucket, full, version_id, link.session.found_by, needs)

    def _renewing(self, action: Callable[[Link], T]) -> T:
        """Run ``action``, and once more if the refusal shows how to get another answer."""
        link = self._link
        try:
            return action(link)
        except CredentialsError:
            other = self._renew(link)
            if other is None:
                raise
        except WrongRegionError as error:
            other = self._move(link, error.region)
            if other is None:
                raise
        return action(other)

    def _move(self, stale: Link, region: str | None) -> Link | None:
        """Sign for the bucket's own region from now on, as botocore does by itself."""
        with self._lock:
            if self._link is not stale:
                return self._link
            found = region or stale.session.bucket_region()
            if found is None or found == stale.session.region or _REGION.fullmatch(found) is None:
                return None
            log.info("%s: the bucket is in %s; its region option would save asking", self._url, found)
            self._options = replace(self._options, region=found)
            self._link = Link(self._options)
            return self._link

    def _renew(self, stale: Link) -> Link | None:
        with self._lock:
            if self._link is not stale:
                return self._link
            if self._clock() < self._next_renewal:
                return None
            self._next_renewal = self._clock() + RENEWAL_INTERVAL_S
            fresh = Link(self._options)
            if not fresh.has_other_secrets_than(stale):
                return None
            log.info("%s: found other credentials and will use them", self._url)
            self._link = fresh
            return fresh

    def _enable_command(self) -> str:
        words = ["aws", "s3api", "put-bucket-versioning", "--bucket", self._options.bucket]
        words += ["--versioning-configuration", "Status=Enabled"]
        if (endpoint := self._link.session.custom_endpoint) is not None:
            words += ["--endpoint-url", endpoint]
        return f'{shlex.join(words)} (Amazon S3 User Guide, "Enabling versioning on buckets")'
